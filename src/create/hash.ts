/** Hashes all pieces of a source on all cores. */
import { stat } from "node:fs";
import { availableParallelism } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { forEachIndex } from "../platform/bounded.ts";
import { runWorkers } from "../platform/worker-pool.ts";
import type { CreateOptions } from "./created.ts";
import { SourceChangedError, SourceError } from "./errors.ts";
import { HashCache } from "./hash-cache.ts";
import { PieceHasher } from "./piece-hasher.ts";
import { claimPieces, doneUpTo, type HashPlan, piecesDone, planHashing } from "./plan.ts";
import type { Source, SourceFile } from "./source.ts";

/** What a hashing thread says when it must give up. */
export type HashFailure =
  | { readonly kind: "changed"; readonly path: string }
  | { readonly kind: "unreadable"; readonly path: string; readonly message: string };

/** A thread takes about 30 ms to start, in which this much is hashed; opening a file costs as much as so many bytes. */
const INLINE_COST = 16 * 1024 * 1024;
const COST_OF_A_FILE = 32 * 1024;
/** Below that much for each, more threads gain nothing. */
const COST_PER_THREAD = 16 * 1024 * 1024;
const REPORT_EVERY_MS = 50;
const STATS_AT_ONCE = 64;
const SECOND_LOOK_AFTER_MS = 1_000;

/** The bundle is flat; from source, the worker is where the build put it. */
const workerEntry = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/hash-worker.js" : "./hash-worker.js",
  import.meta.url,
);

type HashOptions = Pick<
  CreateOptions,
  "threads" | "helps" | "onProgress" | "onPieces" | "cacheDir" | "onCacheTrouble"
>;

/**
 * @returns SHA-1 of each piece, end to end, 20 bytes each, owned by the caller. No thread is left when it settles.
 * @throws {SourceChangedError} when a file is not what `source` says of it, before, while or just after it is read.
 * @throws {SourceError} when a file can't be read.
 */
export async function hashPieces(
  source: Source,
  pieceLength: number,
  options: HashOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const plan = planHashing(source.files, source.totalBytes, pieceLength);
  const reporter = new Reporter(plan, source.totalBytes, options);
  const { cacheDir: dir, onCacheTrouble: onTrouble } = options;
  const cache =
    dir === undefined ? undefined : await HashCache.recall({ dir, source, pieceLength, onTrouble }, plan);
  signal.throwIfAborted();
  reporter.report();
  try {
    await hashMissing(source, plan, { ...options, report: () => reporter.report() }, signal);
  } finally {
    // Whatever ended it: what is done need not be done again.
    await cache?.remember(plan);
  }
  // No piece holds bytes of empty files, so nobody has looked at them; and after a while, all are worth a second look.
  const quick = performance.now() - startedAt < SECOND_LOOK_AFTER_MS;
  await compareFiles(quick ? source.files.filter((file) => file.length === 0) : source.files, signal);
  reporter.report();
  return reporter.hashes;
}

async function hashMissing(
  source: Source,
  plan: HashPlan,
  {
    threads,
    helps = false,
    report,
  }: Pick<CreateOptions, "threads" | "helps"> & { readonly report: () => void },
  signal: AbortSignal,
): Promise<void> {
  const part = 1 - piecesDone(plan) / plan.pieceCount;
  if (part === 0) return;
  const cost = part * (source.totalBytes + source.files.length * COST_OF_A_FILE);
  const most = Math.ceil(Math.max(1, Math.min(threads ?? availableParallelism(), cost / COST_PER_THREAD)));
  if (cost <= INLINE_COST) return hashHere(plan, report, signal);
  const timer = setInterval(report, REPORT_EVERY_MS);
  try {
    const count = helps ? most - 1 : most;
    const job = { entry: workerEntry, count, data: plan, onMessage: throwFailure };
    await together(
      [
        (both) => runWorkers(job, both),
        ...(helps ? [(both: AbortSignal) => hashHere(plan, report, both)] : []),
      ],
      signal,
    );
  } finally {
    clearInterval(timer);
  }
}

/** Runs all of `works`; the first failure stops the others. @returns when none runs any more. */
async function together(
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  await Promise.all(works.map((work) => work(either).catch((error: unknown) => failure.abort(error))));
  failure.signal.throwIfAborted();
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

function throwFailure(message: unknown): never {
  // Only our own hash-worker.ts posts here, and only this.
  const failure = message as HashFailure;
  if (failure.kind === "changed") throw new SourceChangedError(failure.path);
  throw new SourceError(failure.path, failure.message);
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
    this.#options.onPieces?.(from, to, this.hashes);
  }
}
