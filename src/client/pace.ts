import type { Clock, Millis } from "../protocol/ambient.ts";

/** An operation that took longer than this waited for a disk: 20 times what the largest cached read takes. */
const SLOW: Millis = 5;
const FIRST_PAUSE: Millis = 200;
/** Short, since a busy machine looks like a slow disk now and then; even so a disk holds us up 1 % of the time. */
const LONGEST_PAUSE: Millis = 2_000;

/**
 * Decides between doing a file operation at once and handing it to the thread pool. At once is cheaper while the data
 * are in the page cache (the hop costs more than the read); a slow disk would hold up everything else, so after one slow
 * operation it is the thread pool for a while, and longer each time.
 */
export class Pace {
  readonly #clock: Clock;
  #asyncUntil: Millis = Number.NEGATIVE_INFINITY;
  #pause = FIRST_PAUSE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to do the next operation at once. */
  get isFast(): boolean {
    return this.#clock.now() >= this.#asyncUntil;
  }

  /** Does `operation` at once and remembers how long it took. */
  time<T>(operation: () => T): T {
    const start = this.#clock.now();
    try {
      return operation();
    } finally {
      const end = this.#clock.now();
      if (end - start > SLOW) {
        this.#asyncUntil = end + this.#pause;
        this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
      } else if (this.#pause > FIRST_PAUSE && end - this.#asyncUntil > 2 * this.#pause) {
        this.#pause = FIRST_PAUSE;
      }
    }
  }
}
