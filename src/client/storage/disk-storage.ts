import { bytesEqual } from "../../protocol/bytes.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import { OutputExistsError, StorageError } from "../errors.ts";
import type { CheckedFiles } from "./checked-files.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Target } from "./folders.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { PieceWriter } from "./piece-writer.ts";
import type { Placement, TargetPlace } from "./placement.ts";
import type { FileVersion } from "./seed-source.ts";
import { readPlaces, type SpanIo, writePlaces } from "./span-io.ts";
import type { PieceStorage } from "./storage.ts";

/** Nobody has looked at what was written. */
const NOT_SEEN: ReadonlyMap<Target, FileVersion> = new Map();

export interface DiskStorageOptions {
  readonly io: SpanIo;
  readonly placement: Placement;
  /** Absent when every wanted piece was there already: then nothing is written. */
  readonly checkpoints: Checkpoints | undefined;
  /** Hears of every write; absent when nothing is written. */
  readonly ownWrites?: OwnWrites;
  /** Files that aren't ours and could not be compared yet. */
  readonly undecided: ReadonlySet<Target>;
  /** Absent: pieces are written from here. */
  readonly writer?: PieceWriter | undefined;
  readonly onClose: () => Promise<void>;
}

interface Put {
  readonly checkpoints: Checkpoints;
  readonly piece: PieceIndex;
  readonly places: readonly TargetPlace[];
  readonly bytes: number;
}

/** The pieces of a download in the files they belong to. */
export class DiskStorage implements PieceStorage {
  readonly #options: DiskStorageOptions;
  readonly #undecided: Set<Target>;
  #writes = 0;
  #onIdle: (() => void) | undefined;
  #isFinished = false;
  #hasWritten = false;
  #closing: Promise<void> | undefined;
  #served: CheckedFiles | undefined;

  constructor(options: DiskStorageOptions) {
    this.#options = options;
    this.#undecided = new Set(options.undecided);
  }

  read(piece: PieceIndex, begin: number, targets: readonly Uint8Array[]): Promise<void> | undefined {
    const { io, placement } = this.#options;
    let length = 0;
    for (const target of targets) length += target.length;
    if (!placement.wanted.has(piece)) {
      return Promise.reject(
        new StorageError("", "missing", `Piece ${piece} is in no file that was selected.`),
      );
    }
    if (this.#served !== undefined) return this.#served.read(piece, begin, targets);
    return readPlaces(io, placement.places(piece, begin, length), targets);
  }

  /** From now on what is read comes from `files`, which it closes; nothing is written any more. */
  serve(files: CheckedFiles): void {
    this.#served = files;
  }

  write(piece: PieceIndex, data: Uint8Array): Promise<void> {
    return this.#during(piece, async (checkpoints) => {
      const { io, placement } = this.#options;
      let places = placement.places(piece, 0, data.length);
      if (this.#undecided.size > 0) places = await this.#compareForeign(places, data);
      await this.#put({ checkpoints, piece, places, bytes: data.length }, async () => {
        await writePlaces(io, places, data);
        return NOT_SEEN;
      });
    });
  }

  get checksElsewhere(): boolean {
    return this.#options.writer !== undefined;
  }

  writeIfRight(piece: PieceIndex, data: Uint8Array, sha1: Uint8Array): Promise<boolean> | undefined {
    const { io, placement, writer } = this.#options;
    if (writer === undefined || this.#undecided.size > 0 || !placement.wanted.has(piece)) return undefined;
    const places = placement.places(piece, 0, data.length);
    const store = writer.storeFor(places);
    if (store === undefined) return undefined;
    return this.#during(piece, (checkpoints) =>
      this.#put({ checkpoints, piece, places, bytes: data.length }, async () => {
        const outcome = await store(data, sha1);
        if (outcome === "corrupt") return undefined;
        if (outcome !== "unwritten") return outcome;
        await writePlaces(io, places, data);
        return NOT_SEEN;
      }),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Whether anything was written since it was opened. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** Refuses further writes. Settles when none is under way. */
  async finishWriting(): Promise<void> {
    this.#isFinished = true;
    if (this.#writes === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** @throws {StorageError} nothing is written any more. */
  async #during<T>(piece: PieceIndex, write: (checkpoints: Checkpoints) => Promise<T>): Promise<T> {
    const { placement, checkpoints } = this.#options;
    if (this.#isFinished || checkpoints === undefined || !placement.wanted.has(piece)) {
      throw new StorageError("", "other", `Piece ${piece} came when nothing is written any more.`);
    }
    this.#writes++;
    this.#hasWritten = true;
    try {
      return await write(checkpoints);
    } finally {
      this.#writes--;
      if (this.#writes === 0) this.#onIdle?.();
    }
  }

  /**
   * Writes, and sees to it that this is known to all who must know.
   * @param write tells how files that it has made look now, or that the piece isn't what it should be
   * @returns whether it is.
   */
  async #put(
    { checkpoints, piece, places, bytes }: Put,
    write: () => Promise<ReadonlyMap<Target, FileVersion> | undefined>,
  ): Promise<boolean> {
    const { ownWrites } = this.#options;
    const { parts, wholes } = filesToWatch(places);
    let losses: number;
    let left: ReadonlyMap<Target, FileVersion> | undefined;
    do {
      losses = checkpoints.losses;
      ownWrites?.writing(parts);
      left = await write().finally(() => ownWrites?.wrote(parts));
      // What was being written when pieces were lost may be lost, too.
    } while (left !== undefined && losses !== checkpoints.losses);
    if (left === undefined) return false;
    ownWrites?.made(wholes, left);
    checkpoints.wrote(piece, bytes, new Set([...parts, ...wholes]));
    return true;
  }

  async #close(): Promise<void> {
    await this.finishWriting();
    await this.#served?.close();
    await this.#options.onClose();
  }

  /**
   * What belongs into files that were there before is compared, not written.
   * @returns the places, those in such files marked as being on no disk.
   */
  async #compareForeign(places: readonly TargetPlace[], data: Uint8Array): Promise<TargetPlace[]> {
    const { io } = this.#options;
    const rest: TargetPlace[] = [];
    let at = 0;
    for (const place of places) {
      const wanted = data.subarray(at, at + place.length);
      at += place.length;
      const { file } = place;
      if (file === undefined || !this.#undecided.has(file)) {
        rest.push(place);
        continue;
      }
      const found = new Uint8Array(place.length);
      await readPlaces(io, [place], [found]);
      if (!bytesEqual(found, wanted))
        throw new OutputExistsError(file.path, "its data are not those of the torrent");
      rest.push({ ...place, file: undefined });
    }
    return rest;
  }
}

/** Which files are made by this write, first byte to last, and which get a part of themselves. */
function filesToWatch(places: readonly TargetPlace[]): { parts: Target[]; wholes: Target[] } {
  const parts: Target[] = [];
  const wholes: Target[] = [];
  for (const { file, isWhole } of places) {
    if (file !== undefined) (isWhole && file.state === "absent" ? wholes : parts).push(file);
  }
  return { parts, wholes };
}
