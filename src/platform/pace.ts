import type { Clock, Millis } from "../protocol/ambient.ts";
import { DiskWatch } from "./disk-watch.ts";

/** An operation that took longer than this was held up: it's 20 times what the largest cached read takes. */
const SLOW: Millis = 5;
const FIRST_PAUSE: Millis = 200;
/** Short, since not everything that holds us up is a slow disk; even so a disk does so 1 % of the time. */
const LONGEST_PAUSE: Millis = 2_000;

/**
 * Decides between doing a file operation at once and handing it to the thread pool. At once is cheaper while the data
 * are in the page cache (the hop costs more than the read); a slow disk would hold up everything else, so once it is seen
 * to be slow it is the thread pool for a while, and longer each time.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #watch: DiskWatch;
  #asyncUntil: Millis = Number.NEGATIVE_INFINITY;
  #pause = FIRST_PAUSE;

  /** @param sleeps how often threads of this process have gone to sleep so far; the system's count by default */
  constructor(clock: Clock, sleeps?: () => number) {
    this.#clock = clock;
    this.#watch = new DiskWatch(() => clock.now(), SLOW, sleeps);
  }

  /** Whether to do the next operation at once. */
  get isFast(): boolean {
    const now = this.#clock.now();
    if (this.#pause > FIRST_PAUSE && now - this.#asyncUntil > 2 * this.#pause) this.#pause = FIRST_PAUSE;
    return now >= this.#asyncUntil;
  }

  /** Does `operation` at once and remembers whether it was slow. */
  time<T>(operation: () => T): T {
    return this.#watch.time(operation, this.#waited);
  }

  readonly #waited = () => {
    this.#asyncUntil = this.#clock.now() + this.#pause;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  };
}
