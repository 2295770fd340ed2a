import type { Random } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";

/** How many of the rarest pieces are looked at one by one before the whole is looked at 8 pieces a step. */
const NEAR = 256;
/** How many candidates are compared when the whole is looked at. */
const SAMPLE = 32;

/**
 * The pieces that nobody has started yet, ordered by how many peers have them: rarest first, ties at random.
 * Each change and each search of a complete peer is O(1) in the number of pieces; a peer that has only common
 * pieces costs at most one pass over the two bitfields, byte by byte.
 *
 * Complete peers are not counted: they add the same to every piece, and a seeder that comes or goes must not cost
 * a pass over all pieces.
 */
export class PieceOrder {
  readonly #random: Random;
  readonly #availability: Uint16Array;
  readonly #idle: Bitfield;
  /** Where an idle piece is in its bucket. */
  readonly #position: Int32Array;
  /** `#buckets[n]`: the idle pieces that n incomplete peers have. */
  readonly #buckets: number[][] = [[]];

  constructor(pieceCount: number, random: Random) {
    this.#random = random;
    this.#availability = new Uint16Array(pieceCount);
    this.#idle = new Bitfield(pieceCount);
    this.#position = new Int32Array(pieceCount);
  }

  /** How many pieces are idle. */
  get size(): number {
    return this.#idle.count;
  }

  has(piece: number): boolean {
    return this.#idle.has(piece);
  }

  /** How many incomplete peers have `piece`. */
  availability(piece: number): number {
    return this.#availability[piece] ?? 0;
  }

  insert(piece: number): void {
    if (this.#idle.add(piece)) this.#place(piece);
  }

  remove(piece: number): void {
    if (this.#idle.delete(piece)) this.#unplace(piece);
  }

  /** One more peer has `piece` (`by` = 1), or one fewer (`by` = -1). */
  count(piece: number, by: 1 | -1): void {
    const idle = this.#idle.has(piece);
    if (idle) this.#unplace(piece);
    this.#availability[piece] = this.availability(piece) + by;
    if (idle) this.#place(piece);
  }

  /** The rarest idle piece in `have`, or undefined when none of them is idle. */
  find(have: Bitfield): number | undefined {
    if (this.#idle.count === 0) return undefined;
    let looked = 0;
    for (const bucket of this.#buckets) {
      const start = Math.floor(this.#random.next() * bucket.length);
      for (let i = 0; i < bucket.length; i++) {
        const piece = bucket[(start + i) % bucket.length] ?? 0;
        if (have.has(piece)) return piece;
        if (++looked === NEAR) return this.#search(have);
      }
    }
    return undefined;
  }

  /** The rarest of some idle pieces in `have`, looked for from a random place on. */
  #search(have: Bitfield): number | undefined {
    const idle = this.#idle.bytes;
    const start = Math.floor(this.#random.next() * idle.length);
    let best: number | undefined;
    let found = 0;
    for (let i = 0; i < idle.length; i++) {
      const at = start + i < idle.length ? start + i : start + i - idle.length;
      const both = (idle[at] ?? 0) & (have.bytes[at] ?? 0);
      if (both === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((both & (0x80 >> bit)) === 0) continue;
        const piece = at * 8 + bit;
        if (best === undefined || this.availability(piece) < this.availability(best)) best = piece;
        found++;
      }
      if (found >= SAMPLE) break;
    }
    return best;
  }

  #place(piece: number): void {
    const count = this.availability(piece);
    while (this.#buckets.length <= count) this.#buckets.push([]);
    const bucket = this.#buckets[count] ?? [];
    this.#position[piece] = bucket.length;
    bucket.push(piece);
  }

  #unplace(piece: number): void {
    const bucket = this.#buckets[this.availability(piece)] ?? [];
    const position = this.#position[piece] ?? 0;
    const last = bucket.pop() ?? piece;
    if (last === piece) return;
    bucket[position] = last;
    this.#position[last] = position;
  }
}
