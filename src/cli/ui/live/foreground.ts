import { readFileSync } from "node:fs";

/**
 * Whether the terminal listens to us: a job in the background must neither change its mode, which would stop the job,
 * nor draw over what the shell shows. True where the system can't be asked (only Linux has /proc).
 */
export function isForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    // After the name, which may contain anything: state, parent, group, session, terminal, its foreground group.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground || foreground === "-1";
  } catch {
    return true;
  }
}
