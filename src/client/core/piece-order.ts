import type { Random } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";

/** How many of the rarest pieces are looked at one by one before the whole is looked at 8 pieces a step. */
const NEAR = 256;
/** How many equally rare candidates are compared. */
const SAMPLE = 64;

/**
 * The pieces that nobody has started yet, ordered by how many peers have them: rarest first, ties by `rank` among
 * some taken at random.
 * Each change and each search of a complete peer is O(1) in the number of pieces; a peer that has only common
 * pieces costs at most one pass over the two bitfields, byte by byte.
 *
 * Complete peers are not counted: they add the same to every piece, and a seeder that comes or goes must not cost
 * a pass over all pieces.
 */
export class PieceOrder {
  readonly #random: Random;
  readonly #rank: (piece: number) => number;
  readonly #availability: Uint16Array;
  readonly #idle: Bitfield;
  /** Where an idle piece is in its bucket. */
  readonly #position: Int32Array;
  /** `#buckets[n]`: the idle pieces that n incomplete peers have. */
  readonly #buckets: number[][] = [[]];

  /** @param rank among equally rare pieces the lowest goes first; 0 is the best there is. */
  constructor(pieceCount: number, random: Random, rank: (piece: number) => number) {
    this.#random = random;
    this.#rank = rank;
    this.#availability = new Uint16Array(pieceCount);
    this.#idle = new Bitfield(pieceCount);
    this.#position = new Int32Array(pieceCount);
  }

  /** How many pieces are idle. */
  get size(): number {
    return this.#idle.count;
  }

  /** There are idle pieces that no incomplete peer has. */
  get hasUnheld(): boolean {
    return (this.#buckets[0]?.length ?? 0) > 0;
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

  /** One of the rarest idle pieces in `have`, or undefined when none of them is idle. */
  find(have: Bitfield): number | undefined {
    if (this.#idle.count === 0) return undefined;
    let looked = 0;
    for (const bucket of this.#buckets) {
      const best = new Best(this.#rank);
      const start = Math.floor(this.#random.next() * bucket.length);
      for (let i = 0; i < bucket.length && !best.isEnough; i++) {
        const piece = bucket[(start + i) % bucket.length] ?? 0;
        if (have.has(piece)) best.offer(piece);
        else if (++looked === NEAR) return best.piece ?? this.#search(have);
      }
      if (best.piece !== undefined) return best.piece;
    }
    return undefined;
  }

  /** The rarest of some idle pieces in `have`, looked for from a random place on. */
  #search(have: Bitfield): number | undefined {
    const idle = this.#idle.bytes;
    const start = Math.floor(this.#random.next() * idle.length);
    let best: number | undefined;
    let found = 0;
    for (let i = 0; i < idle.length && found < SAMPLE; i++) {
      const at = start + i < idle.length ? start + i : start + i - idle.length;
      const both = (idle[at] ?? 0) & (have.bytes[at] ?? 0);
      if (both === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((both & (0x80 >> bit)) === 0) continue;
        const piece = at * 8 + bit;
        if (best === undefined || this.availability(piece) < this.availability(best)) best = piece;
        found++;
      }
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

/** The candidate with the lowest rank so far. */
class Best {
  piece: number | undefined = undefined;
  readonly #rankOf: (piece: number) => number;
  #rank = Number.POSITIVE_INFINITY;
  #offers = 0;

  constructor(rankOf: (piece: number) => number) {
    this.#rankOf = rankOf;
  }

  /** A better one can't come, or isn't worth looking for. */
  get isEnough(): boolean {
    return this.#rank === 0 || this.#offers >= SAMPLE;
  }

  offer(piece: number): void {
    this.#offers++;
    const rank = this.#rankOf(piece);
    if (rank >= this.#rank) return;
    this.#rank = rank;
    this.piece = piece;
  }
}
