/** Buffers between disk and sockets: a few large ones that are used again and again. */

/** Measured: larger ones fall out of the processor's cache, smaller ones cost more calls. */
const LARGE_BLOCK = 128 * 1024;
/** What a reader gets who is slow, or comes when all large blocks are lent: a thousand of them are still little. */
const SMALL_BLOCK = 16 * 1024;
/** 8 MiB of large blocks in all. */
const MAX_LENT = 64;

/** Lends blocks; one that is not given back is only lost from the count when its holder forgets it. */
export class BlockPool {
  readonly #free: Uint8Array[] = [];
  #lent = 0;

  /** Large when there is one and `small` is false. The borrower gives it back with {@link giveBack}. */
  borrow(small: boolean): Uint8Array {
    if (small || this.#lent >= MAX_LENT) return Buffer.allocUnsafe(SMALL_BLOCK);
    this.#lent++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BLOCK);
  }

  /** `block` must not be in use any more, by the system neither. */
  giveBack(block: Uint8Array): void {
    if (block.length !== LARGE_BLOCK) return;
    this.#lent--;
    this.#free.push(block);
  }
}
