import { bytesEqual } from "../../protocol/bytes.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import { OutputExistsError, StorageError } from "../errors.ts";
import type { CheckedFiles } from "./checked-files.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Target } from "./folders.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { Placement, TargetPlace } from "./placement.ts";
import { readPlaces, type SpanIo, writePlaces } from "./span-io.ts";
import type { PieceStorage } from "./storage.ts";

export interface DiskStorageOptions {
  readonly io: SpanIo;
  readonly placement: Placement;
  /** Absent when every wanted piece was there already: then nothing is written. */
  readonly checkpoints: Checkpoints | undefined;
  /** Hears of every write; absent when nothing is written. */
  readonly ownWrites?: OwnWrites;
  /** Files that aren't ours and could not be compared yet. */
  readonly undecided: ReadonlySet<Target>;
  readonly onClose: () => Promise<void>;
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

  async write(piece: PieceIndex, data: Uint8Array): Promise<void> {
    const { io, placement, checkpoints, ownWrites } = this.#options;
    if (this.#isFinished || checkpoints === undefined || !placement.wanted.has(piece)) {
      throw new StorageError("", "other", `Piece ${piece} came when nothing is written any more.`);
    }
    this.#writes++;
    this.#hasWritten = true;
    try {
      let places = placement.places(piece, 0, data.length);
      if (this.#undecided.size > 0) places = await this.#compareForeign(places, data);
      const touched = new Set<Target>();
      for (const { file } of places) if (file !== undefined) touched.add(file);
      const written = ownWrites && filesToWatch(places);
      let losses: number;
      do {
        losses = checkpoints.losses;
        ownWrites?.writing(written?.parts ?? []);
        await writePlaces(io, places, data).finally(() => ownWrites?.wrote(written?.parts ?? []));
      } while (losses !== checkpoints.losses);
      if (written !== undefined) ownWrites?.made(written.wholes);
      checkpoints.wrote(piece, data.length, touched);
    } finally {
      this.#writes--;
      if (this.#writes === 0) this.#onIdle?.();
    }
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
  for (const [i, { file, offset }] of places.entries()) {
    if (file === undefined) continue;
    // Behind the last place of a piece its file may go on.
    const isWhole = offset === 0 && i < places.length - 1 && file.state === "absent";
    (isWhole ? wholes : parts).push(file);
  }
  return { parts, wholes };
}
