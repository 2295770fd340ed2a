/** Opens shared files, and knows them again. */
import {
  type BigIntStats,
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  lstat,
  open,
  openSync,
} from "node:fs";
import { forEachIndex } from "../platform/bounded.ts";
import type { FileVersion } from "./core/conditions.ts";
import type { SharedFile } from "./model.ts";

/** Why a shared file can't be sent; the answer is still to be written. */
export interface FileProblem {
  /** 400: what was asked for makes no sense. */
  readonly status: 400 | 404 | 409 | 503;
  /** For people. */
  readonly message: string;
}

/** No link in the last component, and no waiting for a writer should a FIFO have taken the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const GONE: FileProblem = {
  status: 404,
  message: "This file is no longer there, or can't be read any more.",
};
const CHANGED: FileProblem = { status: 409, message: "This file has changed since it was shared." };
const BUSY: FileProblem = { status: 503, message: "Too many files are open. Try again in a moment." };

/** A descriptor of the very file that was shared, or why there is none. */
export function openShared(file: SharedFile): Promise<number | FileProblem> {
  return new Promise((resolve) => {
    open(file.absolutePath, OPEN_FLAGS, (error, fd) => {
      if (error !== null) {
        resolve(problemOf(error));
        return;
      }
      fstat(fd, { bigint: true }, (failure, stats) => {
        const isSame = failure === null && isVersion(stats, file);
        if (!isSame) closeQuietly(fd);
        resolve(isSame ? fd : CHANGED);
      });
    });
  });
}

/** {@link openShared} at once: undefined when it is not the file that was shared. */
export function openSharedNow(file: SharedFile): number | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file.absolutePath, OPEN_FLAGS);
    if (isStill(fd, file)) return fd;
  } catch {
    // Gone, replaced by something else, or out of descriptors: not to be sent.
  }
  if (fd !== undefined) closeSync(fd);
  return undefined;
}

/** Whether an open file is still what was shared. */
export function isStill(fd: number, version: FileVersion): boolean {
  try {
    return isVersion(fstatSync(fd, { bigint: true }), version);
  } catch {
    return false;
  }
}

const LOOKS_AT_ONCE = 64;

/** Any of `files` that is not what was shared, looked at without opening it. */
export async function findChanged(
  files: readonly SharedFile[],
  signal: AbortSignal,
): Promise<SharedFile | undefined> {
  let changed: SharedFile | undefined;
  const look = (index: number, done: () => void) => {
    const file = files[index];
    if (file === undefined || changed !== undefined) return done();
    lstat(file.absolutePath, { bigint: true }, (error, stats) => {
      if (error !== null || !isVersion(stats, file)) changed = file;
      done();
    });
  };
  await forEachIndex(files.length, LOOKS_AT_ONCE, look, signal);
  return changed;
}

export function closeQuietly(fd: number): void {
  close(fd, () => {});
}

/** Whether `fstat`'s answer, in bigints, is about the very file that was shared. */
function isVersion(
  stats: Pick<BigIntStats, "size" | "mtimeNs" | "ctimeNs" | "ino">,
  version: FileVersion,
): boolean {
  return (
    stats.size === BigInt(version.length) &&
    stats.mtimeNs === version.mtimeNs &&
    stats.ctimeNs === version.ctimeNs &&
    stats.ino === version.inode
  );
}

function problemOf({ code }: NodeJS.ErrnoException): FileProblem {
  if (code === "EMFILE" || code === "ENFILE") return BUSY;
  // Something else has taken its place: a link, a socket.
  return code === "ELOOP" || code === "ENXIO" || code === "EMLINK" ? CHANGED : GONE;
}
