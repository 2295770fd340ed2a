import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { type FileSystem, systemErrorCode } from "../../platform/file-system.ts";
import { currentProcess, isRunning, type ProcessId } from "../../platform/process-id.ts";
import { OutputLockedError, StorageError, storageError } from "../errors.ts";
import { readState, removeFile } from "./state-file.ts";

export interface Lock {
  /** @throws {StorageError} it stays; whoever comes when we are gone takes it over. */
  release(): Promise<void>;
}

/**
 * Makes sure that one download at a time works on `target`. The lock is a file that names its owner; a lock whose owner
 * is gone (killed, or the machine restarted) is taken over.
 *
 * Nobody ever removes a lock that isn't his own but under a second lock (`.takeover`), after looking again: so of two
 * that find a stale lock at the same time, one can't remove what the other has just made.
 * @throws {OutputLockedError} somebody else has it, this process included.
 * @throws {StorageError} it can't be made, or something else has its name.
 */
export async function acquireLock(fs: FileSystem, lockPath: string, target: string): Promise<Lock> {
  const takeover = `${lockPath}.takeover`;
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await claim(fs, lockPath)) {
        await removeDrafts(fs, lockPath);
        return { release: () => release(fs, lockPath) };
      }
      const owner = await readOwner(fs, lockPath);
      if (owner === "none") continue;
      if (owner !== "unknown" && isRunning(owner)) throw new OutputLockedError(target, lockPath, owner.pid);
      await removeStale(fs, lockPath, takeover);
    }
  } catch (error) {
    if (error instanceof OutputLockedError) throw error;
    throw storageError(dirname(lockPath), "write", error);
  }
  for (const path of [lockPath, takeover]) refuseOther(fs, path, target);
  throw new OutputLockedError(target, lockPath, process.pid);
}

/** What somebody else has put there names nobody, and is not ours to remove. */
function refuseOther(fs: FileSystem, path: string, target: string): void {
  const kind = fs.lstatSync(path)?.kind;
  if (kind === undefined || kind === "file") return;
  const what = kind === "folder" ? "a folder" : kind === "link" ? "a symbolic link" : "a special file";
  throw new StorageError(
    path,
    "unsafe",
    `${path} is ${what}, and no lock, so it doesn't say who downloads to ${target}. Move it away, or choose another folder with -o.`,
  );
}

async function release(fs: FileSystem, lockPath: string): Promise<void> {
  try {
    await removeFile(fs, lockPath);
  } catch (error) {
    throw storageError(lockPath, "write", error);
  }
}

async function removeStale(fs: FileSystem, lockPath: string, takeover: string): Promise<void> {
  if (!(await claim(fs, takeover))) {
    // Whoever holds it needs it for a moment only; if he died in it, somebody has to clear up.
    const holder = await readOwner(fs, takeover);
    if (holder === "unknown" || (holder !== "none" && !isRunning(holder))) await removeFile(fs, takeover);
    else await new Promise((resolve) => setTimeout(resolve, 20));
    return;
  }
  try {
    const owner = await readOwner(fs, lockPath);
    if (owner === "unknown" || (owner !== "none" && !isRunning(owner))) await removeFile(fs, lockPath);
  } finally {
    await removeFile(fs, takeover);
  }
}

/** Whoever was killed while he claimed left a draft; one without a name in it may be somebody's who writes it now. */
async function removeDrafts(fs: FileSystem, lockPath: string): Promise<void> {
  const folder = dirname(lockPath);
  const beginning = `${basename(lockPath)}.`;
  // Folders that may be written but not listed are no reason to fail.
  for (const name of await fs.list(folder).catch(() => [])) {
    if (!name.startsWith(beginning)) continue;
    const path = join(folder, name);
    const owner = await readOwner(fs, path);
    if (typeof owner === "object" && !isRunning(owner)) await removeFile(fs, path);
  }
}

/** Makes the file `path` with our name in it, all at once. @returns false when there is one. */
async function claim(fs: FileSystem, path: string): Promise<boolean> {
  const text = Buffer.from(`${JSON.stringify(currentProcess())}\n`);
  const draft = `${path}.${randomUUID()}`;
  const descriptor = await fs.open(draft, "createNew");
  try {
    await fs.write(descriptor, text, 0);
  } finally {
    fs.closeSync(descriptor);
  }
  try {
    await fs.link(draft, path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST") return false;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error;
    return claimWithoutLinks(fs, path, text);
  } finally {
    // One that stays is no harm: whoever comes next clears it away.
    await removeFile(fs, draft).catch(() => {});
  }
}

/** For file systems without hard links (FAT, some network ones): for a moment the lock has no name in it. */
async function claimWithoutLinks(fs: FileSystem, path: string, text: Uint8Array): Promise<boolean> {
  let descriptor: number;
  try {
    descriptor = await fs.open(path, "createNew");
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await fs.write(descriptor, text, 0);
  } finally {
    fs.closeSync(descriptor);
  }
  return true;
}

/** "unknown": the file is damaged, as a crash of the machine may leave it, and so nobody's. */
async function readOwner(fs: FileSystem, path: string): Promise<ProcessId | "none" | "unknown"> {
  const bytes = await readState(fs, path);
  if (bytes === undefined) return "none";
  try {
    const owner: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof owner !== "object" || owner === null) return "unknown";
    const pid = "pid" in owner ? owner.pid : undefined;
    if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return "unknown";
    const start = "start" in owner && typeof owner.start === "string" ? owner.start : undefined;
    const boot = "boot" in owner && typeof owner.boot === "string" ? owner.boot : undefined;
    return { pid, ...(start !== undefined && { start }), ...(boot !== undefined && { boot }) };
  } catch {
    return "unknown";
  }
}
