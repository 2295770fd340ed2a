import { ProtocolError } from "./errors.ts";
import type { PieceIndex } from "./ids.ts";

/** A set of pieces, packed as on the wire: the highest bit of the first byte is piece 0 (BEP 3, "bitfield"). */
export class Bitfield {
  /** The packed bits, owned by this object; spare bits at the end are always zero. */
  readonly bytes: Uint8Array;
  /** How many pieces there are, present or not. */
  readonly length: number;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  static full(length: number): Bitfield {
    const field = new Bitfield(length);
    field.bytes.fill(0xff);
    const spare = field.bytes.length * 8 - length;
    if (spare > 0) field.bytes[field.bytes.length - 1] = (0xff << spare) & 0xff;
    field.#count = length;
    return field;
  }

  /**
   * Reads a bitfield received from a peer.
   * @throws {ProtocolError} when it is too short, too long or has a spare bit set (BEP 3).
   */
  static from(packed: Uint8Array, length: number): Bitfield {
    const field = new Bitfield(length);
    if (packed.length !== field.bytes.length) {
      throw new ProtocolError(
        `a bitfield of ${length} pieces has ${field.bytes.length} bytes, not ${packed.length}`,
      );
    }
    field.bytes.set(packed);
    const spare = packed.length * 8 - length;
    if (spare > 0 && ((packed[packed.length - 1] ?? 0) & ((1 << spare) - 1)) !== 0) {
      throw new ProtocolError("a bitfield has spare bits set");
    }
    for (let byte of packed) for (; byte !== 0; byte &= byte - 1) field.#count++;
    return field;
  }

  /** How many pieces are present. */
  get count(): number {
    return this.#count;
  }

  get isComplete(): boolean {
    return this.#count === this.length;
  }

  has(piece: PieceIndex | number): boolean {
    return ((this.bytes[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
  }

  /** @returns whether this changed anything; a piece that does not exist can't be added. */
  add(piece: PieceIndex | number): boolean {
    if (piece < 0 || piece >= this.length || this.has(piece)) return false;
    this.bytes[piece >> 3] = (this.bytes[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
    this.#count++;
    return true;
  }

  /** @returns whether this changed anything. */
  delete(piece: PieceIndex | number): boolean {
    if (!this.has(piece)) return false;
    this.bytes[piece >> 3] = (this.bytes[piece >> 3] ?? 0) & ~(0x80 >> (piece & 7));
    this.#count--;
    return true;
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.bytes.set(this.bytes);
    copy.#count = this.#count;
    return copy;
  }

  /** The indexes of the pieces that are present, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const [i, byte] of this.bytes.entries()) {
      // The highest bit that is set comes first; `clz32` counts from bit 31.
      for (let rest = byte; rest !== 0; rest &= ~(0x80 >> (Math.clz32(rest) - 24))) {
        yield i * 8 + Math.clz32(rest) - 24;
      }
    }
  }
}
