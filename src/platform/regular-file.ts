/** Reads small files of places where others may have put something else: a FIFO, a device, a terabyte of nothing. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { BoojumError } from "../protocol/errors.ts";

/** What lies there isn't what it should be; the message says what it is, for people. */
class NotAsExpectedError extends BoojumError {
  constructor(message: string) {
    super("file", message);
  }
}

export interface ReadRegularOptions {
  /** Bytes that it may have. */
  readonly most: number;
  /** A symbolic link may lead to it; default: that fails with ELOOP. */
  readonly follow?: boolean;
  /** Nobody but this user, or root, may have put it there. */
  readonly own?: boolean;
}

// Windows has neither, and neither FIFOs in its folders.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const NO_WAITING = constants.O_NONBLOCK ?? 0;

/**
 * Never waits for whoever would write to a FIFO, and takes no more memory than `most`.
 * @throws {NotAsExpectedError} it's no regular file, too large, or somebody else's. System errors as Node throws them.
 */
export async function readRegular(path: string, options: ReadRegularOptions): Promise<Uint8Array> {
  const { most, follow = false, own = false } = options;
  const file = await open(path, constants.O_RDONLY | NO_WAITING | (follow ? 0 : NO_FOLLOW));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new NotAsExpectedError("it is no regular file");
    if (stats.size > most) throw new NotAsExpectedError(`it has ${stats.size} bytes, ${most} at the most`);
    if (own && !isOurs(stats.uid)) throw new NotAsExpectedError("it belongs to another user");
    return await readAll(file, stats.size);
  } finally {
    await file.close();
  }
}

function isOurs(uid: number): boolean {
  return process.getuid === undefined || uid === 0 || uid === process.getuid();
}

/** As far as it reaches, should it become shorter meanwhile. */
async function readAll(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
