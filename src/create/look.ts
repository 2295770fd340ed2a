/** Looks at files, the caller's thread and others together. */
import { lstat, stat } from "node:fs";
import { forEachIndex, together } from "../platform/bounded.ts";
import type { Pace } from "../platform/pace.ts";
import { Slices } from "../platform/slices.ts";
import type { Crew } from "./crew.ts";
import { claimFiles, type FileTable, isGone, lookAt, note, tableOf, unreadable } from "./file-table.ts";
import type { Candidate } from "./source-file.ts";

/** Files between two looks at the time, and at how slow the disk is; enough to keep the thread pool's queue full. */
const LOOKS_IN_A_ROW = 64;

/** @throws {SourceError} when the system refuses a look, other than because a file is gone. */
export async function lookAtAll(
  candidates: readonly Candidate[],
  pace: Pace,
  crew: Crew | undefined,
  signal: AbortSignal,
): Promise<FileTable> {
  const table = tableOf(candidates);
  const works = [(both: AbortSignal) => lookHere(table, candidates, pace, both)];
  const threads = crew?.forLooking(table.count) ?? 0;
  if (crew !== undefined && threads > 0) {
    works.push((both) => crew.run(threads, { kind: "look", table }, both));
  }
  await together(works, signal);
  return table;
}

/** On the caller's own thread, a few milliseconds at a time. */
async function lookHere(
  table: FileTable,
  candidates: readonly Candidate[],
  pace: Pace,
  signal: AbortSignal,
): Promise<void> {
  const slices = new Slices();
  for (let files = claimFiles(table); files !== undefined; files = claimFiles(table)) {
    for (let from = files.from; from < files.to; from += LOOKS_IN_A_ROW) {
      if (slices.isOver) await slices.next(signal);
      const to = Math.min(from + LOOKS_IN_A_ROW, files.to);
      // At once costs half of what asking the thread pool does, unless a disk must be waited for.
      if (!pace.isFast) await lookTogether(table, candidates, { from, to }, signal);
      else {
        pace.time(() => {
          for (let i = from; i < to; i++) lookAt(table, i, candidates[i]?.absolutePath ?? "");
        });
      }
    }
  }
}

/** All at once, as far as the system's thread pool goes. */
function lookTogether(
  table: FileTable,
  candidates: readonly Candidate[],
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<void> {
  const look = (index: number, done: (error?: unknown) => void) => {
    const candidate = candidates[from + index];
    if (candidate === undefined) return done();
    const { absolutePath, followed } = candidate;
    (followed ? stat : lstat)(absolutePath, { bigint: true }, (cause, stats) => {
      if (cause !== null && !isGone(cause)) return done(unreadable(absolutePath, cause));
      if (cause === null) note(table, from + index, stats);
      done();
    });
  };
  return forEachIndex(to - from, LOOKS_IN_A_ROW, look, signal);
}
