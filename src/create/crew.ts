/** The threads that look at files and hash them. */
import { availableParallelism } from "node:os";
import { WorkerPool } from "../platform/worker-pool.ts";
import { SourceChangedError, SourceError } from "./errors.ts";
import type { FileTable } from "./file-table.ts";
import type { HashPlan } from "./plan.ts";

/** What a thread is asked to do: to look at files that nobody has taken, or to hash pieces that nobody has. */
export type CrewTask =
  | { readonly kind: "look"; readonly table: FileTable }
  | { readonly kind: "hash"; readonly plan: HashPlan };

/** What a thread answers when no file or piece is left, or when it must give up. */
export type CrewAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "changed"; readonly path: string }
  | { readonly kind: "unreadable"; readonly path: string; readonly message: string };

export interface CrewOptions {
  /** Threads that work, the caller's counted when it helps; default: one for each core. */
  readonly threads?: number | undefined;
  /** The caller's thread hashes, too: for callers who serve nobody meanwhile. It stays answerable all the same. */
  readonly helps?: boolean | undefined;
}

/** A thread takes about 30 ms to start, in which this much is hashed. Opening a file, and looking at one, cost as much as so many bytes. */
const COST_PER_THREAD = 16 * 1024 * 1024;
const COST_OF_A_FILE = 32 * 1024;
const COST_OF_A_LOOK = 8 * 1024;

/** The bundle is flat; from source, the worker is where the build put it. */
const workerEntry = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/hash-worker.cjs" : "./hash-worker.cjs",
  import.meta.url,
);

/** Started when there is enough to do, and kept from looking to hashing. Whoever makes one closes it. */
export class Crew {
  /** The caller hashes, too. */
  readonly helps: boolean;
  readonly #threads: number;
  readonly #pool = new WorkerPool(workerEntry);

  constructor({ threads = availableParallelism(), helps = false }: CrewOptions) {
    this.helps = helps;
    this.#threads = threads;
  }

  /** Starts the threads that so many files will need at least, so that they are there when there is work. */
  expect(files: number): void {
    this.#pool.start(this.forLooking(files));
  }

  /** How many threads besides the caller's are worth while for looking at so many files. */
  forLooking(files: number): number {
    return this.#worthWhile(files * COST_OF_A_LOOK);
  }

  /** The same for hashing a part, from 0 to 1, of a plan. None when that is soon done: the caller does it alone. */
  forHashing({ table, totalBytes }: HashPlan, part: number): number {
    return this.#worthWhile(part * (totalBytes + table.count * COST_OF_A_FILE));
  }

  #worthWhile(cost: number): number {
    if (cost <= COST_PER_THREAD) return 0;
    const most = Math.ceil(Math.min(this.#threads, cost / COST_PER_THREAD));
    return this.helps ? most - 1 : most;
  }

  /**
   * Lets so many threads take of a task what nobody has taken.
   * @returns when nothing is left to take, and what was taken is done.
   * @throws {SourceChangedError} {SourceError} and then no thread is left.
   */
  async run(count: number, task: CrewTask, signal: AbortSignal): Promise<void> {
    if (count > 0) await this.#pool.run({ count, data: task, onAnswer: throwFailure }, signal);
  }

  /** Ends what is running. @returns when no thread is left. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}

function throwFailure(message: unknown): void {
  // Only our own hash-worker.ts posts here, and only this.
  const answer = message as CrewAnswer;
  if (answer.kind === "changed") throw new SourceChangedError(answer.path);
  if (answer.kind === "unreadable") throw new SourceError(answer.path, answer.message);
}
