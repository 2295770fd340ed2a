/** How much idle memory is kept; the rest is left to the garbage collector. */
const KEEP_BYTES = 32 * 1024 * 1024;

/** Memory for pieces under way: reused, because touching fresh memory costs more than copying a block into it. */
export class PieceBuffers {
  readonly #pieceLength: number;
  readonly #keep: number;
  readonly #idle: Uint8Array[] = [];

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength;
    this.#keep = Math.max(2, Math.floor(KEEP_BYTES / pieceLength));
  }

  /** A buffer of one piece's length, full of leftovers; the caller has it until `give`. */
  take(): Uint8Array {
    return this.#idle.pop() ?? new Uint8Array(this.#pieceLength);
  }

  give(buffer: Uint8Array): void {
    if (this.#idle.length < this.#keep) this.#idle.push(buffer);
  }

  clear(): void {
    this.#idle.length = 0;
  }
}
