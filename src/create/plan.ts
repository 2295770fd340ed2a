/** What the hashing threads must know and what they give back, in shared memory: nothing is copied for a thread. */
import { PieceLayout } from "../protocol/layout.ts";
import type { FileTable } from "./file-table.ts";

export interface HashPlan {
  /** The files as they were when they were looked at. */
  readonly table: FileTable;
  readonly totalBytes: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** How many neighbouring pieces a thread takes at once. */
  readonly batch: number;
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

export function planHashing(table: FileTable, totalBytes: number, pieceLength: number): HashPlan {
  const pieceCount = Math.ceil(totalBytes / pieceLength);
  return {
    table,
    totalBytes,
    pieceLength,
    pieceCount,
    batch: Math.max(1, Math.floor(BATCH_BYTES / pieceLength)),
    hashes: new Uint8Array(new SharedArrayBuffer(20 * pieceCount)),
    done: new Uint8Array(new SharedArrayBuffer(pieceCount)),
    counters: new Int32Array(new SharedArrayBuffer(8)),
  };
}

export function planLayout({ table, pieceLength }: HashPlan): PieceLayout {
  return new PieceLayout(Array.from(table.lengths), pieceLength);
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
