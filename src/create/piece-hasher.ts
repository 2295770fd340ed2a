/** Reads files and hashes pieces, on whatever thread it is called. */
import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { PieceLayout } from "../protocol/layout.ts";
import { SourceChangedError, type SourceError } from "./errors.ts";
import { tablePaths, unreadable } from "./file-table.ts";
import { errorCode } from "./fs-reason.ts";
import { type HashPlan, isDone, planLayout, putHash } from "./plan.ts";

/** What was read must still be in the core's own cache when it is hashed: 1 MiB at a time is half as fast again. */
const READ_BYTES = 64 * 1024;
/** Opening must not wait for a writer, should a FIFO have taken the file's place. Windows has no such flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Milliseconds; a file that was open for longer is looked for by its path once more. */
const LONG = 20;

/**
 * Keeps at most one file open, and that one as long as pieces follow each other in it. A file is compared with what
 * the plan says of it when it is left, after all of it was read: equal then means equal all the time.
 */
export class PieceHasher {
  readonly #plan: HashPlan;
  readonly #layout: PieceLayout;
  /** Has room for a read when it holds just too little to be handed over. */
  readonly #buffer = new Uint8Array(2 * READ_BYTES);
  readonly #paths: readonly string[];
  #file = -1;
  #descriptor = -1;
  #openedAt = 0;

  constructor(plan: HashPlan) {
    this.#plan = plan;
    this.#paths = tablePaths(plan.table);
    this.#layout = planLayout(plan);
  }

  /** Those that are known already are left alone. @throws like {@link hash}. */
  hashAll({ from, to }: { readonly from: number; readonly to: number }): void {
    for (let piece = from; piece < to; piece++) if (!isDone(this.#plan, piece)) this.hash(piece);
  }

  /**
   * @throws {SourceChangedError} when a file isn't what it was, or is gone.
   * @throws {SourceError} when a file can't be read.
   */
  hash(piece: number): void {
    const sha1 = createHash("sha1");
    // What was read of small files waits for more: handing it over costs as much as hashing 4 KiB.
    let filled = 0;
    for (const span of this.#layout.spans(piece, 0, this.#layout.pieceSize(piece))) {
      if (span.file !== this.#file) {
        this.#leave();
        this.#enter(span.file);
      }
      const end = span.offset + span.length;
      for (let at = span.offset; at < end; ) {
        const length = this.#read(at, Math.min(READ_BYTES, end - at), filled);
        at += length;
        filled += length;
        if (filled < READ_BYTES) continue;
        sha1.update(this.#buffer.subarray(0, filled));
        filled = 0;
      }
    }
    if (filled > 0) sha1.update(this.#buffer.subarray(0, filled));
    putHash(this.#plan, piece, sha1.digest());
  }

  /** Leaves the last file; for success. @throws {SourceChangedError} like {@link hash}. */
  finish(): void {
    this.#leave();
  }

  /** Closes what is open, without a check; for failure. */
  abandon(): void {
    if (this.#descriptor !== -1) closeSync(this.#descriptor);
    this.#file = -1;
    this.#descriptor = -1;
  }

  /** @param into the place in the buffer. @returns how many bytes there were. */
  #read(position: number, length: number, into: number): number {
    if (this.#descriptor === -1) {
      this.#buffer.fill(0, into, into + length);
      return length;
    }
    let got: number;
    try {
      got = readSync(this.#descriptor, this.#buffer, into, length, position);
    } catch (cause) {
      // Something else may have taken its place, a FIFO for one; that says more than why it can't be read.
      this.#compare(fstatSync(this.#descriptor, { bigint: true }));
      throw this.#unreadable(this.#file, cause);
    }
    if (got === 0) throw new SourceChangedError(this.#path(this.#file));
    return got;
  }

  /** A pad file has no descriptor: it's all zeros. */
  #enter(file: number): void {
    try {
      if (this.#path(file) !== "") this.#descriptor = openSync(this.#path(file), OPEN_FLAGS);
    } catch (cause) {
      throw this.#unreadable(file, cause);
    }
    this.#file = file;
    this.#openedAt = performance.now();
  }

  #leave(): void {
    if (this.#descriptor === -1) return;
    this.#compare(fstatSync(this.#descriptor, { bigint: true }));
    // Another file may have taken the place of the one that is open. For moments it may at any time after this, too.
    if (performance.now() - this.#openedAt > LONG) {
      this.#compare(statSync(this.#path(this.#file), { bigint: true, throwIfNoEntry: false }));
    }
    this.abandon();
  }

  #compare(stats: BigIntStats | undefined): void {
    const { lengths, mtimes, inodes } = this.#plan.table;
    const same =
      stats?.isFile() === true &&
      // A file without a name is what is left of one that was replaced or removed.
      stats.nlink !== 0n &&
      Number(stats.size) === lengths[this.#file] &&
      stats.mtimeNs === mtimes[this.#file] &&
      stats.ino === inodes[this.#file];
    if (!same) throw new SourceChangedError(this.#path(this.#file));
  }

  #path(file: number): string {
    return this.#paths[file] ?? "";
  }

  #unreadable(file: number, cause: unknown): SourceError | SourceChangedError {
    const path = this.#path(file);
    const code = errorCode(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return new SourceChangedError(path, { cause });
    return unreadable(path, cause);
  }
}
