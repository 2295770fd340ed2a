import { sleepCount } from "./sleeps.ts";

/** So many operations after one that took long are looked at closely: from a cold disk more of them do. */
const WATCHED = 16;

/**
 * Tells synchronous file operations that waited for a disk from those that took long because other programs had the
 * processor: then no thread of ours went to sleep. Asking for that costs up to half a cached read, so it is asked only
 * after an operation that took long, and it takes two to prove a disk slow.
 */
export class DiskWatch {
  readonly #now: () => number;
  readonly #slow: number;
  readonly #sleeps: () => number;
  /** Operations still to be looked at closely. */
  #watched = 0;

  /**
   * @param now milliseconds
   * @param slow how long an operation may take
   * @param sleeps how often threads of this process have gone to sleep so far
   */
  constructor(now: () => number, slow: number, sleeps: () => number = sleepCount) {
    this.#now = now;
    this.#slow = slow;
    this.#sleeps = sleeps;
  }

  /** Does `operation`, and calls `waited`, even when it throws, if it was seen to have waited for a disk. */
  time<T>(operation: () => T, waited: () => void): T {
    const isWatched = this.#watched > 0;
    if (isWatched) this.#watched--;
    const sleeps = isWatched ? this.#sleeps() : 0;
    const start = this.#now();
    try {
      return operation();
    } finally {
      if (this.#now() - start > this.#slow) {
        this.#watched = WATCHED;
        if (isWatched && this.#sleeps() !== sleeps) waited();
      }
    }
  }
}
