import { setImmediate as nextTurn } from "node:timers/promises";

/** Milliseconds; others wait that long at the most. */
const SLICE = 10;

/** For long work on the main thread: cuts it into slices, between which the loop serves everybody else. */
export class Slices {
  #since = performance.now();

  /** Whether it is time for {@link next}. */
  get isOver(): boolean {
    return performance.now() - this.#since > SLICE;
  }

  /** @returns when the others had their turn. @throws the signal's reason once it is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    await nextTurn();
    signal.throwIfAborted();
    this.#since = performance.now();
  }
}
