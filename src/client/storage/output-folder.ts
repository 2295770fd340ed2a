/** The folder that a download goes to, and the way there. */
import { dirname } from "node:path";
import { type FileSystem, systemErrorCode } from "../../platform/file-system.ts";
import { StorageError, storageError } from "../errors.ts";
import { syncFolder } from "./state-file.ts";

/** Makes a folder, and those above it, where they are missing. */
export async function makeFolders(fs: FileSystem, path: string): Promise<void> {
  if (isThere(fs, path)) return;
  if (dirname(path) !== path) await makeFolders(fs, dirname(path));
  try {
    await fs.mkdir(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST") return;
    // Where no folder can be made, as in /proc, the system says that there is none.
    if (code !== "ENOENT") throw storageError(path, "write", error);
    const message = `${path} can't be made: ${dirname(path)} takes no new folders. Choose another one with -o.`;
    throw new StorageError(path, "unwritable", message, { cause: error });
  }
}

function isThere(fs: FileSystem, path: string): boolean {
  try {
    return fs.lstatSync(path) !== undefined;
  } catch (error) {
    throw storageError(path, "write", error);
  }
}

/**
 * Makes the names durable that lead to a folder: what is synced in it would be lost with any of them.
 * @throws system errors
 */
export async function syncWay(fs: FileSystem, path: string): Promise<void> {
  for (let folder = path; dirname(folder) !== folder; folder = dirname(folder)) {
    await syncFolder(fs, dirname(folder));
  }
}
