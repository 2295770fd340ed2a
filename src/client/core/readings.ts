/** Where somebody reads a torrent while it comes: which pieces are needed first, and in which order. */

/** Bytes behind a reader's position that are fetched before everything else, in order. */
const READ_AHEAD = 32 * 1024 * 1024;
/** ... in pieces, whatever their size: the second is fetched while the first is read. */
const LEAST_AHEAD = 2;
const MOST_AHEAD = 1_024;
/** Bytes that a reader waits for already, or soon will. */
const NEAR = 4 * 1024 * 1024;

/** One reader: it needs `at`, and then what follows, up to but without `end`. Pieces. */
export interface Reading {
  at: number;
  readonly end: number;
}

export class Readings {
  readonly #missing: { has(piece: number): boolean };
  readonly #ahead: number;
  readonly #near: number;
  readonly #readings = new Set<Reading>();

  /** @param missing the pieces that are to be had still: live */
  constructor(missing: { has(piece: number): boolean }, pieceLength: number) {
    this.#missing = missing;
    this.#ahead = Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, Math.ceil(READ_AHEAD / pieceLength)));
    this.#near = Math.min(this.#ahead, Math.max(LEAST_AHEAD, Math.ceil(NEAR / pieceLength)));
  }

  get isEmpty(): boolean {
    return this.#readings.size === 0;
  }

  add(reading: Reading): void {
    this.#readings.add(reading);
  }

  delete(reading: Reading): void {
    this.#readings.delete(reading);
  }

  /** Whether a reader will soon come to `piece`. */
  isAhead(piece: number): boolean {
    return this.#isWithin(piece, this.#ahead);
  }

  /** ... or waits for it already. */
  isNear(piece: number): boolean {
    return this.#isWithin(piece, this.#near);
  }

  /**
   * The missing pieces ahead of all readers, in the order in which they are needed: each reader's next one before anybody's
   * second. A piece that two need may come twice.
   * @param visit returns false to end it
   */
  visit(visit: (piece: number) => boolean): void {
    for (let ahead = 0; ahead < this.#ahead; ahead++) {
      let isOver = true;
      for (const { at, end } of this.#readings) {
        const piece = at + ahead;
        if (piece >= end) continue;
        isOver = false;
        if (this.#missing.has(piece) && !visit(piece)) return;
      }
      if (isOver) return;
    }
  }

  /** The first piece that each reader lacks. */
  *heads(): Generator<number> {
    for (const { at, end } of this.#readings) {
      const last = Math.min(end, at + this.#near);
      for (let piece = at; piece < last; piece++) {
        if (!this.#missing.has(piece)) continue;
        yield piece;
        break;
      }
    }
  }

  #isWithin(piece: number, count: number): boolean {
    for (const { at, end } of this.#readings) {
      if (piece >= at && piece < end && piece < at + count) return true;
    }
    return false;
  }
}
