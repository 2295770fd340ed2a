/** What can go wrong in the client room; one class per decision a caller makes. */
import { systemErrorCode } from "../platform/file-system.ts";
import { BoojumError } from "../protocol/errors.ts";

/**
 * - `full`: no space or quota left; `unwritable`: no permission, a read-only file system or something in the way
 *   (both end `get` with exit code 4 unless space comes back);
 * - `changed`: the file is not what it was when it was hashed: truncated, replaced or touched; `missing`: it is gone;
 * - `unsafe`: a symbolic link or something that is not a file stands where the torrent's data belong;
 * - `other`: the system refused for another reason (EIO, too many open files, ...).
 */
export type StorageReason = "full" | "unwritable" | "changed" | "missing" | "unsafe" | "other";

/** Data could not be read or written. The process and the other pieces are fine. */
export class StorageError extends BoojumError {
  /** The file or folder at fault. */
  readonly path: string;
  readonly reason: StorageReason;

  constructor(path: string, reason: StorageReason, message: string, options?: ErrorOptions) {
    super(`storage-${reason}`, message, options);
    this.path = path;
    this.reason = reason;
  }
}

/** A file that isn't ours stands where the torrent's data belong and differs from them; it was left as it was. */
export class OutputExistsError extends BoojumError {
  readonly path: string;

  constructor(path: string, difference: string) {
    super(
      "output-exists",
      `${path} exists and ${difference}; it was left as it is. Use --overwrite to replace it, or -o DIR to download elsewhere.`,
    );
    this.path = path;
  }
}

/** A provisional download finds files that it can't judge: it has to wait until the torrent is there. */
export class NotFreshError extends BoojumError {
  constructor(path: string) {
    super("not-fresh", `${path} has files whose data can't be compared yet.`);
  }
}

/** Another process (or another download in this one) works on the same files. */
export class OutputLockedError extends BoojumError {
  readonly lockPath: string;
  readonly pid: number;

  constructor(path: string, lockPath: string, pid: number) {
    super(
      "output-locked",
      `${path} is being downloaded by process ${pid}. Wait for it or stop it; if there is no such download, delete ${lockPath}.`,
    );
    this.lockPath = lockPath;
    this.pid = pid;
  }
}

/** Turns what the system said about `path` into a StorageError; one that already is stays as it is. */
export function storageError(path: string, doing: "read" | "write", error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const code = systemErrorCode(error) ?? "";
  const said = error instanceof Error ? error.message : String(error);
  const fail = (reason: StorageReason, what: string) =>
    new StorageError(path, reason, `${path} ${what} (${code || said}).`, { cause: error });
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return fail(
        "full",
        "can't be written: the disk is full. Free some space and start again; what is there is kept",
      );
    case "EFBIG":
      return fail(
        "unwritable",
        "can't be written: the file system holds no file that large. Choose another folder with -o",
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      if (doing === "read") return fail("other", "can't be read: no permission. Allow this user to read it");
      return fail(
        "unwritable",
        "can't be written: no permission. Choose another folder with -o, or allow this user to write there",
      );
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
      return fail(
        "unwritable",
        `can't be ${doing === "read" ? "read" : "written"}: something else stands there or above it. Move it away`,
      );
    case "ELOOP":
    case "ENXIO":
      return fail("unsafe", "is a symbolic link or a special file, which is never followed. Move it away");
    case "ENAMETOOLONG":
      return fail(
        "unwritable",
        "has a longer name than the file system takes. Choose another folder with -o",
      );
    case "ENOENT":
      if (doing === "read") return fail("missing", "is gone. Put it back, or start again");
      return fail(
        "missing",
        "can't be written: a folder on the way is gone, or takes no files. Choose another with -o",
      );
    case "EMFILE":
    case "ENFILE":
      return fail("other", "can't be opened: too many open files. Raise the limit (ulimit -n)");
    default:
      return fail("other", `can't be ${doing === "read" ? "read" : "written"}: ${said}`);
  }
}
