/** Entry point of a hashing thread: takes pieces until none is left, then ends. */
import { parentPort, workerData } from "node:worker_threads";
import { SourceChangedError, SourceError } from "./errors.ts";
import type { HashFailure } from "./hash.ts";
import { PieceHasher } from "./piece-hasher.ts";
import { claimPieces, type HashPlan } from "./plan.ts";

// Started by hash.ts alone, with a plan: threads of one process share their types.
const plan = workerData as HashPlan;
const hasher = new PieceHasher(plan);
try {
  for (let pieces = claimPieces(plan); pieces !== undefined; pieces = claimPieces(plan)) {
    hasher.hashAll(pieces);
  }
  hasher.finish();
} catch (error) {
  hasher.abandon();
  // Errors lose their class on the way to another thread.
  let failure: HashFailure;
  if (error instanceof SourceChangedError) failure = { kind: "changed", path: error.path };
  else if (error instanceof SourceError)
    failure = { kind: "unreadable", path: error.path, message: error.message };
  else throw error;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage(failure);
}
