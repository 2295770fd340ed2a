/** Whole processes: wall time, and the CPU time that the kernel charged to them. */
import { readFileSync } from "node:fs";
import { Child } from "../../test/support/child.ts";
import { median, type Row } from "./measure.ts";

export interface Timed {
  readonly wallSeconds: number;
  /** User and system, of all threads; in steps of 10 ms. */
  readonly cpuSeconds: number;
}

/** Runs a program that must succeed. Nothing else that this process started may end meanwhile. */
export async function timed(program: string, args: readonly string[]): Promise<Timed> {
  const cpu = childrenCpu();
  const start = performance.now();
  await new Child(program, args).succeed();
  return { wallSeconds: (performance.now() - start) / 1000, cpuSeconds: childrenCpu() - cpu };
}

/** One row a contestant, medians; how many times as much as it the first one takes. */
export function timedRows(runs: ReadonlyMap<string, readonly Timed[]>): Row[] {
  const wall = (of: readonly Timed[]) => median(of.map(({ wallSeconds }) => wallSeconds));
  const cpu = (of: readonly Timed[]) => median(of.map(({ cpuSeconds }) => cpuSeconds));
  const [first = []] = runs.values();
  return [...runs].map(([label, of]) => ({
    label,
    figures: {
      "median s": wall(of),
      "min s": Math.min(...of.map(({ wallSeconds }) => wallSeconds)),
      "CPU s": cpu(of),
      "first / this": wall(first) / wall(of),
      "CPU first / this": cpu(first) / cpu(of),
    },
  }));
}

/** Seconds of all children that have ended and were waited for. */
function childrenCpu(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // cutime and cstime, counted from the state field; Linux reports them in hundredths of a second.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
