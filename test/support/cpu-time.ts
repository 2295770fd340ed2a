/** What a test that measures ends with where the code under test carries mutants and is judged by them (`npm run mutate`). */
const NOT_MEASURED = "time is not measured here";

/**
 * Milliseconds of processor time that `work` takes: what a test of "linear, not quadratic" may compare on a machine
 * that is busy with other things.
 */
export function cpuMillis(work: () => void): number {
  if (process.env["BOOJUM_MUTANTS"] !== undefined) throw new Error(NOT_MEASURED);
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
