import type { Clock, Millis, Timer } from "../../src/protocol/ambient.ts";

interface Task {
  readonly at: Millis;
  /** Breaks ties: what was asked for first runs first. */
  readonly turn: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Time that passes only when a test says so; the same calls give the same run. */
export class FakeClock implements Clock {
  #now: Millis;
  #turn = 0;
  #live = 0;
  /** A binary heap; the earliest task is first. */
  readonly #tasks: Task[] = [];

  constructor(now: Millis = 0) {
    this.#now = now;
  }

  /** How many timers wait: 0 shows that nothing was left behind. */
  get pending(): number {
    return this.#live;
  }

  now(): Millis {
    return this.#now;
  }

  after(delay: Millis, run: () => void): Timer {
    const task: Task = { at: this.#now + Math.max(0, delay), turn: this.#turn++, run, cancelled: false };
    this.#push(task);
    this.#live++;
    return {
      cancel: () => {
        if (!task.cancelled) this.#live--;
        task.cancelled = true;
      },
    };
  }

  /** Lets `duration` milliseconds pass, and all promises settle that can. */
  async advance(duration: Millis): Promise<void> {
    const end = this.#now + duration;
    await settle();
    while ((this.#nextAt() ?? Number.POSITIVE_INFINITY) <= end) {
      this.#runInstant();
      await settle();
    }
    this.#now = end;
  }

  /**
   * Lets time pass until `done()`; checked whenever something has happened.
   * @throws when that is not so after `limit` milliseconds, or when nothing is left to happen.
   */
  async runUntil(done: () => boolean, limit: Millis): Promise<void> {
    const end = this.#now + limit;
    await settle();
    while (!done()) {
      const next = this.#nextAt();
      if (next === undefined) throw new Error(`nothing is left to happen at ${this.#now} ms`);
      if (next > end) throw new Error(`still not done at ${end} ms`);
      this.#runInstant();
      await settle();
    }
  }

  /** Runs what is due at the next instant, without what it adds to that instant. */
  #runInstant(): void {
    const at = this.#nextAt();
    if (at === undefined) return;
    this.#now = at;
    const lastTurn = this.#turn;
    for (;;) {
      const task = this.#tasks[0];
      if (task === undefined || task.at > at || task.turn >= lastTurn) return;
      this.#pop();
      if (task.cancelled) continue;
      task.cancelled = true;
      this.#live--;
      task.run();
    }
  }

  #nextAt(): Millis | undefined {
    while (this.#tasks[0]?.cancelled) this.#pop();
    return this.#tasks[0]?.at;
  }

  #push(task: Task): void {
    const tasks = this.#tasks;
    let i = tasks.length;
    tasks.push(task);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = tasks[parent];
      if (above === undefined || !isBefore(task, above)) break;
      tasks[i] = above;
      i = parent;
    }
    tasks[i] = task;
  }

  #pop(): void {
    const tasks = this.#tasks;
    const last = tasks.pop();
    if (last === undefined || tasks.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let below = tasks[child];
      if (below === undefined) break;
      const right = tasks[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        child++;
        below = right;
      }
      if (!isBefore(below, last)) break;
      tasks[i] = below;
      i = child;
    }
    tasks[i] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.turn < b.turn);
}

/** Lets every promise settle that waits for nothing but other promises: a macrotask comes after all of them. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
