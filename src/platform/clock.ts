import type { Clock } from "../protocol/ambient.ts";

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, task) {
    if (delay <= 0) {
      // A timer would wait a millisecond; this comes right after what is ready on the sockets.
      const handle = setImmediate(task);
      return { cancel: () => clearImmediate(handle) };
    }
    const handle = setTimeout(task, delay);
    return { cancel: () => clearTimeout(handle) };
  },
};
