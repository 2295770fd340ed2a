/** Has pieces checked and written away from the loop: by a thread of their own. */
import { availableParallelism } from "node:os";
import { descriptorLimit } from "../../platform/descriptors.ts";
import { WorkerLine } from "../../platform/worker-line.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";
import { ThreadWorth, workOf } from "../core/thread-worth.ts";
import { storageError } from "../errors.ts";
import type { Folder, Target } from "./folders.ts";
import { isOutOfDescriptors, type Loan, type OpenFiles } from "./open-files.ts";
import { type JobAnswer, type JobPart, type PieceJob, versionAt } from "./piece-job.ts";
import type { Placement, TargetPlace } from "./placement.ts";
import type { FileVersion } from "./seed-source.ts";

/** Does jobs in the order in which it is asked. A thread, or what a test puts in its place. */
export interface JobLine {
  ask(job: PieceJob): Promise<unknown>;
  close(): Promise<void>;
}

/** Jobs that wait there: as many as keep it busy. Each holds descriptors. */
const AT_ONCE = 16;
/** A piece that reaches into more folders than this would hold too many of them open. */
const MOST_FOLDERS = 8;

/** Several times what all those jobs hold. */
const FEWEST_DESCRIPTORS = 512;

/** The bundle is flat; from source, the worker is where the build put it. */
const workerEntry = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/piece-worker.cjs" : "./piece-worker.cjs",
  import.meta.url,
);

export interface WriterOptions {
  readonly placement: Placement;
  /** The pieces that are there. */
  readonly have: Bitfield;
  readonly openFiles: OpenFiles;
  readonly clock: Clock;
}

/**
 * Prepares for what a download lacks; it must be closed. The thread starts once pieces come so fast that it pays: over a
 * slow link it would cost more than it does.
 * @returns undefined where it can't pay.
 */
export function prepareWriter(options: WriterOptions): PieceWriter | undefined {
  const { layout, wanted, targets } = options.placement;
  let bytes = 0;
  for (const piece of wanted) if (!options.have.has(piece)) bytes += layout.pieceSize(piece);
  const work = workOf(bytes, targets.size * (bytes / layout.totalLength));
  if (!ThreadWorth.isPossible(work) || availableParallelism() === 1) return undefined;
  if (descriptorLimit() < FEWEST_DESCRIPTORS) return undefined;
  const worth = new ThreadWorth(work);
  const start = (places: readonly TargetPlace[]) =>
    worth.came(workIn(places), options.clock.now()) ? new WorkerLine(workerEntry) : undefined;
  return new PieceWriter(start, options.openFiles);
}

/** Each file counts where it begins. */
function workIn(places: readonly TargetPlace[]): number {
  let bytes = 0;
  let files = 0;
  for (const { file, length, offset } of places) {
    bytes += length;
    if (file !== undefined && offset === 0) files++;
  }
  return workOf(bytes, files);
}

/** Files that were made, as they were left; `unwritten`: the piece is right, and there were no descriptors left. */
type Outcome = ReadonlyMap<Target, FileVersion> | "corrupt" | "unwritten";

/**
 * Compares a piece with its SHA-1, and writes it to its places if that is right.
 * @param data in shared memory
 * @throws {StorageError} {WorkerCrashError}
 */
export type Store = (data: Uint8Array, sha1: Uint8Array) => Promise<Outcome>;

interface PlacedPiece {
  readonly places: readonly TargetPlace[];
  readonly data: Uint8Array;
  readonly sha1: Uint8Array;
}

/**
 * Turns places into jobs. Files that lie whole in one piece are opened, written and closed there; larger ones, and the
 * folders that files are opened through, are lent from the cache for as long as the job takes.
 */
export class PieceWriter {
  readonly #start: (places: readonly TargetPlace[]) => JobLine | undefined;
  readonly #openFiles: OpenFiles;
  readonly #waiting: (() => void)[] = [];
  #line: JobLine | undefined;
  #isClosed = false;
  #running = 0;

  /** @param start asked for each piece until it gives a line */
  constructor(start: (places: readonly TargetPlace[]) => JobLine | undefined, openFiles: OpenFiles) {
    this.#start = start;
    this.#openFiles = openFiles;
  }

  /**
   * What checks and writes a piece that lies there; undefined when it isn't for a thread, or not yet. Asked once for each.
   */
  storeFor(places: readonly TargetPlace[]): Store | undefined {
    if (this.#isClosed) return undefined;
    this.#line ??= this.#start(places);
    const line = this.#line;
    const folders = new Set<Folder>();
    for (const { file } of places) if (file !== undefined) folders.add(file.folder);
    if (line === undefined || folders.size > MOST_FOLDERS) return undefined;
    return (data, sha1) => this.#inTurn((loans) => this.#store(line, { places, data, sha1 }, loans));
  }

  /** Ends the thread, and starts none any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#line?.close();
  }

  /** Lets `AT_ONCE` of them run, and gives back what they borrowed. */
  async #inTurn(store: (loans: Loan[]) => Promise<Outcome>): Promise<Outcome> {
    if (this.#running === AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    const loans: Loan[] = [];
    try {
      return await store(loans);
    } finally {
      for (const loan of loans) loan.release();
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #store(line: JobLine, { places, data, sha1 }: PlacedPiece, loans: Loan[]): Promise<Outcome> {
    const files: Target[] = [];
    const lent = this.#lend(places, files, loans);
    // Without parts it's compared all the same.
    const parts = lent ?? [];
    // Only our own piece-worker.ts answers, and only this.
    const answer = (await line.ask({ data, sha1: toHex(sha1), parts })) as JobAnswer;
    if (answer.kind === "corrupt") return "corrupt";
    if (lent === undefined) return "unwritten";
    const isFailed = answer.kind === "failed";
    const made = isFailed ? answer.part + Number(answer.isOpened) : files.length;
    for (const file of files.slice(0, made)) file.isMade();
    if (!isFailed) return versionsOf(files, parts, answer.left);
    const { code, message } = answer;
    const failure = Object.assign(new Error(message), code && { code });
    if (isOutOfDescriptors(failure)) return "unwritten";
    const file = files[answer.part];
    if (file !== undefined) this.#openFiles.drop(file);
    throw storageError(file?.path ?? "", "write", failure);
  }

  /** @returns undefined when there are no descriptors left. @throws {StorageError} */
  #lend(places: readonly TargetPlace[], files: Target[], loans: Loan[]): JobPart[] | undefined {
    const parts: JobPart[] = [];
    let at = 0;
    for (const { file, length, offset, isWhole } of places) {
      if (file !== undefined) {
        files.push(file);
        try {
          parts.push({ at, length, offset, ...this.#opened(file, isWhole, loans) });
        } catch (error) {
          if (isOutOfDescriptors(error)) return undefined;
          this.#openFiles.drop(file);
          throw storageError(file.path, "write", error);
        }
      }
      at += length;
    }
    return parts;
  }

  #opened(file: Target, isWhole: boolean, loans: Loan[]) {
    if (!isWhole) {
      const loan = this.#openFiles.borrowSync(file);
      loans.push(loan);
      return { descriptor: loan.descriptor };
    }
    const { loan, path, mode } = file.openElsewhere();
    loans.push(loan);
    return { path, mode };
  }
}

/** @param files those of `parts` */
function versionsOf(
  files: readonly Target[],
  parts: readonly JobPart[],
  left: BigInt64Array,
): ReadonlyMap<Target, FileVersion> {
  const versions = new Map<Target, FileVersion>();
  for (const [i, file] of files.entries()) {
    const part = parts[i];
    if (part !== undefined && "path" in part) versions.set(file, versionAt(left, versions.size));
  }
  return versions;
}
