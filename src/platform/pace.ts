import type { Clock, Millis } from "../protocol/ambient.ts";

/** An operation that took longer than this was held up: it's 20 times what the largest cached read takes. */
const SLOW: Millis = 5;
const FIRST_PAUSE: Millis = 200;
/** Short, since not everything that holds us up once is a slow disk; even so a disk does so 1 % of the time. */
const LONGEST_PAUSE: Millis = 2_000;
/** So many operations after one that was held up are looked at closely: from a cold disk more of them are. */
const WATCHED = 16;

/**
 * Decides between doing a file operation at once and handing it to the thread pool. At once is cheaper while the data
 * are in the page cache (the hop costs more than the read); a slow disk would hold up everything else, so once it is seen
 * to be slow it is the thread pool for a while, and longer each time. On a busy machine an operation also takes long
 * because other programs run meanwhile; then no thread of ours goes to sleep, and the thread pool would only add to it.
 * Asking for that costs up to half a cached read, so it is asked only after an operation that took long.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #sleeps: () => number;
  #asyncUntil: Millis = Number.NEGATIVE_INFINITY;
  #pause = FIRST_PAUSE;
  /** Operations still to be looked at closely. */
  #watched = 0;

  /** @param sleeps how often threads of this process have gone to sleep so far */
  constructor(clock: Clock, sleeps: () => number) {
    this.#clock = clock;
    this.#sleeps = sleeps;
  }

  /** Whether to do the next operation at once. */
  get isFast(): boolean {
    return this.#clock.now() >= this.#asyncUntil;
  }

  /** Does `operation` at once and remembers whether it was slow. */
  time<T>(operation: () => T): T {
    const isWatched = this.#watched > 0;
    if (isWatched) this.#watched--;
    const sleeps = isWatched ? this.#sleeps() : 0;
    const start = this.#clock.now();
    try {
      return operation();
    } finally {
      const end = this.#clock.now();
      if (end - start > SLOW) {
        this.#watched = WATCHED;
        if (isWatched && this.#sleeps() !== sleeps) {
          this.#asyncUntil = end + this.#pause;
          this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
        }
      } else if (this.#pause > FIRST_PAUSE && end - this.#asyncUntil > 2 * this.#pause) {
        this.#pause = FIRST_PAUSE;
      }
    }
  }
}
