import { join, resolve } from "node:path";
import { systemClock } from "../platform/clock.ts";
import { type FileSystem, systemErrorCode, systemFiles } from "../platform/file-system.ts";
import { Pace } from "../platform/pace.ts";
import { Bitfield } from "../protocol/bitfield.ts";
import { toHex } from "../protocol/bytes.ts";
import { BoojumError, MetainfoError } from "../protocol/errors.ts";
import type { Metainfo, TorrentFile } from "../protocol/metainfo.ts";
import type { Download, DownloadOptions } from "./download.ts";
import { NotFreshError, OutputExistsError, storageError } from "./errors.ts";
import { Checkpoints } from "./storage/checkpoints.ts";
import { DiskDownload } from "./storage/disk-download.ts";
import { DiskStorage } from "./storage/disk-storage.ts";
import { Folder, Target } from "./storage/folders.ts";
import { acquireLock, type Lock } from "./storage/lock.ts";
import { OpenFiles } from "./storage/open-files.ts";
import { makeFolders, syncWay } from "./storage/output-folder.ts";
import { OwnWrites } from "./storage/own-writes.ts";
import { PieceWriter, prepareWriter } from "./storage/piece-writer.ts";
import { Placement } from "./storage/placement.ts";
import {
  type FoundFile,
  PARTS_KEY,
  piecesOnDisk,
  type Recovered,
  recover,
  refuseSpecial,
} from "./storage/recover.ts";
import { decodeState, type SavedFile, type SavedState } from "./storage/resume.ts";
import type { SpanIo } from "./storage/span-io.ts";
import { readState, StateFile } from "./storage/state-file.ts";
import { stateName } from "./storage/state-name.ts";

/**
 * Finds out what is on disk already, and makes the place ready. Files of the torrent are made when their first piece is
 * written. Until every check has passed nothing is written but the folder and the lock.
 * @throws {OutputExistsError} a file that isn't ours is in the way and differs.
 * @throws {OutputLockedError} somebody else downloads to the same place.
 * @throws {StorageError} the folder can't be used.
 */
export async function openDownload(options: DownloadOptions, signal: AbortSignal): Promise<Download> {
  const fs = options.files ?? systemFiles;
  const directory = resolve(options.directory);
  const { name } = options.metainfo;
  const path = join(directory, name);
  await makeFolders(fs, directory);
  const statePath = join(directory, stateName(name));
  const lock = await acquireLock(fs, `${statePath}.lock`, path);
  let opening: Opening | undefined;
  try {
    opening = new Opening(options, fs, directory, statePath, lock);
    return await opening.open(signal);
  } catch (error) {
    opening?.dropAll();
    await lock.release();
    throw error instanceof BoojumError || systemErrorCode(error) === undefined
      ? error
      : storageError(path, "write", error);
  }
}

/** Goes before the hash in the state of a download whose info hash isn't known yet. */
const PROVISIONAL = "provisional ";

class Opening {
  readonly #options: DownloadOptions;
  readonly #metainfo: Metainfo;
  readonly #infoHash: string;
  readonly #fs: FileSystem;
  readonly #openFiles: OpenFiles;
  readonly #io: SpanIo;
  readonly #root: Folder;
  readonly #statePath: string;
  readonly #lock: Lock;
  readonly #parts: Target;
  readonly #placement: Placement;
  readonly #ownWrites: OwnWrites;
  /** Keys of the targets in the state. */
  readonly #keys = new Map<Target, string>();

  constructor(options: DownloadOptions, fs: FileSystem, directory: string, statePath: string, lock: Lock) {
    this.#options = options;
    this.#metainfo = options.metainfo;
    if (options.metainfo.infoHash === undefined) {
      throw new MetainfoError("This torrent is version 2 only, which can't be downloaded yet.");
    }
    const hex = toHex(options.metainfo.infoHash);
    this.#infoHash = options.provisional ? PROVISIONAL + hex : hex;
    this.#fs = fs;
    this.#openFiles = options.openFiles ?? new OpenFiles(64, fs);
    this.#io = { fs, openFiles: this.#openFiles, pace: new Pace(options.clock ?? systemClock) };
    this.#ownWrites = new OwnWrites(this.#io, options.clock ?? systemClock);
    this.#root = Folder.root(fs, this.#openFiles, directory);
    this.#statePath = statePath;
    this.#lock = lock;
    this.#parts = new Target(fs, this.#root, `${stateName(options.metainfo.name)}.parts`);
    this.#keys.set(this.#parts, PARTS_KEY);
    const select = options.select ?? (() => true);
    this.#placement = new Placement({
      metainfo: options.metainfo,
      isSelected: (file) => select(file.path),
      target: (file) => this.#target(file),
      parts: this.#parts,
    });
  }

  async open(signal: AbortSignal): Promise<Download> {
    const bytes = await readState(this.#fs, this.#statePath);
    const stored = bytes && decodeState(bytes);
    const isThis =
      stored?.infoHash === this.#infoHash && stored.pieceCount === this.#placement.layout.pieceCount;
    // A state that can't be read was made by a download to this very name: what is there is taken for that. So is that
    // of a publisher who was still hashing: what came of it is known only now.
    const isDamaged =
      bytes !== undefined && (stored === undefined || (!isThis && stored.infoHash.startsWith(PROVISIONAL)));
    const saved = isThis ? stored : undefined;
    const files = await this.#findFiles(saved, isDamaged, signal);
    const parts = this.#findParts();
    if (this.#options.provisional) return this.#startProvisional(files, saved);
    const recovered = await recover(
      {
        placement: this.#placement,
        storage: new DiskStorage({
          io: this.#io,
          placement: this.#placement,
          checkpoints: undefined,
          undecided: new Set(),
          onClose: async () => {},
        }),
        files,
        parts,
        saved,
        overwrite: this.#options.overwrite,
        random: this.#options.random,
        onProgress: this.#options.onProgress,
      },
      signal,
    );
    signal.throwIfAborted();
    return this.#start(files, saved, recovered);
  }

  /** Nothing can be checked, so what is there must be ours. */
  #startProvisional(files: readonly FoundFile[], saved: SavedState | undefined): Promise<Download> {
    if (files.some((file) => file.origin === "foreign")) {
      throw new NotFreshError(join(this.#root.path, this.#metainfo.name));
    }
    const { pieceCount } = this.#placement.layout;
    const nothing = {
      have: new Bitfield(pieceCount),
      durable: new Bitfield(pieceCount),
      undecided: new Set<Target>(),
    };
    return this.#start(files, saved, nothing);
  }

  #target(file: TorrentFile): Target {
    let folder = this.#root;
    const components = this.#metainfo.singleFile ? [] : [this.#metainfo.name, ...file.path.slice(0, -1)];
    for (const component of components) folder = folder.child(component);
    const name = this.#metainfo.singleFile ? this.#metainfo.name : file.path[file.path.length - 1];
    if (name === undefined) throw new MetainfoError("A file of the torrent has no name.");
    const target = new Target(this.#fs, folder, name);
    this.#keys.set(target, file.path.join("/"));
    return target;
  }

  /** Looks at every selected file once, and refuses what could never be written. */
  async #findFiles(
    saved: SavedState | undefined,
    isDamaged: boolean,
    signal: AbortSignal,
  ): Promise<FoundFile[]> {
    const owned = saved === undefined || saved.owned === "all" ? undefined : new Set(saved.owned);
    let folder: Folder | undefined;
    let isMissing = false;
    const files: FoundFile[] = [];
    for (const [index, target] of this.#placement.targets) {
      if (files.length % 500 === 499) {
        await new Promise(setImmediate);
        signal.throwIfAborted();
      }
      const length = this.#metainfo.files[index]?.length ?? 0;
      const key = this.#keys.get(target) ?? "";
      // One look at a folder that isn't there yet spares looking for all its files.
      if (target.folder !== folder) isMissing = !target.folder.exists();
      folder = target.folder;
      const stat = isMissing ? undefined : target.lookUp();
      refuseSpecial(target, stat);
      const isOurs = isDamaged
        ? (stat?.size ?? 0) <= length
        : saved !== undefined && (owned?.has(key) ?? true);
      const origin = stat === undefined ? "absent" : isOurs ? "ours" : "foreign";
      if (stat !== undefined) target.state = "readOnly";
      files.push({ index, target, length, key, stat, origin });
    }
    return files;
  }

  #findParts() {
    const stat = this.#parts.lookUp();
    refuseSpecial(this.#parts, stat);
    if (stat !== undefined) this.#parts.state = "readOnly";
    return stat;
  }

  async #start(
    files: readonly FoundFile[],
    saved: SavedState | undefined,
    recovered: Recovered,
  ): Promise<Download> {
    const { have, durable } = recovered;
    let isComplete = true;
    // Of what we wrote ourselves and were killed before it was durable, syncing is still to come.
    const there = files.some(({ origin }) => origin === "ours") ? durable : have;
    for (const piece of this.#placement.wanted) isComplete &&= there.has(piece);
    const unfinished = files.filter((file) => this.#mustBeWritten(file, recovered));
    const foreign = unfinished.find((file) => file.origin === "foreign" && (file.stat?.links ?? 1) > 1);
    // Writing to it would write to all the places where it has a name.
    if (foreign !== undefined)
      throw new OutputExistsError(foreign.target.path, "has other names elsewhere (hard links)");
    let state: StateFile | undefined;
    let checkpoints: Checkpoints | undefined;
    if (!isComplete) {
      // Whoever was killed may have made the way here and not synced it; where there is a state, that was done before.
      if (saved === undefined) await syncWay(this.#fs, this.#root.path);
      // Before anything else is written: what we make from now on is ours after a crash.
      state = await this.#createState(files, saved, recovered);
      checkpoints = await this.#createCheckpoints(state, recovered);
    }
    try {
      for (const { target, stat } of files) if (stat !== undefined) this.#ownWrites.found(target, stat);
      for (const file of unfinished) await this.#makeWritable(file);
      if (this.#parts.state === "readOnly") this.#parts.state = "writable";
      // The check may have left it open for reading only.
      this.#openFiles.drop(this.#parts);
    } catch (error) {
      await checkpoints?.stop();
      await state?.close();
      throw error;
    }
    return new DiskDownload({
      fs: this.#fs,
      io: this.#io,
      placement: this.#placement,
      root: this.#root,
      isSelected: this.#options.select ?? (() => true),
      symlinks: this.#options.symlinks ?? false,
      onSkipped: this.#options.onSkipped ?? (() => {}),
      parts: this.#parts,
      statePath: this.#statePath,
      lock: this.#lock,
      state,
      checkpoints,
      ownWrites: this.#ownWrites,
      recovered,
      unchecked: this.#options.provisional
        ? piecesOnDisk(this.#placement, files)
        : new Bitfield(this.#placement.layout.pieceCount),
      clock: this.#options.clock ?? systemClock,
      hadState: saved !== undefined,
      writer: isComplete ? undefined : this.#prepareWriter(have),
    });
  }

  /** A file system of a test's own is used from this thread alone, unless it says otherwise. */
  #prepareWriter(have: Bitfield): PieceWriter | undefined {
    const { line, files, clock = systemClock } = this.#options;
    if (line !== undefined) return new PieceWriter(() => line, this.#openFiles);
    if (files !== undefined) return undefined;
    return prepareWriter({ placement: this.#placement, have, openFiles: this.#openFiles, clock });
  }

  /** Whether a file that is there has pieces to come, or bytes behind its end. */
  #mustBeWritten({ index, target, stat, length }: FoundFile, { have, undecided }: Recovered): boolean {
    if (stat === undefined || undecided.has(target)) return false;
    if (stat.size > length) return true;
    const pieces = this.#placement.layout.piecesOf(index);
    if (pieces === undefined) return false;
    for (let piece = pieces.first; piece <= pieces.last; piece++) if (!have.has(piece)) return true;
    return false;
  }

  async #makeWritable({ target, stat, length }: FoundFile): Promise<void> {
    target.state = "writable";
    this.#openFiles.drop(target);
    if (stat === undefined || stat.size <= length) return;
    try {
      const loan = await this.#openFiles.borrow(target);
      try {
        await this.#fs.truncate(loan.descriptor, length);
        this.#ownWrites.found(target, this.#fs.fstatSync(loan.descriptor));
      } finally {
        loan.release();
      }
    } catch (error) {
      throw storageError(target.path, "write", error);
    }
  }

  #createState(
    files: readonly FoundFile[],
    saved: SavedState | undefined,
    recovered: Recovered,
  ): Promise<StateFile> {
    const known: SavedFile[] = [];
    const owned = new Set(saved === undefined || saved.owned === "all" ? [] : saved.owned);
    let all =
      saved?.owned === "all" || files.length === this.#metainfo.files.filter((file) => !file.pad).length;
    for (const { key, stat, target } of files) {
      if (recovered.undecided.has(target)) all = false;
      else owned.add(key);
      if (stat !== undefined) known.push({ path: key, size: stat.size, mtimeNs: stat.mtimeNs });
    }
    const parts = this.#parts.lookUp();
    if (parts !== undefined) known.push({ path: PARTS_KEY, size: parts.size, mtimeNs: parts.mtimeNs });
    return StateFile.create(
      this.#fs,
      this.#statePath,
      {
        infoHash: this.#infoHash,
        pieceCount: this.#placement.layout.pieceCount,
        selection: this.#placement.selection,
        owned: all ? "all" : [...owned],
      },
      { time: Date.now(), pieces: recovered.durable, files: known, clean: false },
      saved?.lost,
    );
  }

  async #createCheckpoints(state: StateFile, { have, durable }: Recovered): Promise<Checkpoints> {
    const checkpoints = new Checkpoints({
      fs: this.#fs,
      openFiles: this.#openFiles,
      clock: this.#options.clock ?? systemClock,
      root: this.#root,
      state,
      keyOf: (target) => this.#keys.get(target),
      isChanged: (target) => this.#ownWrites.isChanged(target),
      versionOf: (target) => this.#ownWrites.versionOf(target),
      isVolatile: await this.#fs.isVolatile(this.#root.path),
      onLost: this.#options.onLost ?? (() => {}),
    });
    // Found by hashing, so perhaps only in memory: claimed after the next checkpoint.
    for (const piece of have) {
      if (durable.has(piece)) continue;
      const targets = this.#placement.targetsOf(piece);
      // Their names may be in memory only as well, when we were killed before a checkpoint.
      for (const target of targets) target.folder.doubtNames();
      checkpoints.wrote(piece, 0, targets);
    }
    return checkpoints;
  }

  /** Gives back every descriptor. */
  dropAll(): void {
    for (const target of this.#keys.keys()) {
      target.closed = true;
      this.#openFiles.drop(target);
    }
    this.#root.drop();
  }
}
