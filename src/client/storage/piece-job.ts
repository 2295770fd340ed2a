/** A piece to be compared with its hash and written when it's right: all that a thread of its own must know of it. */
import { hash } from "node:crypto";
import { type FileSystem, type OpenMode, systemErrorCode } from "../../platform/file-system.ts";

/** A run of the piece in one file. */
export type JobPart = {
  /** In the piece's data. */
  readonly at: number;
  readonly length: number;
  /** In the file. */
  readonly offset: number;
} & (
  | { readonly descriptor: number }
  /** The file is opened for this run alone. */
  | { readonly path: string; readonly mode: OpenMode }
);

export interface PieceJob {
  /** Memory that all threads share. */
  readonly data: Uint8Array;
  /** What its SHA-1 must be, in hexadecimal. */
  readonly sha1: string;
  readonly parts: readonly JobPart[];
}

export type JobAnswer =
  | { readonly kind: "stored" }
  | { readonly kind: "corrupt" }
  /** Everything before `part` is written. */
  | {
      readonly kind: "failed";
      readonly part: number;
      /** Its file was opened. */
      readonly isOpened: boolean;
      /** The system's, if it was the system. */
      readonly code: string | undefined;
      readonly message: string;
    };

/** Compares and writes. Never throws; no descriptor that it opens stays open. */
export function doJob(fs: FileSystem, { data, sha1, parts }: PieceJob): JobAnswer {
  if (hash("sha1", data, "hex") !== sha1) return { kind: "corrupt" };
  for (const [index, part] of parts.entries()) {
    const progress = { isOpened: false };
    try {
      writePart(fs, part, data, progress);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", part: index, ...progress, code: systemErrorCode(error), message };
    }
  }
  return { kind: "stored" };
}

function writePart(fs: FileSystem, part: JobPart, data: Uint8Array, progress: { isOpened: boolean }): void {
  if ("descriptor" in part) return writeAll(fs, part.descriptor, part, data);
  const descriptor = fs.openSync(part.path, part.mode);
  try {
    if (part.mode !== "createNew" && fs.fstatSync(descriptor).kind !== "file")
      throw Object.assign(new Error("not a regular file"), { code: "ENXIO" });
    progress.isOpened = true;
    writeAll(fs, descriptor, part, data);
  } finally {
    fs.closeSync(descriptor);
  }
}

function writeAll(
  fs: FileSystem,
  descriptor: number,
  { at, length, offset }: JobPart,
  data: Uint8Array,
): void {
  for (let done = 0; done < length; ) {
    const count = fs.writeSync(descriptor, data.subarray(at + done, at + length), offset + done);
    // A write of nothing would be tried for ever.
    if (count === 0) throw new Error("the system took no bytes");
    done += count;
  }
}
