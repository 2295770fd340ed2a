/** What is known of the files of a share, in columns of shared memory: nothing is copied for a thread. */
import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { SourceError } from "./errors.ts";
import { errorCode, fsReason } from "./fs-reason.ts";
import type { Candidate, PadFile, SourceFile } from "./source-file.ts";

/** An entry for each file in each of them. */
export interface FileTable {
  readonly count: number;
  /** The files' absolute paths as UTF-8, none for pad files, a NUL between each two; see {@link tablePaths}. */
  readonly paths: Uint8Array;
  /** 1: a symbolic link that is followed. */
  readonly followed: Uint8Array;
  /** 1: there was a regular file when it was looked at; 0: there was none, or nobody has looked yet. */
  readonly isFile: Uint8Array;
  /** Bytes. */
  readonly lengths: Float64Array;
  /** Nanoseconds since 1970. */
  readonly mtimes: BigInt64Array;
  readonly ctimes: BigInt64Array;
  readonly inodes: BigUint64Array;
  readonly devices: BigUint64Array;
  /** Permission bits, and more that `stat` tells. */
  readonly modes: Uint32Array;
  /** [next file that nobody has taken]; atomic. */
  readonly counters: Int32Array;
}

/** Files that a thread takes at once: between two looks at the time, and at how slow the disk is. */
const FILES_AT_ONCE = 256;

/** A table of files that are to be looked at. */
export function tableOf(candidates: readonly Pick<Candidate, "absolutePath" | "followed">[]): FileTable {
  const count = candidates.length;
  // One long text: encoding 100,000 short ones takes ten times as long.
  const paths = new TextEncoder().encode(candidates.map(({ absolutePath }) => absolutePath).join("\0"));
  const table: FileTable = {
    count,
    paths: new Uint8Array(new SharedArrayBuffer(paths.length)),
    followed: new Uint8Array(new SharedArrayBuffer(count)),
    isFile: new Uint8Array(new SharedArrayBuffer(count)),
    lengths: new Float64Array(new SharedArrayBuffer(8 * count)),
    mtimes: new BigInt64Array(new SharedArrayBuffer(8 * count)),
    ctimes: new BigInt64Array(new SharedArrayBuffer(8 * count)),
    inodes: new BigUint64Array(new SharedArrayBuffer(8 * count)),
    devices: new BigUint64Array(new SharedArrayBuffer(8 * count)),
    modes: new Uint32Array(new SharedArrayBuffer(4 * count)),
    counters: new Int32Array(new SharedArrayBuffer(4)),
  };
  table.paths.set(paths);
  for (const [i, { followed }] of candidates.entries()) if (followed) table.followed[i] = 1;
  return table;
}

/** A table of files that were looked at before. */
export function packFiles(files: readonly (SourceFile | PadFile)[]): FileTable {
  const table = tableOf(
    files.map((file) => ({ absolutePath: "pad" in file ? "" : file.absolutePath, followed: false })),
  );
  for (const [i, file] of files.entries()) {
    table.lengths[i] = file.length;
    if ("pad" in file) continue;
    table.isFile[i] = 1;
    table.mtimes[i] = file.mtimeNs;
    table.ctimes[i] = file.ctimeNs;
    table.inodes[i] = file.inode;
    table.devices[i] = file.device;
    table.modes[i] = file.executable ? EXECUTABLE : 0;
  }
  return table;
}

/** The owner may execute it. */
const EXECUTABLE = 0o100;

/** What was found of each of `candidates`; what vanished since its folder was read is as if it had never been there. */
export function filesOf(table: FileTable, candidates: readonly Candidate[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const file = fileAt(table, i, candidate);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** What was found of the file numbered `i`; undefined when there is none. */
export function fileAt(
  table: FileTable,
  i: number,
  { path, absolutePath }: Pick<Candidate, "path" | "absolutePath">,
): SourceFile | undefined {
  if (table.isFile[i] !== 1) return undefined;
  return {
    path,
    absolutePath,
    // Defaults for the compiler alone: every column has an entry for each candidate.
    length: table.lengths[i] ?? 0,
    mtimeNs: table.mtimes[i] ?? 0n,
    ctimeNs: table.ctimes[i] ?? 0n,
    inode: table.inodes[i] ?? 0n,
    device: table.devices[i] ?? 0n,
    executable: ((table.modes[i] ?? 0) & EXECUTABLE) !== 0,
  };
}

export function tablePaths(table: FileTable): readonly string[] {
  // Decoders don't read shared memory: slice copies.
  return new TextDecoder().decode(table.paths.slice()).split("\0");
}

/** Takes files that nobody has looked at: `from` inclusive, `to` exclusive, or undefined when all are taken. */
export function claimFiles({ count, counters }: FileTable): { from: number; to: number } | undefined {
  const from = Atomics.add(counters, 0, FILES_AT_ONCE);
  return from < count ? { from, to: Math.min(from + FILES_AT_ONCE, count) } : undefined;
}

/** Looks at a file at once. @throws {SourceError} when the system refuses. */
export function lookAt(table: FileTable, index: number, path: string): void {
  let stats: BigIntStats | undefined;
  try {
    const look = table.followed[index] === 1 ? statSync : lstatSync;
    stats = look(path, LOOK);
  } catch (cause) {
    if (!isGone(cause)) throw unreadable(path, cause);
  }
  if (stats !== undefined) note(table, index, stats);
}

const LOOK = { bigint: true, throwIfNoEntry: false } as const;

/** Takes down what the system says of a file. */
export function note(table: FileTable, index: number, stats: BigIntStats): void {
  if (!stats.isFile()) return;
  table.lengths[index] = Number(stats.size);
  table.mtimes[index] = stats.mtimeNs;
  table.ctimes[index] = stats.ctimeNs;
  table.inodes[index] = stats.ino;
  table.devices[index] = stats.dev;
  table.modes[index] = Number(stats.mode);
  table.isFile[index] = 1;
}

/** Nothing is there, or a file where a folder should be on the way. */
export function isGone(cause: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(errorCode(cause) ?? "");
}

export function unreadable(path: string, cause: unknown): SourceError {
  return new SourceError(path, `Can't read ${JSON.stringify(path)}: ${fsReason(cause)}.`, { cause });
}
