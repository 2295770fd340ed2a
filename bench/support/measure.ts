/** How a benchmark measures: wall time here, CPU time and memory from the kernel's account of the process. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** What one process has used so far. */
export interface Usage {
  /** User and system seconds of all threads. */
  readonly cpuSeconds: number;
  /** The most memory it had resident, in MiB, shared pages included. */
  readonly peakMiB: number;
}

/** Reads Linux's account of a running process; zero when it is gone. */
export function usageOf(pid: number | undefined): Usage {
  if (pid === undefined || !existsSync(`/proc/${pid}/stat`)) return { cpuSeconds: 0, peakMiB: 0 };
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, counted from the state field; Linux reports them in hundredths of a second.
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return { cpuSeconds: ticks / 100, peakMiB: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024 };
}

/** Memory that a running process has resident now, shared pages included; not a number when it is gone. */
export function residentMiB(pid: number | undefined): number {
  if (pid === undefined || !existsSync(`/proc/${pid}/status`)) return Number.NaN;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Touches `bytes` of fresh memory below `dir` and gives it back: first touches are slow on virtual machines. */
export function warmMemory(dir: string, bytes: number): void {
  const file = path.join(dir, "warm");
  const zeros = Buffer.alloc(16 << 20);
  writeFileSync(file, "");
  for (let done = 0; done < bytes; done += zeros.length) writeFileSync(file, zeros, { flag: "a" });
  rmSync(file);
}

/** One line that says on what the numbers were measured. */
export function machine(): string {
  const cpu = os.cpus()[0]?.model ?? "unknown processor";
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${os.availableParallelism()} x ${cpu}, ${memory} GiB, Linux ${os.release()}, Node ${process.versions.node}`;
}

/** A row of a result: a label and figures by column title. */
export interface Row {
  readonly label: string;
  readonly figures: Readonly<Record<string, number>>;
}

/**
 * Prints the rows as a Markdown table and keeps them as JSON in artifacts/bench.
 * @param notes what else must be known, such as who failed
 */
export function report(
  name: string,
  title: string,
  rows: readonly Row[],
  notes: readonly string[] = [],
): void {
  const columns = Object.keys(rows[0]?.figures ?? {});
  const lines = [
    `### ${title}`,
    "",
    `| | ${columns.join(" | ")} |`,
    `|---|${columns.map(() => "---:|").join("")}`,
    ...rows.map(
      ({ label, figures }) => `| ${label} | ${columns.map((column) => show(figures[column])).join(" | ")} |`,
    ),
    "",
    ...notes,
    `${new Date().toISOString().slice(0, 10)}, ${machine()}`,
  ];
  console.log(`\n${lines.join("\n")}\n`);
  const folder = fileURLToPath(new URL("../../artifacts/bench", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const result = { name, title, date: new Date().toISOString(), machine: machine(), rows, notes };
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

function show(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** The option `--name VALUE` of this benchmark, a number. */
export function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}
