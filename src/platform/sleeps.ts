/**
 * How often this process's threads have gone to sleep of their own accord so far: for a disk, a lock, or for want of
 * work. A synchronous operation that took long without raising it waited for no disk: other programs had the processor.
 * Windows doesn't count; there it's NaN, which equals nothing, not even itself.
 */
export function sleepCount(): number {
  const { voluntaryContextSwitches } = process.resourceUsage();
  return voluntaryContextSwitches === 0 ? Number.NaN : voluntaryContextSwitches;
}
