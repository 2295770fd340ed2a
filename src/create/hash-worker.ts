/** Entry point of a thread of a crew: does one task after the other, each until nobody is left something to take. */
import { parentPort } from "node:worker_threads";
import type { CrewAnswer, CrewTask } from "./crew.ts";
import { SourceChangedError, SourceError } from "./errors.ts";
import { claimFiles, lookAt, tablePaths } from "./file-table.ts";
import { PieceHasher } from "./piece-hasher.ts";
import { claimPieces } from "./plan.ts";

// oxlint-disable-next-line unicorn/prefer-add-event-listener -- a thread's port takes a listener without an event object
parentPort?.on("message", (task: CrewTask) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage(answerTo(task));
});

function answerTo(task: CrewTask): CrewAnswer {
  try {
    if (task.kind === "look") look(task);
    else hash(task);
    return { kind: "done" };
  } catch (error) {
    // Errors lose their class on the way to another thread.
    if (error instanceof SourceChangedError) return { kind: "changed", path: error.path };
    if (error instanceof SourceError) return { kind: "unreadable", path: error.path, message: error.message };
    throw error;
  }
}

function look({ table }: Extract<CrewTask, { kind: "look" }>): void {
  const paths = tablePaths(table);
  for (let files = claimFiles(table); files !== undefined; files = claimFiles(table)) {
    for (let i = files.from; i < files.to; i++) lookAt(table, i, paths[i] ?? "");
  }
}

function hash({ plan }: Extract<CrewTask, { kind: "hash" }>): void {
  const hasher = new PieceHasher(plan);
  try {
    for (let pieces = claimPieces(plan); pieces !== undefined; pieces = claimPieces(plan)) {
      hasher.hashAll(pieces);
    }
    hasher.finish();
  } finally {
    hasher.abandon();
  }
}
