/** Finds out which pieces are on disk already, without writing anything. */
import type { FileStat } from "../../platform/file-system.ts";
import type { Random } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import type { CheckProgress } from "../download.ts";
import { OutputExistsError, StorageError } from "../errors.ts";
import { checkData } from "./check-data.ts";
import type { Target } from "./folders.ts";
import type { Placement } from "./placement.ts";
import type { SavedFile, SavedState } from "./resume.ts";
import type { PieceStorage } from "./storage.ts";

/** Pieces known from the state that are hashed nevertheless: one each of so many files at the most. */
const SAMPLE = 16;
/** A file may have been written to by us for so long after the last checkpoint; milliseconds. */
const WRITTEN_AFTER_CHECKPOINT = 30_000;

/** The key of the parts file in the state; no path of a torrent begins with a slash. */
export const PARTS_KEY = "/parts";

/** A selected file as it was found. */
export interface FoundFile {
  readonly index: number;
  readonly target: Target;
  /** Bytes it must have in the end. */
  readonly length: number;
  /** Key in the state. */
  readonly key: string;
  readonly stat: FileStat | undefined;
  /** - `absent`; `ours`: the state says so; `foreign`: it was there before. */
  readonly origin: "absent" | "ours" | "foreign";
}

export interface RecoveryOptions {
  readonly placement: Placement;
  readonly storage: Pick<PieceStorage, "read">;
  /** In the order of the torrent. */
  readonly files: readonly FoundFile[];
  /** The parts file, if it is there. */
  readonly parts: FileStat | undefined;
  /** Of this torrent; absent when there is none that can be read. */
  readonly saved: SavedState | undefined;
  readonly overwrite: boolean;
  readonly random: Random;
  readonly onProgress: CheckProgress | undefined;
}

export interface Recovered {
  /** Verified, or known from the state. */
  readonly have: Bitfield;
  /** The part of `have` that the state says is durable. */
  readonly durable: Bitfield;
  /**
   * Foreign files with bytes that could not be compared, because a piece reaches into a file that is not there yet.
   * They are compared when that piece has come, and not written to.
   */
  readonly undecided: ReadonlySet<Target>;
}

/**
 * Trusts what the state says is durable as far as the files look as it says; hashes the rest of what is there, a sample
 * of what it trusts, and everything when that sample or the state leaves a doubt.
 * @throws {OutputExistsError} a foreign file differs from the torrent's.
 */
export async function recover(options: RecoveryOptions, signal: AbortSignal): Promise<Recovered> {
  const { placement, files, saved, overwrite } = options;
  if (!overwrite) for (const file of files) refuseOtherSize(file);
  const recovery = new Recovery(options);
  let trusted = saved === undefined ? new Bitfield(placement.layout.pieceCount) : recovery.trusted(saved);
  if (!(await recovery.sampleIsGood(trusted, signal))) trusted = new Bitfield(placement.layout.pieceCount);
  const isComplete =
    saved?.clean === true && saved.selection === placement.selection && trusted.count === saved.durable.count;
  const have = await recovery.checkRest(trusted, isComplete, signal);
  return { have, durable: trusted, undecided: recovery.undecided };
}

/** The wanted pieces of which every byte is on disk, right or wrong. */
export function piecesOnDisk(placement: Placement, files: readonly FoundFile[]): Bitfield {
  const { layout } = placement;
  const sizes = new Map(files.map((file) => [file.index, file.stat?.size ?? -1]));
  const pieces = new Bitfield(layout.pieceCount);
  for (const piece of placement.wanted) {
    const spans = layout.spans(piece, 0, layout.pieceSize(piece));
    const isThere = spans.every(({ file, offset, length }) => {
      const size = sizes.get(file);
      // What belongs to files that aren't wanted lies in the parts: read, it will show whether it is right.
      return size === undefined || size >= offset + length;
    });
    if (isThere) pieces.add(piece);
  }
  return pieces;
}

class Recovery {
  readonly undecided = new Set<Target>();
  readonly #options: RecoveryOptions;
  readonly #byIndex: ReadonlyMap<number, FoundFile>;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#byIndex = new Map(options.files.map((file) => [file.index, file]));
  }

  /** The wanted pieces that the state calls durable, in files that look as it left them. */
  trusted(saved: SavedState): Bitfield {
    const { placement, files } = this.#options;
    const sameSelection = saved.selection === placement.selection;
    const knownParts = saved.files.get(PARTS_KEY);
    const trustParts =
      sameSelection && knownParts !== undefined && looksAsLeft(this.#options.parts, knownParts, saved, false);
    const trusted = new Bitfield(placement.layout.pieceCount);
    for (const piece of saved.durable) {
      if (!placement.wanted.has(piece)) continue;
      // Another selection put shared bytes elsewhere, into the parts or out of them.
      if (!sameSelection && this.#filesOf(piece).length > 1) continue;
      if (!trustParts && placement.usesParts(piece)) continue;
      trusted.add(piece);
    }
    for (const file of files) {
      const pieces = placement.layout.piecesOf(file.index);
      if (pieces === undefined) continue;
      const known = saved.files.get(file.key);
      let isFinished = true;
      for (let piece = pieces.first; piece <= pieces.last; piece++) isFinished &&= saved.durable.has(piece);
      if (file.origin === "ours" && known !== undefined && looksAsLeft(file.stat, known, saved, isFinished))
        continue;
      for (let piece = pieces.first; piece <= pieces.last; piece++) trusted.delete(piece);
    }
    return trusted;
  }

  async sampleIsGood(trusted: Bitfield, signal: AbortSignal): Promise<boolean> {
    const { placement, files, random } = this.#options;
    const sample = new Set<number>();
    const started = files.filter((file) => file.origin === "ours" && file.length > 0);
    for (let tries = 0; tries < 2 * SAMPLE && started.length > 0; tries++) {
      const file = started[Math.floor(random.next() * started.length)];
      const pieces = file && placement.layout.piecesOf(file.index);
      if (pieces === undefined) continue;
      const candidates: number[] = [];
      for (let piece = pieces.first; piece <= pieces.last; piece++)
        if (trusted.has(piece)) candidates.push(piece);
      const piece = candidates[Math.floor(random.next() * candidates.length)];
      if (piece !== undefined && sample.size < SAMPLE) sample.add(piece);
    }
    let good = true;
    await this.#check(
      sample,
      undefined,
      (_, verdict) => {
        good &&= verdict === "good";
      },
      signal,
    );
    return good;
  }

  /** Hashes what isn't trusted. `isComplete`: the state names every piece that is in files of ours. */
  async checkRest(trusted: Bitfield, isComplete: boolean, signal: AbortSignal): Promise<Bitfield> {
    const { placement, onProgress } = this.#options;
    const have = trusted.clone();
    const pieces: number[] = [];
    for (const piece of placement.wanted) {
      if (have.has(piece) || this.#options.saved?.lost.has(piece)) continue;
      const files = this.#filesOf(piece);
      const foreign = files.filter((file) => file.origin === "foreign");
      if (!this.#isThere(piece, files)) this.#leaveUndecided(foreign);
      else if (foreign.length > 0 || !isComplete) pieces.push(piece);
    }
    await this.#check(
      pieces,
      onProgress,
      (piece, good, cause) => {
        if (good === "good") have.add(piece);
        else this.#judge(piece, cause);
      },
      signal,
    );
    return have;
  }

  /** A piece does not match, or can't be read: that condemns a foreign file, unless the fault may lie with one of ours. */
  #judge(piece: number, cause: StorageError | undefined): void {
    const files = this.#filesOf(piece);
    const foreign = files.filter((file) => file.origin === "foreign");
    const [first] = foreign;
    if (first === undefined || this.#options.overwrite) return;
    if (foreign.length === files.length && !this.#options.placement.usesParts(piece)) {
      throw cause ?? new OutputExistsError(first.target.path, "its data are not those of the torrent");
    }
    this.#leaveUndecided(foreign);
  }

  #leaveUndecided(foreign: readonly FoundFile[]): void {
    if (this.#options.overwrite) return;
    for (const file of foreign) this.undecided.add(file.target);
  }

  /** Whether every file of the piece reaches as far as the piece does. */
  #isThere(piece: number, files: readonly FoundFile[]): boolean {
    const { layout } = this.#options.placement;
    const spans = layout.spans(piece, 0, layout.pieceSize(piece));
    return files.every((file) => {
      const span = spans.find((candidate) => candidate.file === file.index);
      return file.stat !== undefined && span !== undefined && file.stat.size >= span.offset + span.length;
    });
  }

  /** The selected files that the piece reaches into. */
  #filesOf(piece: number): FoundFile[] {
    const { layout } = this.#options.placement;
    const files: FoundFile[] = [];
    for (const span of layout.spans(piece, 0, layout.pieceSize(piece))) {
      const file = this.#byIndex.get(span.file);
      if (file !== undefined) files.push(file);
    }
    return files;
  }

  async #check(
    pieces: Iterable<number>,
    onProgress: CheckProgress | undefined,
    onPiece: (piece: number, verdict: string, cause: StorageError | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { placement, storage } = this.#options;
    const { layout, metainfo } = placement;
    const list = [...pieces];
    let total = 0;
    for (const piece of list) total += layout.pieceSize(piece);
    let done = 0;
    await checkData(
      {
        storage,
        layout,
        pieceHashes: metainfo.pieceHashes,
        pieces: list,
        onPiece(piece, verdict, cause) {
          if (cause !== undefined && cause.reason === "unsafe") throw cause;
          done += layout.pieceSize(piece);
          onPiece(piece, verdict, cause);
          onProgress?.(done, total);
        },
      },
      signal,
    );
  }
}

function looksAsLeft(
  stat: FileStat | undefined,
  known: SavedFile,
  saved: SavedState,
  isFinished: boolean,
): boolean {
  if (stat === undefined || stat.size < known.size) return false;
  if (stat.mtimeNs === known.mtimeNs && stat.size === known.size) return true;
  // Killed between two checkpoints, we may have written to it since; a finished file we would have left alone.
  const latest = BigInt(Math.floor(saved.time) + WRITTEN_AFTER_CHECKPOINT) * 1_000_000n;
  return !saved.clean && !isFinished && stat.mtimeNs >= known.mtimeNs && stat.mtimeNs <= latest;
}

function refuseOtherSize({ origin, stat, target, length }: FoundFile): void {
  if (origin !== "foreign" || stat === undefined || stat.size === length) return;
  throw new OutputExistsError(target.path, `has ${stat.size} bytes instead of ${length}`);
}

/** @throws {StorageError} something stands where a file belongs that is no file; it is never replaced. */
export function refuseSpecial(target: Target, stat: FileStat | undefined): void {
  if (stat === undefined || stat.kind === "file") return;
  const what =
    stat.kind === "link"
      ? "is a symbolic link, which is never followed"
      : stat.kind === "folder"
        ? "is a folder, but a file belongs there"
        : "is a special file (a FIFO, socket or device)";
  throw new StorageError(
    target.path,
    stat.kind === "folder" ? "unwritable" : "unsafe",
    `${target.path} ${what}. Move it away, or choose another folder with -o.`,
  );
}
