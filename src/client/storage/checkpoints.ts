import { type FileSystem, systemErrorCode } from "../../platform/file-system.ts";
import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { type StorageError, storageError } from "../errors.ts";
import type { Folder, Target } from "./folders.ts";
import type { OpenFiles } from "./open-files.ts";
import type { SavedFile } from "./resume.ts";
import type { FileVersion } from "./seed-source.ts";
import type { StateFile } from "./state-file.ts";

/** After a piece was written, it is durable about so much later. */
const CHECKPOINT_INTERVAL: Millis = 5_000;
/** ... or after so many bytes. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;
/** Small files wait for each other's commits in the journal: a few at once share one. */
const SYNCS_AT_ONCE = 4;
/** Of a file that must not be taken for what it was: none is as large. */
const NO_SIZE = Number.MAX_SAFE_INTEGER;

export interface CheckpointsOptions {
  readonly fs: FileSystem;
  readonly openFiles: OpenFiles;
  readonly clock: Clock;
  readonly root: Folder;
  readonly state: StateFile;
  /** Path of a target in the state: components joined by `/`. */
  readonly keyOf: (target: Target) => string | undefined;
  /** Somebody else has written to it: whatever it looks like, it is hashed the next time. */
  readonly isChanged: (target: Target) => boolean;
  /** How our last write left it, where that is known; what is written while the checkpoint runs may or may not be in it. */
  readonly versionOf: (target: Target) => FileVersion | undefined;
  /** Nothing here outlives a power cut, so syncing is left out. */
  readonly isVolatile: boolean;
  readonly onLost: (pieces: readonly number[], error: StorageError) => void;
}

/**
 * Makes written pieces durable in the background, and only then claims them in the state: data first, then the names of
 * new files, then the record. What is not claimed is hashed again after a crash.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #pieces: number[] = [];
  #dirty = new Set<Target>();
  #bytes = 0;
  #losses = 0;
  /** Lost and not written again. */
  readonly #lost = new Set<number>();
  #loss: StorageError | undefined;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** A piece's data have been given to the system. `targets` are the files that were written to. */
  wrote(piece: number, bytes: number, targets: Iterable<Target>): void {
    this.#pieces.push(piece);
    this.#lost.delete(piece);
    for (const target of targets) this.#dirty.add(target);
    this.#bytes += bytes;
    if (this.#bytes >= CHECKPOINT_BYTES) this.#startNow();
    else this.#timer ??= this.#options.clock.after(CHECKPOINT_INTERVAL, () => this.#startNow());
  }

  /**
   * Makes everything durable that was written so far.
   * @throws {StorageError} the pieces since the last checkpoint are lost; `onLost` was told.
   */
  run(clean: boolean): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#bytes = 0;
    this.#running = this.#running.catch(() => {}).then(() => this.#run(clean));
    return this.#running;
  }

  /** The info hash became known; `pieces` are what they should be, and everything that was written is durable first. */
  async identify(infoHash: string, pieces: Iterable<number>): Promise<void> {
    await this.run(false);
    this.#running = this.#running.catch(() => {}).then(() => this.#options.state.identify(infoHash, pieces));
    await this.#running;
  }

  /**
   * Makes everything durable that was written so far, without a record: the state is about to go.
   * @throws {StorageError} something was lost and has not been written again.
   */
  async syncAll(): Promise<void> {
    await this.stop();
    if (this.#loss !== undefined && this.#lost.size > 0) throw this.#loss;
    const dirty = [...this.#dirty];
    if (this.#options.isVolatile) return;
    try {
      await this.#sync(dirty);
    } catch (cause) {
      throw await this.#lose([], cause);
    }
  }

  /** These pieces are not in the files any more: they aren't claimed until they are written again. */
  async forget(pieces: readonly number[]): Promise<void> {
    const gone = new Set(pieces);
    this.#running = this.#running
      .catch(() => {})
      .then(() => {
        // Or the next checkpoint would claim those of them that none has claimed yet.
        this.#pieces = this.#pieces.filter((piece) => !gone.has(piece));
        return this.#options.state.lose(pieces);
      });
    await this.#running;
  }

  /** How often pieces were lost. What was being written when that happened must be written again. */
  get losses(): number {
    return this.#losses;
  }

  /** No more checkpoints by themselves. Settles when none is under way. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#running.catch(() => {});
  }

  #startNow(): void {
    // Whoever owns the torrent hears of a failure by `onLost`.
    this.run(false).catch(() => {});
  }

  async #run(clean: boolean): Promise<void> {
    const pieces = this.#pieces;
    const dirty = [...this.#dirty];
    this.#pieces = [];
    this.#dirty = new Set();
    if (pieces.length === 0 && dirty.length === 0 && !clean) return;
    let files: SavedFile[];
    try {
      files = await this.#sync(dirty);
    } catch (cause) {
      throw await this.#lose(pieces, cause);
    }
    try {
      await this.#options.state.append({ time: Date.now(), pieces, files, clean });
    } catch (error) {
      // The data are safe, only nobody knows it yet.
      this.#pieces = pieces.concat(this.#pieces);
      for (const target of dirty) this.#dirty.add(target);
      throw error;
    }
  }

  /**
   * A sync failed. The system has given up what it could not write, and says so once: all that was written until now may
   * be in memory only, where it looks right for as long as the machine runs. So it is never found by hashing it.
   */
  async #lose(pieces: readonly number[], cause: unknown): Promise<StorageError> {
    const lost = pieces.concat(this.#pieces);
    this.#pieces = [];
    this.#losses++;
    const error = storageError(this.#options.root.path, "write", cause);
    this.#loss = error;
    for (const piece of lost) this.#lost.add(piece);
    // When not even that can be written, nothing will be: it ends with the first error that matters.
    await this.#options.state.lose(lost).catch(() => {});
    this.#options.onLost(lost, error);
    return error;
  }

  async #sync(dirty: readonly Target[]): Promise<SavedFile[]> {
    if (this.#options.isVolatile) return this.#lookUp(dirty);
    const files = await this.#syncFiles(dirty);
    for (const folder of this.#options.root.known()) {
      if (!folder.hasNewNames) continue;
      folder.hasNewNames = false;
      try {
        await folder.sync();
      } catch (error) {
        folder.hasNewNames = true;
        throw error;
      }
    }
    return files;
  }

  async #lookUp(targets: readonly Target[]): Promise<SavedFile[]> {
    const saved: SavedFile[] = [];
    for (const [i, target] of targets.entries()) {
      if (i % 200 === 199) await new Promise(setImmediate);
      const stat = this.#options.versionOf(target) ?? target.lookUp();
      const path = this.#options.keyOf(target);
      if (stat !== undefined && path !== undefined) saved.push(this.#savedAs(path, target, stat));
    }
    return saved;
  }

  #savedAs(path: string, target: Target, { size, mtimeNs }: FileVersion): SavedFile {
    return { path, size: this.#options.isChanged(target) ? NO_SIZE : size, mtimeNs };
  }

  async #syncFiles(targets: readonly Target[]): Promise<SavedFile[]> {
    const saved: SavedFile[] = [];
    const queue = targets.values();
    const work = async () => {
      for (const target of queue) {
        const file = await this.#syncFile(target);
        if (file !== undefined) saved.push(file);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: SYNCS_AT_ONCE }, work));
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return saved;
  }

  async #syncFile(target: Target): Promise<SavedFile | undefined> {
    const { fs, openFiles, keyOf } = this.#options;
    try {
      const loan = await openFiles.borrow(target);
      try {
        try {
          await fs.fdatasync(loan.descriptor);
        } catch (error) {
          // Windows syncs no file that is open for reading only; that one was there before and we never wrote to it.
          if (systemErrorCode(error) !== "EPERM" || target.state !== "readOnly") throw error;
        }
        const path = keyOf(target);
        return path === undefined ? undefined : this.#savedAs(path, target, fs.fstatSync(loan.descriptor));
      } finally {
        loan.release();
      }
    } catch (error) {
      throw storageError(target.path, "write", error);
    }
  }
}
