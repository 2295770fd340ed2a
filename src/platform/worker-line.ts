import { Worker } from "node:worker_threads";
import { WorkerCrashError } from "./worker-pool.ts";

/** Messages are soon forgotten: with as much room as a program has, they would fill 30 MiB before anybody looks. */
const YOUNG_MIB = 4;

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One thread that is asked many things and answers each in turn: its module answers every message of its `parentPort` with
 * one, in order. Started when it's made; whoever makes one closes it.
 */
export class WorkerLine {
  readonly #worker: Worker;
  readonly #end: Promise<void>;
  /** In order of their answers. */
  readonly #asked: Asked[] = [];
  #failure: WorkerCrashError | undefined;

  /** @param entry the module that the thread runs */
  constructor(entry: URL) {
    // The parent's flags are its own affair, as in WorkerPool.
    this.#worker = new Worker(entry, {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    this.#worker.on("message", (answer: unknown) => this.#asked.shift()?.resolve(answer));
    this.#worker.on("error", (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#fail(new WorkerCrashError(entry, reason, { cause }));
    });
    this.#end = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#fail(new WorkerCrashError(entry, `exit code ${code}`));
        resolve();
      });
    });
  }

  /**
   * @param task what isn't shared memory is copied
   * @throws {WorkerCrashError} the thread is no more
   */
  ask(task: unknown): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      this.#worker.postMessage(task);
    });
  }

  /** For good; what is asked still is refused. @returns when the thread is no more. */
  async close(): Promise<void> {
    void this.#worker.terminate();
    await this.#end;
  }

  #fail(error: WorkerCrashError): void {
    this.#failure ??= error;
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
  }
}
