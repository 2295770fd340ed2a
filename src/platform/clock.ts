import type { Clock } from "../protocol/ambient.ts";

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, task) {
    const handle = setTimeout(task, delay);
    return { cancel: () => clearTimeout(handle) };
  },
};
