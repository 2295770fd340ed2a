/** What a test that measures ends with where the code under test carries mutants and is judged by them (`npm run mutate`). */
const NOT_MEASURED = "time is not measured here";

/**
 * Milliseconds of processor time that `work` takes: what a test of "linear, not quadratic" may compare on a machine
 * that is busy with other things. It is the least of `runs`, where work can be done again: what is compiled or collected
 * in one of them isn't its.
 */
export function cpuMillis(work: () => void, runs = 1): number {
  if (process.env["BOOJUM_MUTANTS"] !== undefined) throw new Error(NOT_MEASURED);
  let least = Infinity;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
