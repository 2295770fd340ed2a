/** Names a process so that another one, later, can tell whether it still runs. */
import { readFileSync } from "node:fs";

export interface ProcessId {
  readonly pid: number;
  /** When it started, in the system's own units: a pid is given out again, this is not. Where the system tells. */
  readonly start?: string;
  /** The boot of the machine it ran in. Where the system tells. */
  readonly boot?: string;
}

export function currentProcess(): ProcessId {
  const start = statOf(process.pid)?.start;
  const boot = bootId();
  return { pid: process.pid, ...(start !== undefined && { start }), ...(boot !== undefined && { boot }) };
}

/** In doubt true: somebody who may not be asked (another user's process) does run. */
export function isRunning(id: ProcessId): boolean {
  const boot = bootId();
  if (id.boot !== undefined && boot !== undefined && id.boot !== boot) return false;
  try {
    process.kill(id.pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
  }
  const stat = statOf(id.pid);
  if (stat === undefined) return true;
  // A zombie was killed already; nobody has asked for its exit code yet.
  if (stat.state === "Z" || stat.state === "X") return false;
  return id.start === undefined || id.start === stat.start;
}

function bootId(): string | undefined {
  return readText("/proc/sys/kernel/random/boot_id")?.trim();
}

/** Fields 3 and 22 of `/proc/PID/stat`, counted after the command's name, which may hold spaces and parentheses. */
function statOf(
  pid: number,
): { readonly state: string | undefined; readonly start: string | undefined } | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && { state: fields[0], start: fields[19] };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
