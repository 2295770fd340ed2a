import { join } from "node:path";
import type { Clock } from "../../protocol/ambient.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { Download, Lost } from "../download.ts";
import { storageError } from "../errors.ts";
import { CheckedFiles } from "./checked-files.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { completeTree, type TreeOptions } from "./complete-tree.ts";
import { DiskStorage } from "./disk-storage.ts";
import type { Target } from "./folders.ts";
import { lastLook } from "./last-look.ts";
import type { Lock } from "./lock.ts";
import type { Loan } from "./open-files.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { PieceWriter } from "./piece-writer.ts";
import type { Recovered } from "./recover.ts";
import type { SourceWatcher } from "./source-checks.ts";
import { removeFile, type StateFile, syncFolder } from "./state-file.ts";
import type { PieceStorage } from "./storage.ts";
import { watchTargets } from "./watch-targets.ts";

export interface DiskDownloadOptions extends TreeOptions {
  readonly parts: Target;
  readonly statePath: string;
  readonly lock: Lock;
  /** Absent when everything was there already. */
  readonly state: StateFile | undefined;
  readonly checkpoints: Checkpoints | undefined;
  readonly ownWrites: OwnWrites;
  readonly recovered: Recovered;
  readonly unchecked: Bitfield;
  readonly clock: Clock;
  /** There was a state of this torrent before. */
  readonly hadState: boolean;
  /** Closed when nothing is written any more. */
  readonly writer: PieceWriter | undefined;
}

/** A download's place on disk from the moment it is ready until it is closed. */
export class DiskDownload implements Download {
  readonly have: Bitfield;
  readonly unchecked: Bitfield;
  readonly wanted: Bitfield;
  readonly selected: ReadonlySet<number>;
  readonly selectedBytes: number;
  readonly resumedBytes: number;
  readonly path: string;
  readonly skipped: readonly string[];
  readonly #options: DiskDownloadOptions;
  readonly #storage: DiskStorage;
  #finishing: Promise<void> | undefined;
  #isFinished = false;
  /** Keeps the parts readable for seeding after their name is gone. */
  #partsLoan: Loan | undefined;

  constructor(options: DiskDownloadOptions) {
    const { placement, recovered, io, checkpoints, ownWrites, root } = options;
    const { metainfo, layout } = placement;
    this.#options = options;
    this.have = recovered.have;
    this.unchecked = options.unchecked;
    this.wanted = placement.wanted.clone();
    this.path = join(root.path, metainfo.name);
    this.skipped = metainfo.files.flatMap(({ path, symlink }) =>
      symlink === undefined || options.symlinks || !options.isSelected(path) ? [] : [path.join("/")],
    );
    let selectedBytes = 0;
    this.selected = new Set(placement.targets.keys());
    for (const index of this.selected) selectedBytes += metainfo.files[index]?.length ?? 0;
    this.selectedBytes = selectedBytes;
    let resumedBytes = 0;
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      if (this.have.has(piece)) resumedBytes += placement.bytesIn(piece);
    }
    this.resumedBytes = resumedBytes;
    this.#storage = new DiskStorage({
      io,
      placement,
      checkpoints,
      ownWrites,
      undecided: recovered.undecided,
      writer: options.writer,
      onClose: () => this.#release(),
    });
  }

  get storage(): PieceStorage {
    return this.#storage;
  }

  bytesIn(piece: number): number {
    return this.#options.placement.bytesIn(piece);
  }

  async identify(infoHash: InfoHash, have: Bitfield): Promise<void> {
    await this.#options.checkpoints?.identify(toHex(infoHash), have);
  }

  async lookAgain(signal: AbortSignal): Promise<Lost | undefined> {
    const { checkpoints } = this.#options;
    const lost = await lastLook({ ...this.#options, storage: this.#storage }, signal);
    if (lost !== undefined) await checkpoints?.forget(lost.pieces);
    return lost;
  }

  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  async watch(watcher: SourceWatcher): Promise<void> {
    const { io, placement, clock, root, ownWrites } = this.#options;
    this.#storage.serve(
      new CheckedFiles({
        ...{ io, clock, watcher, layout: placement.layout, pieceHashes: placement.metainfo.pieceHashes },
        ...(await watchTargets({ placement, openFiles: io.openFiles, fs: io.fs, root, ownWrites })),
        cure: "get it again with --overwrite",
      }),
    );
  }

  close(): Promise<void> {
    return this.#storage.close();
  }

  async #finish(): Promise<void> {
    const { fs, io, checkpoints, state, statePath, parts, root, lock, placement, writer } = this.#options;
    await this.#storage.finishWriting();
    // Whoever closes us waits for it.
    void writer?.close();
    await completeTree(this.#options);
    await checkpoints?.syncAll();
    for (const target of placement.targets.values()) target.state = "readOnly";
    try {
      if (parts.state !== "absent") {
        this.#partsLoan = await io.openFiles.borrowForLong(parts);
        await removeFile(fs, parts.path);
      }
      await removeFile(fs, statePath);
      await syncFolder(fs, root.path);
    } catch (error) {
      throw storageError(statePath, "write", error);
    }
    await state?.close();
    this.#isFinished = true;
    await lock.release();
  }

  async #release(): Promise<void> {
    const { io, placement, root, parts, lock, writer } = this.#options;
    await writer?.close();
    // A finish under way has the lock and the state in its hands.
    await this.#finishing?.catch(() => {});
    try {
      if (!this.#isFinished) await this.#saveState();
    } finally {
      this.#partsLoan?.release();
      for (const target of [...placement.targets.values(), parts]) {
        target.closed = true;
        io.openFiles.drop(target);
      }
      root.drop();
      if (!this.#isFinished) await lock.release();
    }
  }

  async #saveState(): Promise<void> {
    const { fs, checkpoints, state, statePath, hadState } = this.#options;
    if (checkpoints === undefined || state === undefined) return;
    try {
      await checkpoints.stop();
      await checkpoints.run(true);
    } finally {
      await state.close();
    }
    // Nothing was ever made that would have to be known as ours.
    if (!hadState && this.have.count === 0 && !this.#storage.hasWritten) await removeFile(fs, statePath);
  }
}
