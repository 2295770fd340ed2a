/** Folders for data that are of use only while a process runs, and are cleared away even when it was killed. */
import { rmSync } from "node:fs";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { currentProcess, isRunning } from "../platform/process-id.ts";
import { BoojumError } from "../protocol/errors.ts";
import { defaultCacheDir } from "./cache-dir.ts";
import { newShareId } from "./publish/memory.ts";

const PREFIX = "boojum-spool";

export interface Spool {
  readonly dir: string;
  /** With everything in it; may be called again. */
  remove(): Promise<void>;
}

/** What lies there for a while can't be written. */
export class SpoolError extends BoojumError {
  /** @param full set when there is no space left: in words */
  constructor(parent: string, cause: unknown, full?: string) {
    const said = full ?? (cause instanceof Error ? cause.message : String(cause));
    super(
      full === undefined ? "storage-unwritable" : "storage-full",
      `${parent} can't be written: ${said}. Choose another folder with TMPDIR.`,
      { cause },
    );
  }
}

/**
 * Where large things go for a while: where the user says, else the cache folder, since what is meant for temporary files
 * is often memory.
 */
export function spoolParent(cacheDir?: string): string {
  return cacheDir ?? (process.env["TMPDIR"] || defaultCacheDir());
}

/** Makes a folder of our own, and removes those of processes that are gone. @throws {SpoolError} */
export async function openSpool(parent: string): Promise<Spool> {
  const dir = join(parent, ownName());
  try {
    await mkdir(parent, { recursive: true });
    await clearLeftovers(parent);
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    throw new SpoolError(parent, error);
  }
  const onExit = () => rmSync(dir, { recursive: true, force: true });
  process.once("exit", onExit);
  return {
    dir,
    remove: async () => {
      process.off("exit", onExit);
      await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Says whose it is, so that there is no moment in which it is nobody's. */
function ownName(): string {
  const { pid, start = "", boot = "" } = currentProcess();
  return [PREFIX, machine(), pid, start, boot, newShareId()].join("_");
}

/** Others may have the same folder over a network. */
function machine(): string {
  return hostname().replace(/[^\w.-]|_/g, "-");
}

async function clearLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [prefix, host, pid, start, boot] = name.split("_");
    if (prefix !== PREFIX || host !== machine() || !/^\d+$/.test(pid ?? "")) continue;
    const owner = { pid: Number(pid), ...(start && { start }), ...(boot && { boot }) };
    if (isRunning(owner)) continue;
    const path = join(parent, name);
    const stats = await lstat(path).catch(() => undefined);
    // In a folder for everybody: what somebody else has put there isn't ours to walk through.
    if (stats?.isDirectory() !== true || (process.getuid && stats.uid !== process.getuid())) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}
