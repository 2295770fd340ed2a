/** Has pieces checked and written away from the loop: by a thread of their own. */
import { availableParallelism } from "node:os";
import { descriptorLimit } from "../../platform/descriptors.ts";
import { WorkerLine } from "../../platform/worker-line.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";
import { storageError } from "../errors.ts";
import type { Folder, Target } from "./folders.ts";
import type { Loan, OpenFiles } from "./open-files.ts";
import type { JobAnswer, JobPart, PieceJob } from "./piece-job.ts";
import type { Placement, TargetPlace } from "./placement.ts";

/** Does jobs in the order in which it is asked. A thread, or what a test puts in its place. */
export interface JobLine {
  ask(job: PieceJob): Promise<unknown>;
  close(): Promise<void>;
}

/** A thread costs as much as checking and writing so many bytes; opening a file costs as much as so many. */
const WORTH_A_THREAD = 64 * 1024 * 1024;
const COST_OF_A_FILE = 32 * 1024;
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
}

/** Starts the thread for what a download lacks; it must be closed. @returns undefined where it doesn't pay. */
export function startWriter(options: WriterOptions): PieceWriter | undefined {
  const { layout, wanted, targets } = options.placement;
  let bytes = 0;
  for (const piece of wanted) if (!options.have.has(piece)) bytes += layout.pieceSize(piece);
  const files = targets.size * (bytes / layout.totalLength);
  const pays = bytes + files * COST_OF_A_FILE >= WORTH_A_THREAD && availableParallelism() > 1;
  if (!pays || descriptorLimit() < FEWEST_DESCRIPTORS) return undefined;
  return new PieceWriter(new WorkerLine(workerEntry), options.openFiles);
}

/** What came of a piece; `unwritten`: it's right, and there were no descriptors left. */
type Outcome = "stored" | "corrupt" | "unwritten";

/**
 * Turns places into jobs. Files that lie whole in one piece are opened, written and closed there; larger ones, and the
 * folders that files are opened through, are lent from the cache for as long as the job takes.
 */
export class PieceWriter {
  readonly #line: JobLine;
  readonly #openFiles: OpenFiles;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(line: JobLine, openFiles: OpenFiles) {
    this.#line = line;
    this.#openFiles = openFiles;
  }

  /** Whether a piece that lies there is for it. */
  takes(places: readonly TargetPlace[]): boolean {
    const folders = new Set<Folder>();
    for (const { file } of places) if (file !== undefined) folders.add(file.folder);
    return folders.size <= MOST_FOLDERS;
  }

  /**
   * Compares a piece with its SHA-1, and writes it to its places if that is right.
   * @param data in shared memory
   * @throws {StorageError} {WorkerCrashError}
   */
  async store(places: readonly TargetPlace[], data: Uint8Array, sha1: Uint8Array): Promise<Outcome> {
    if (this.#running === AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    const loans: Loan[] = [];
    try {
      return await this.#store(places, data, toHex(sha1), loans);
    } finally {
      for (const loan of loans) loan.release();
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#line.close();
  }

  async #store(
    places: readonly TargetPlace[],
    data: Uint8Array,
    sha1: string,
    loans: Loan[],
  ): Promise<Outcome> {
    const files: Target[] = [];
    const parts: JobPart[] = [];
    let at = 0;
    for (const place of places) {
      const { file, length, offset } = place;
      if (file !== undefined) {
        files.push(file);
        parts.push({ at, length, offset, ...this.#opened(file, place.isWhole, loans) });
      }
      at += length;
    }
    // Only our own piece-worker.ts answers, and only this.
    const answer = (await this.#line.ask({ data, sha1, parts })) as JobAnswer;
    if (answer.kind === "corrupt") return "corrupt";
    const isFailed = answer.kind === "failed";
    const made = isFailed ? answer.part + Number(answer.isOpened) : files.length;
    for (const file of files.slice(0, made)) file.isMade();
    if (!isFailed) return "stored";
    if (answer.code === "EMFILE" || answer.code === "ENFILE") return "unwritten";
    const file = files[answer.part];
    if (file !== undefined) this.#openFiles.drop(file);
    const { code, message } = answer;
    throw storageError(file?.path ?? "", "write", Object.assign(new Error(message), code && { code }));
  }

  #opened(file: Target, isWhole: boolean, loans: Loan[]) {
    if (!isWhole) {
      const loan = lendFile(this.#openFiles, file);
      loans.push(loan);
      return { descriptor: loan.descriptor };
    }
    const { loan, path, mode } = file.openElsewhere();
    loans.push(loan);
    return { path, mode };
  }
}

function lendFile(openFiles: OpenFiles, file: Target): Loan {
  try {
    return openFiles.borrowSync(file);
  } catch (error) {
    openFiles.drop(file);
    throw storageError(file.path, "write", error);
  }
}
