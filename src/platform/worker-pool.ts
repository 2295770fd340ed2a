import { Worker } from "node:worker_threads";
import { BoojumError } from "../protocol/errors.ts";

/** A thread of ours died: a defect, or a machine out of memory. */
export class WorkerCrashError extends BoojumError {
  constructor(entry: URL, reason: string, options?: ErrorOptions) {
    super("worker", `A worker thread of Boojum stopped unexpectedly (${entry.pathname}): ${reason}`, options);
  }
}

export interface WorkerTask {
  /** How many threads work on it; at least 1. */
  readonly count: number;
  /** Posted to each of them; what isn't shared memory is copied for each. */
  readonly data: unknown;
  /** Called with the one answer of each thread, which says that it is done. What it throws ends everything. */
  readonly onAnswer: (answer: unknown) => void;
}

/**
 * Threads that run one module and get one task after the other: to be kept as long as there may be more, since starting
 * one takes as long as hashing 30 MiB. The module answers each message of its `parentPort` with one. The first failure
 * ends all of the threads, and so does an abort of the signal that came with a task.
 */
export class WorkerPool {
  readonly #entry: URL;
  readonly #workers: Worker[] = [];
  readonly #ends: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;

  /** @param entry the module that each thread runs */
  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** Starts what is missing of `count` threads: for who knows before there is a task. Trouble is told by `run`. */
  start(count: number): void {
    try {
      while (this.#workers.length < count && this.#failure === undefined) {
        // The parent's flags are its own affair: a debugger's port or a test runner's loader must not be taken twice.
        const worker = new Worker(this.#entry, { execArgv: [] });
        this.#workers.push(worker);
        this.#ends.push(this.#watch(worker));
      }
    } catch (cause) {
      this.#fail(new WorkerCrashError(this.#entry, String(cause), { cause }));
    }
  }

  /**
   * One task at a time.
   * @returns when all threads have answered. Rejects with the first failure, and then no thread is left: what `onAnswer`
   *   threw, the signal's reason, or a WorkerCrashError.
   */
  async run({ count, data, onAnswer }: WorkerTask, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.start(count);
    const onAbort = () => this.#fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      // A thread that is no more would never answer.
      if (this.#failure === undefined)
        await Promise.all(this.#workers.slice(0, count).map((worker) => this.#ask(worker, data, onAnswer)));
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    if (this.#failure === undefined) return;
    await Promise.all(this.#ends);
    throw this.#failure.error;
  }

  /** For good, whatever they are doing. @returns when no thread is left. */
  async close(): Promise<void> {
    this.#fail(new WorkerCrashError(this.#entry, "it was stopped"));
    await Promise.all(this.#ends);
  }

  /** @returns when it has answered, or is no more; never rejects. */
  #ask(worker: Worker, data: unknown, onAnswer: (answer: unknown) => void): Promise<void> {
    return new Promise((resolve) => {
      worker.once("exit", resolve);
      worker.once("message", (answer: unknown) => {
        worker.off("exit", resolve);
        try {
          onAnswer(answer);
        } catch (error) {
          this.#fail(error);
        }
        resolve();
      });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(data);
    });
  }

  /** @returns when the thread is no more; never rejects. */
  #watch(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      worker.on("error", (cause: unknown) => {
        const reason = cause instanceof Error ? cause.message : String(cause);
        this.#fail(new WorkerCrashError(this.#entry, reason, { cause }));
      });
      worker.on("exit", (code) => {
        this.#fail(new WorkerCrashError(this.#entry, `exit code ${code}`));
        resolve();
      });
    });
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    for (const worker of this.#workers) void worker.terminate();
  }
}
