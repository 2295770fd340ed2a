/** Hashes all pieces of a source on all cores. */
import { stat } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { forEachIndex, together } from "../platform/bounded.ts";
import type { CreateOptions } from "./created.ts";
import type { Crew } from "./crew.ts";
import { SourceChangedError } from "./errors.ts";
import { HashCache } from "./hash-cache.ts";
import { PieceHasher } from "./piece-hasher.ts";
import { claimPieces, doneUpTo, type HashPlan, piecesDone, planHashing } from "./plan.ts";
import type { Hashable } from "./source.ts";
import type { SourceFile } from "./source-file.ts";

const REPORT_EVERY_MS = 50;
const STATS_AT_ONCE = 64;
const SECOND_LOOK_AFTER_MS = 1_000;

interface HashOptions extends Pick<CreateOptions, "onProgress" | "onPieces" | "cacheDir" | "onCacheTrouble"> {
  readonly crew: Crew;
  /** Called once the threads have something to do, unless there is nothing: for what doesn't need the hashes. */
  readonly meanwhile?: () => void;
}

/**
 * @returns SHA-1 of each piece, end to end, 20 bytes each, owned by the caller. No thread is left when it settles.
 * @throws {SourceChangedError} when a file is not what `source` says of it, before, while or just after it is read.
 * @throws {SourceError} when a file can't be read.
 */
export async function hashPieces(
  source: Hashable,
  pieceLength: number,
  options: HashOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const plan = planHashing(source.table, source.totalBytes, pieceLength);
  const reporter = new Reporter(plan, source.totalBytes, options);
  const { cacheDir: dir, onCacheTrouble: onTrouble } = options;
  const cache =
    dir === undefined ? undefined : await HashCache.recall({ dir, source, pieceLength, onTrouble }, plan);
  signal.throwIfAborted();
  reporter.report();
  try {
    const meanwhile = () => {
      options.meanwhile?.();
      cache?.prepare();
    };
    await hashMissing(plan, { crew: options.crew, meanwhile, report: () => reporter.report() }, signal);
  } finally {
    // Whatever ended it: what is done need not be done again.
    await cache?.remember(plan);
  }
  await compareFiles(worthALook(source.files, reporter.doneEarly() * pieceLength), signal);
  reporter.report();
  return reporter.hashes;
}

async function hashMissing(
  plan: HashPlan,
  {
    crew,
    meanwhile,
    report,
  }: Pick<Required<HashOptions>, "crew" | "meanwhile"> & { readonly report: () => void },
  signal: AbortSignal,
): Promise<void> {
  const left = plan.pieceCount - piecesDone(plan);
  if (left === 0) return;
  const part = left / plan.pieceCount;
  const threads = crew.forHashing(plan, part);
  const timer = setInterval(report, REPORT_EVERY_MS);
  const here = async (both: AbortSignal) => {
    meanwhile();
    if (threads === 0 || crew.helps) await hashHere(plan, report, both);
  };
  try {
    await together([(both) => crew.run(threads, { kind: "hash", plan }, both), here], signal);
  } finally {
    clearInterval(timer);
  }
}

/** On the caller's own thread, a few milliseconds at a time. */
async function hashHere(plan: HashPlan, report: () => void, signal: AbortSignal): Promise<void> {
  const hasher = new PieceHasher(plan);
  try {
    for (let pieces = claimPieces(plan); pieces !== undefined; pieces = claimPieces(plan)) {
      hasher.hashAll(pieces);
      report();
      await nextTurn();
      signal.throwIfAborted();
    }
    hasher.finish();
  } finally {
    hasher.abandon();
  }
}

/**
 * No piece holds bytes of empty files, so nobody has looked at them since the scan; and those that were read first are
 * worth a second look.
 * @param early of the share's bytes, as many as were read a while ago
 */
function worthALook(files: Hashable["files"], early: number): readonly SourceFile[] {
  let offset = 0;
  return files.flatMap((file) => {
    const start = offset;
    offset += file.length;
    return !("pad" in file) && (file.length === 0 || start < early) ? [file] : [];
  });
}

/** Once more, as they were? */
function compareFiles(files: readonly SourceFile[], signal: AbortSignal): Promise<void> {
  const compare = (index: number, done: (error?: unknown) => void) => {
    const file = files[index];
    if (file === undefined) return done();
    stat(file.absolutePath, { bigint: true }, (cause, stats) => {
      const same =
        cause === null &&
        stats.isFile() &&
        Number(stats.size) === file.length &&
        stats.mtimeNs === file.mtimeNs &&
        stats.ino === file.inode;
      done(same ? undefined : new SourceChangedError(file.absolutePath, { cause }));
    });
  };
  return forEachIndex(files.length, STATS_AT_ONCE, compare, signal);
}

/** Tells a caller what the threads have done since it was last told. */
class Reporter {
  /** Not shared memory, which sockets and decoders refuse; filled up to the last report. */
  readonly hashes: Uint8Array;
  readonly #plan: HashPlan;
  readonly #totalBytes: number;
  readonly #options: Pick<CreateOptions, "onProgress" | "onPieces">;
  #pieces = 0;
  #bytes = -1;
  /** How many pieces were done when: at the end of the time that counts as just now, and since then. */
  readonly #lately: { readonly at: number; readonly pieces: number }[] = [];

  constructor(plan: HashPlan, totalBytes: number, options: Pick<CreateOptions, "onProgress" | "onPieces">) {
    this.hashes = new Uint8Array(20 * plan.pieceCount);
    this.#plan = plan;
    this.#totalBytes = totalBytes;
    this.#options = options;
  }

  report(): void {
    const bytes = Math.min(piecesDone(this.#plan) * this.#plan.pieceLength, this.#totalBytes);
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#options.onProgress?.(bytes, this.#totalBytes);
    }
    const from = this.#pieces;
    const to = doneUpTo(this.#plan, from);
    if (to === from) return;
    this.hashes.set(this.#plan.hashes.subarray(20 * from, 20 * to), 20 * from);
    this.#pieces = to;
    this.#lately.push({ at: performance.now(), pieces: to });
    this.#forget();
    this.#options.onPieces?.(from, to, this.hashes);
  }

  /** The pieces, from the first one on, that were done more than a second ago. */
  doneEarly(): number {
    this.#forget();
    const [oldest] = this.#lately;
    return oldest !== undefined && isEarly(oldest) ? oldest.pieces : 0;
  }

  #forget(): void {
    for (let [, next] = this.#lately; next !== undefined && isEarly(next); [, next] = this.#lately) {
      this.#lately.shift();
    }
  }
}

function isEarly({ at }: { readonly at: number }): boolean {
  return performance.now() - at > SECOND_LOOK_AFTER_MS;
}
