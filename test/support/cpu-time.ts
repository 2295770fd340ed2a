/**
 * Milliseconds of processor time that `work` takes: what a test of "linear, not quadratic" may compare on a machine
 * that is busy with other things.
 */
export function cpuMillis(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
