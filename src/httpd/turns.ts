/** Shares the event loop: however many downloads run, everything else gets its turn after every megabyte. */

/** Measured: throughput stays the same down to half of it; a turn takes about a millisecond. */
const BYTES_IN_A_TURN = 1024 * 1024;

/** Sending blocks, a bounded number of bytes in each turn of the event loop, whoever waits first in line. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #spent = 0;
  #isScheduled = false;

  /** Runs `task`, which sends one block: now, or in a later turn. */
  run(task: () => void): void {
    if (this.#waiting.length === 0 && this.#spent < BYTES_IN_A_TURN) task();
    else {
      this.#waiting.push(task);
      this.#schedule();
    }
  }

  /** Tells that so many bytes were sent in this turn. */
  spend(bytes: number): void {
    this.#spent += bytes;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#spent = 0;
      while (this.#spent < BYTES_IN_A_TURN) {
        const task = this.#waiting.shift();
        if (task === undefined) return;
        task();
      }
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
