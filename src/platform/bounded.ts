/** Many asynchronous operations, a bounded number of them at a time. */

type Done = (error?: unknown) => void;

/**
 * Runs `task` for everything in `queue`, at most `limit` at a time; tasks may add to the queue. After a failure, or
 * when `signal` aborts, no further task starts.
 * @returns when no task is running any more; rejects with the first failure, or with the signal's reason.
 */
export function drainQueue<Item>(
  queue: Item[],
  limit: number,
  task: (item: Item) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const startNext = (done: Done) => {
    const item = queue.pop();
    if (item === undefined) return false;
    void settle(task(item), done);
    return true;
  };
  return pump(limit, startNext, signal);
}

/**
 * Calls `start` with each index below `count`, at most `limit` at a time, in ascending order; each calls `done` once,
 * with an error or without. For very many small operations: no promise is made for each of them.
 * @returns when none is running any more; rejects with the first failure, or with the signal's reason.
 */
export function forEachIndex(
  count: number,
  limit: number,
  start: (index: number, done: Done) => void,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const startNext = (done: Done) => {
    if (next === count) return false;
    start(next++, done);
    return true;
  };
  return pump(limit, startNext, signal);
}

/** Runs all of `works`; the first failure stops the others. @returns when none runs any more. */
export async function together(
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  await Promise.all(works.map((work) => work(either).catch((error: unknown) => failure.abort(error))));
  failure.signal.throwIfAborted();
}

async function settle(task: Promise<void>, done: Done): Promise<void> {
  let failure: unknown;
  try {
    await task;
  } catch (error) {
    failure = error;
  }
  done(failure);
}

/** `startNext` starts one operation, or returns false when there is none for now. */
function pump(limit: number, startNext: (done: Done) => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let running = 0;
    let failure: { readonly error: unknown } | undefined;
    const startOne = () => {
      if (signal.aborted) failure ??= { error: signal.reason };
      if (failure !== undefined || running === limit) return false;
      running++;
      if (startNext(done)) return true;
      running--;
      return false;
    };
    const step = () => {
      while (startOne());
      if (running > 0) return;
      if (failure === undefined) resolve();
      else reject(failure.error);
    };
    const done: Done = (error) => {
      running--;
      if (error !== undefined && error !== null) failure ??= { error };
      step();
    };
    step();
  });
}
