/** A piece to be compared with its hash and written when it's right: all that a thread of its own must know of it. */
import { hash } from "node:crypto";
import { type FileSystem, type OpenMode, systemErrorCode } from "../../platform/file-system.ts";
import type { FileVersion } from "./seed-source.ts";

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
  | {
      readonly kind: "stored";
      /** How each file that was opened for its run looks now, in order: see {@link versionAt}. */
      readonly left: BigInt64Array;
    }
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

/** Numbers of a file in {@link JobAnswer}: one array for all of them costs a message less than an object for each. */
const NUMBERS_A_FILE = 4;

/** Of the file that was the `index`th to be opened for its run. */
export function versionAt(left: BigInt64Array, index: number): FileVersion {
  const at = (number: number) => left[index * NUMBERS_A_FILE + number] ?? 0n;
  return { size: Number(at(0)), mtimeNs: at(1), ctimeNs: at(2), inode: BigInt.asUintN(64, at(3)) };
}

/** Compares and writes. Never throws; no descriptor that it opens stays open. */
export function doJob(fs: FileSystem, { data, sha1, parts }: PieceJob): JobAnswer {
  if (hash("sha1", data, "hex") !== sha1) return { kind: "corrupt" };
  const left: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    const progress = { isOpened: false };
    try {
      writePart(fs, part, data, progress, left);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", part: index, ...progress, code: systemErrorCode(error), message };
    }
  }
  return { kind: "stored", left: BigInt64Array.from(left) };
}

function writePart(
  fs: FileSystem,
  part: JobPart,
  data: Uint8Array,
  progress: { isOpened: boolean },
  left: bigint[],
): void {
  if ("descriptor" in part) return writeAll(fs, part.descriptor, part, data);
  const descriptor = fs.openSync(part.path, part.mode);
  try {
    if (part.mode !== "createNew" && fs.fstatSync(descriptor).kind !== "file")
      throw Object.assign(new Error("not a regular file"), { code: "ENXIO" });
    progress.isOpened = true;
    writeAll(fs, descriptor, part, data);
    const { size, mtimeNs, ctimeNs, inode } = fs.fstatSync(descriptor);
    left.push(BigInt(size), mtimeNs, ctimeNs, inode);
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
