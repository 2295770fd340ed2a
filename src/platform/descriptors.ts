import { readFileSync } from "node:fs";

/** How many files and connections this process may have open at once (`ulimit -n`); infinite where nobody can tell. */
export function descriptorLimit(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    // Linux has it.
    return Number.POSITIVE_INFINITY;
  }
}
