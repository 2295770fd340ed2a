/** When it pays to have pieces checked and written by a thread of their own. */
import type { Millis } from "../../protocol/ambient.ts";

/** A thread costs as much as checking and writing so many bytes; opening a file costs as much as so many. */
const WORTH_A_THREAD = 64 * 1024 * 1024;
const COST_OF_A_FILE = 32 * 1024;
/**
 * Work comes fast when so much of it takes no longer than that. Slower than 32 MiB a second, checking and writing are
 * less than a thirtieth of what the loop could do, and a piece costs it less than asking a thread does.
 */
const STRETCH = 16 * 1024 * 1024;
const FAST: Millis = 500;

/** What checking and writing so much costs, in bytes. */
export function workOf(bytes: number, files: number): number {
  return bytes + files * COST_OF_A_FILE;
}

/** Looks at the work as it comes, and says when there is enough of it to come, and fast enough. */
export class ThreadWorth {
  #left: number;
  #stretch = 0;
  #since: Millis | undefined;

  /** @param left all the work that is to come */
  constructor(left: number) {
    this.#left = left;
  }

  /** Whether it can ever pay. */
  static isPossible(work: number): boolean {
    return work >= WORTH_A_THREAD + STRETCH;
  }

  /** Some of the work is here. @returns whether a thread pays for what is left. */
  came(work: number, now: Millis): boolean {
    this.#left -= work;
    // How long the first piece was on its way isn't known.
    if (this.#since === undefined) {
      this.#since = now;
      return false;
    }
    this.#stretch += work;
    if (this.#stretch < STRETCH) return false;
    const isFast = now - this.#since <= FAST;
    this.#stretch = 0;
    this.#since = now;
    return isFast && this.#left >= WORTH_A_THREAD;
  }
}
