import { Worker } from "node:worker_threads";
import { BoojumError } from "../protocol/errors.ts";

/** A thread of ours died: a defect, or a machine out of memory. */
export class WorkerCrashError extends BoojumError {
  constructor(entry: URL, reason: string, options?: ErrorOptions) {
    super("worker", `A worker thread of Boojum stopped unexpectedly (${entry.pathname}): ${reason}`, options);
  }
}

export interface WorkerJob {
  /** The module that each thread runs. */
  readonly entry: URL;
  /** How many threads; at least 1. */
  readonly count: number;
  /** Given to each as `workerData`; what isn't shared memory is copied for each. */
  readonly data: unknown;
  /** Called with everything that a thread posts. What it throws ends the whole job. */
  readonly onMessage: (message: unknown) => void;
}

/**
 * Runs a module on several threads at once and waits until each has come to its end by itself. The first failure
 * stops them all, and so does `signal`.
 * @returns when no thread is left, in any case; rejects with the first failure: what `onMessage` threw, the signal's
 *   reason, or a WorkerCrashError.
 */
export async function runWorkers(job: WorkerJob, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let failure: { readonly error: unknown } | undefined;
  const workers: Worker[] = [];
  const fail = (error: unknown) => {
    if (failure !== undefined) return;
    failure = { error };
    for (const worker of workers) void worker.terminate();
  };
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const ends: Promise<void>[] = [];
    for (let i = 0; i < job.count; i++) {
      // The parent's flags are its own affair: a debugger's port or a test runner's loader must not be taken twice.
      const worker = new Worker(job.entry, { workerData: job.data, execArgv: [] });
      workers.push(worker);
      ends.push(watch(worker, job, fail));
    }
    await Promise.all(ends);
  } catch (cause) {
    fail(new WorkerCrashError(job.entry, String(cause), { cause }));
    await Promise.all(workers.map((worker) => worker.terminate()));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  if (failure !== undefined) throw failure.error;
}

/** @returns when the thread is no more; never rejects. */
function watch(worker: Worker, job: WorkerJob, fail: (error: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    worker.on("message", (message: unknown) => {
      try {
        job.onMessage(message);
      } catch (error) {
        fail(error);
      }
    });
    worker.on("error", (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      fail(new WorkerCrashError(job.entry, reason, { cause }));
    });
    worker.on("exit", (code) => {
      if (code !== 0) fail(new WorkerCrashError(job.entry, `exit code ${code}`));
      resolve();
    });
  });
}
