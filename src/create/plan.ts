/** What the hashing threads must know and what they give back, in shared memory: nothing is copied for a thread. */
import { PieceLayout } from "../protocol/layout.ts";
import type { SourceFile } from "./source.ts";

export interface HashPlan {
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** How many neighbouring pieces a thread takes at once. */
  readonly batch: number;
  /** Sizes of the files, bytes. */
  readonly lengths: Float64Array;
  /** As the files were when the folder was read. */
  readonly mtimes: BigInt64Array;
  readonly inodes: BigUint64Array;
  /** The files' absolute paths as UTF-8, a NUL between each two; see {@link planPaths}. */
  readonly paths: Uint8Array;
  /** Written by the threads: SHA-1 of each piece, 20 bytes. */
  readonly hashes: Uint8Array;
  /** Written by the threads: 1 for each piece whose hash is there. */
  readonly done: Uint8Array;
  /** [next piece that nobody has taken, pieces done]; atomic. */
  readonly counters: Int32Array;
}

/** Neighbouring pieces share files; this many bytes keep small files from being opened by two threads. */
const BATCH_BYTES = 4 * 1024 * 1024;
const NEXT = 0;
const DONE = 1;

export function planHashing(files: readonly SourceFile[], totalBytes: number, pieceLength: number): HashPlan {
  const pieceCount = Math.ceil(totalBytes / pieceLength);
  // One long text: encoding 100,000 short ones takes ten times as long.
  const paths = new TextEncoder().encode(files.map(({ absolutePath }) => absolutePath).join("\0"));
  const plan: HashPlan = {
    pieceLength,
    pieceCount,
    batch: Math.max(1, Math.floor(BATCH_BYTES / pieceLength)),
    lengths: new Float64Array(new SharedArrayBuffer(8 * files.length)),
    mtimes: new BigInt64Array(new SharedArrayBuffer(8 * files.length)),
    inodes: new BigUint64Array(new SharedArrayBuffer(8 * files.length)),
    paths: new Uint8Array(new SharedArrayBuffer(paths.length)),
    hashes: new Uint8Array(new SharedArrayBuffer(20 * pieceCount)),
    done: new Uint8Array(new SharedArrayBuffer(pieceCount)),
    counters: new Int32Array(new SharedArrayBuffer(8)),
  };
  plan.paths.set(paths);
  for (const [i, file] of files.entries()) {
    plan.lengths[i] = file.length;
    plan.mtimes[i] = file.mtimeNs;
    plan.inodes[i] = file.inode;
  }
  return plan;
}

export function planLayout(plan: HashPlan): PieceLayout {
  return new PieceLayout(Array.from(plan.lengths), plan.pieceLength);
}

export function planPaths(plan: HashPlan): readonly string[] {
  // Decoders don't read shared memory: slice copies.
  return new TextDecoder().decode(plan.paths.slice()).split("\0");
}

/** Takes the next pieces for the caller: the first of them, or undefined when all are taken. */
export function claimPieces(plan: HashPlan): { readonly from: number; readonly to: number } | undefined {
  const from = Atomics.add(plan.counters, NEXT, plan.batch);
  return from < plan.pieceCount ? { from, to: Math.min(from + plan.batch, plan.pieceCount) } : undefined;
}

/** Hands in a piece's hash. The flag is set after the hash, so whoever sees the flag sees the hash. */
export function putHash(plan: HashPlan, piece: number, hash: Uint8Array): void {
  plan.hashes.set(hash, piece * 20);
  Atomics.store(plan.done, piece, 1);
  Atomics.add(plan.counters, DONE, 1);
}

export function isDone(plan: HashPlan, piece: number): boolean {
  return Atomics.load(plan.done, piece) === 1;
}

/** How many pieces are done, in any order. */
export function piecesDone(plan: HashPlan): number {
  return Atomics.load(plan.counters, DONE);
}

/** The first piece from `from` on that is not done. */
export function doneUpTo(plan: HashPlan, from: number): number {
  let piece = from;
  while (piece < plan.pieceCount && isDone(plan, piece)) piece++;
  return piece;
}
