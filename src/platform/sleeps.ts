import { readFileSync } from "node:fs";

/** Linux's account of the thread that reads it. */
const OWN_STATUS = "/proc/thread-self/status";
let hasStatus = process.platform === "linux";

/**
 * How often this thread has gone to sleep of its own accord so far: for a disk, a lock, or for want of work. A
 * synchronous operation that took long without raising it waited for no disk: other programs had the processor. Where
 * the system has no count for a thread it's that of the whole process, which the engine's own helpers raise, too.
 * Windows doesn't count; there it's NaN, which equals nothing, not even itself.
 */
export function sleepCount(): number {
  const own = hasStatus ? sleepsOfThread() : undefined;
  if (own !== undefined) return own;
  const { voluntaryContextSwitches } = process.resourceUsage();
  return voluntaryContextSwitches === 0 ? Number.NaN : voluntaryContextSwitches;
}

function sleepsOfThread(): number | undefined {
  try {
    const count = /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(readFileSync(OWN_STATUS, "latin1"))?.[1];
    if (count !== undefined) return Number(count);
  } catch {
    // No /proc here, or no descriptor left.
  }
  hasStatus = false;
  return undefined;
}
