import { createHash, type Hash } from "node:crypto";
import type { FileStat } from "../../platform/file-system.ts";
import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { type PieceIndex, pieceIndex } from "../../protocol/ids.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import { StorageError, storageError } from "../errors.ts";
import { differs, noLongerAFile, shortened } from "./changed-files.ts";
import { type FileVersion, isSameVersion, SeedSource } from "./seed-source.ts";
import { type Place, readPlaces, type SpanIo } from "./span-io.ts";

/** Who wants to know how the files fare. */
export interface SourceWatcher {
  /** The data of this piece are not in the files any more. */
  lost(piece: PieceIndex): void;
  /** They are again; also said of pieces that were never lost. */
  regained(piece: PieceIndex): void;
  /** Something is wrong with the file at `path`; `message` is for people. Once, until it is right again. */
  changed(path: string, message: string): void;
  /** Of files that were changed: they are as they were hashed. */
  restored(path: string): void;
  /** These have the data that were hashed, all of them, though they aren't the very files that were. */
  renewed(files: ReadonlyMap<string, FileVersion>): void;
}

export interface SourceChecksOptions {
  readonly layout: PieceLayout;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  readonly sources: readonly SeedSource[];
  /** The places of `length` bytes from `begin` in `piece`: in a source, in a file that nobody else reaches, or nowhere. */
  places(piece: number, begin: number, length: number): readonly Place[];
  /** What else than putting a changed file back helps; for people. */
  readonly cure: string;
  readonly io: SpanIo;
  readonly clock: Clock;
  readonly watcher: SourceWatcher;
}

/** What is read of a file at once. */
const SLICE = 1024 * 1024;
/** A version that has lasted so long is told from the next by its times: no clock of a file system is coarser. */
const SETTLED: Millis = 2_000;
/** Between two looks at files that aren't what they were. */
const LOOK_AGAIN: Millis = 1_000;
/** Files looked at in one go, so that a folder that is gone costs no more than one that is there. */
const LOOKS_AT_ONCE = 500;
/** What the system failed to read may be readable again, though nothing shows it. */
const READ_AGAIN: Millis = 30_000;

/** Of a file that is in doubt. A new one for each version. */
interface Doubt {
  /** When this version was first seen. */
  readonly since: Millis;
  /** All that can be known of this version is known, unless something fails until `again`. */
  isSwept: boolean;
  again: Millis;
  /** It can't be opened. */
  isGone: boolean;
  /** The publisher knows that something is wrong. */
  isTold: boolean;
}

/**
 * Compares files that aren't what they were when they were hashed, since they were written to, touched, replaced or put
 * back, with the hashes. A piece of such a file is served from memory, after all of it was read and hashed; once the
 * version has been the same for a while, its right pieces are served from the file again. All pieces are looked at in
 * the background, one at a time, no more than half of the time.
 */
export class SourceChecks {
  readonly #options: SourceChecksOptions;
  readonly #doubts = new Map<SeedSource, Doubt>();
  /** Pieces that were told to be lost. */
  readonly #lost = new Set<number>();
  /** What is still to be told. */
  readonly #renewed = new Map<string, FileVersion>();
  /** The piece that was read last, when it was right. */
  #latest: { readonly piece: number; readonly data: Uint8Array } | undefined;
  /** Reads one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: SourceChecksOptions) {
    this.#options = options;
  }

  /** Whether `piece` must be read by {@link read}. */
  isDoubtful(piece: number): boolean {
    return this.#doubts.size > 0 && this.#sourcesOf(piece).some((source) => !source.isRight(piece));
  }

  /** Reads from a piece that is right as a whole. @throws {StorageError} it isn't. */
  async read(piece: PieceIndex, begin: number, targets: readonly Uint8Array[]): Promise<void> {
    await this.#inTurn(async () => {
      const data = this.#latest?.piece === piece ? this.#latest.data : await this.#look(piece);
      let at = begin;
      for (const target of targets) {
        target.set(data.subarray(at, at + target.length));
        at += target.length;
      }
    });
  }

  /** The file at `path` seems to be another one. */
  suspect(path: string): void {
    for (const source of this.#options.sources) {
      // Once is enough: strangers can make us suspect anything as often as they like.
      if (source.path === path && !this.#doubts.has(source)) this.#doubt(source);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#turn;
    await this.#sweeping;
    this.#latest = undefined;
  }

  #sourcesOf(piece: number): SeedSource[] {
    const { layout, places } = this.#options;
    const all = places(piece, 0, layout.pieceSize(piece));
    return all.flatMap(({ file }) => (file instanceof SeedSource ? [file] : []));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** Reads and hashes a piece as it is now. @throws {StorageError} it isn't right. */
  async #look(piece: PieceIndex): Promise<Uint8Array> {
    const { layout, pieceHashes, watcher, places, io } = this.#options;
    const data = this.#room(layout.pieceSize(piece));
    const hash = createHash("sha1");
    const settled: SeedSource[] = [];
    let at = 0;
    for (const place of places(piece, 0, data.length)) {
      const { file, offset, length } = place;
      const part = data.subarray(at, at + length);
      at += length;
      if (file instanceof SeedSource) {
        if (await this.#readPart({ source: file, piece, offset, part, hash })) settled.push(file);
      } else {
        await readPlaces(io, [place], [part]);
        hash.update(part);
      }
    }
    if (!bytesEqual(hash.digest(), pieceHashes.subarray(20 * piece, 20 * piece + 20))) {
      const [suspects, error] = this.#difference(piece);
      this.#lose(piece, suspects, error);
      throw error;
    }
    this.#latest = { piece, data };
    for (const source of settled) source.confirm(piece);
    this.#lost.delete(piece);
    if (!this.#isClosed) watcher.regained(piece);
    return data;
  }

  /** Memory for a piece: that of the one before, if it is as long. */
  #room(size: number): Uint8Array {
    const before = this.#latest?.data;
    this.#latest = undefined;
    return before?.length === size ? before : new Uint8Array(size);
  }

  /**
   * @returns whether the file was, before and after, what it has been for a while.
   * @throws {StorageError} it can't be read.
   */
  async #readPart({ source, piece, offset, part, hash }: PartToRead): Promise<boolean> {
    const { clock, io } = this.#options;
    const start = clock.now();
    try {
      await this.#visit(source, async (descriptor) => {
        for (let at = 0; at < part.length; ) {
          const view = part.subarray(at, at + SLICE);
          const count = await io.fs.readv(descriptor, [view], offset + at);
          if (count === 0) throw shortened(source.path, this.#options.cure);
          hash.update(view.subarray(0, count));
          at += count;
        }
      });
    } catch (error) {
      const wrong = storageError(source.path, "read", error);
      this.#lose(piece, [source], wrong);
      throw wrong;
    }
    const doubt = this.#doubts.get(source);
    return doubt === undefined || doubt.since + SETTLED <= start;
  }

  /** Opens what lies there now, notes which version it is, before `work` and after it, and closes it. */
  async #visit(source: SeedSource, work?: (descriptor: number) => Promise<void>): Promise<void> {
    const { fs, openFiles } = this.#options.io;
    if (this.#isClosed) throw new StorageError(source.path, "other", `${source.path} is no longer served.`);
    const loan = await openFiles.borrow(source.probe);
    try {
      this.#meet(source, fs.fstatSync(loan.descriptor));
      if (work === undefined) return;
      await work(loan.descriptor);
      this.#meet(source, fs.fstatSync(loan.descriptor));
    } finally {
      loan.release();
      openFiles.drop(source.probe);
    }
  }

  #meet(source: SeedSource, stat: FileStat): void {
    if (stat.kind !== "file") throw noLongerAFile(source.path);
    if (isSameVersion(stat, source.version)) return;
    const { size, mtimeNs, ctimeNs, inode } = stat;
    source.become({ size, mtimeNs, ctimeNs, inode });
    this.#options.io.openFiles.drop(source);
    this.#doubt(source);
  }

  #doubt(source: SeedSource): void {
    const isTold = this.#doubts.get(source)?.isTold ?? false;
    const since = this.#options.clock.now();
    this.#doubts.set(source, {
      ...{ since, isTold, isSwept: false, isGone: false },
      again: Number.POSITIVE_INFINITY,
    });
    this.#wake();
  }

  /** Which files it may be, and what to say. */
  #difference(piece: number): [SeedSource[], StorageError] {
    const all = this.#sourcesOf(piece);
    const doubtful = all.filter((source) => this.#doubts.has(source));
    const suspects = doubtful.length > 0 ? doubtful : all;
    const paths = suspects.slice(0, 3).map(({ path }) => path);
    return [suspects, differs(paths, this.#options.cure)];
  }

  #lose(piece: PieceIndex, suspects: readonly SeedSource[], error: StorageError): void {
    if (this.#isClosed) return;
    const { watcher, clock } = this.#options;
    let isNews = true;
    for (const source of suspects) {
      if (!this.#doubts.has(source)) this.#doubt(source);
      const doubt = this.#doubts.get(source);
      if (doubt === undefined) continue;
      if (error.reason !== "changed") doubt.again = clock.now() + READ_AGAIN;
      isNews &&= !doubt.isTold;
      doubt.isTold = true;
    }
    if (isNews) watcher.changed(error.path, error.message);
    this.#lost.add(piece);
    watcher.lost(piece);
  }

  #wake(): void {
    if (this.#isClosed || this.#timer !== undefined || this.#sweeping !== undefined) return;
    this.#timer = this.#options.clock.after(LOOK_AGAIN, () => {
      this.#timer = undefined;
      this.#sweeping = this.#sweep().finally(() => {
        this.#sweeping = undefined;
        if (this.#doubts.size > 0) this.#wake();
        else this.#latest = undefined;
      });
    });
  }

  /** Looks at some files in doubt, those first that waited longest. Never rejects. */
  async #sweep(): Promise<void> {
    const some: SeedSource[] = [];
    for (const source of this.#doubts.keys()) if (some.push(source) >= LOOKS_AT_ONCE) break;
    for (const source of some) {
      if (this.#isClosed) return;
      const doubt = this.#doubts.get(source);
      if (doubt === undefined || !(await this.#isThere(source, doubt))) continue;
      await this.#lookAtAll(source);
    }
    for (const source of some) this.#toTheEnd(source);
    this.#report();
  }

  #toTheEnd(source: SeedSource): void {
    const doubt = this.#doubts.get(source);
    if (doubt === undefined) return;
    this.#doubts.delete(source);
    this.#doubts.set(source, doubt);
  }

  async #isThere(source: SeedSource, doubt: Doubt): Promise<boolean> {
    try {
      await this.#visit(source);
      if (doubt.isGone) doubt.isSwept = false;
      doubt.isGone = false;
      return true;
    } catch (error) {
      if (!doubt.isGone) {
        const wrong = storageError(source.path, "read", error);
        for (let piece = source.first; piece <= source.last; piece++)
          this.#lose(pieceIndex(piece), [source], wrong);
      }
      doubt.isGone = true;
      return false;
    }
  }

  /** Whatever isn't known to be right is read, if the file has been the same for a while. */
  async #lookAtAll(source: SeedSource): Promise<void> {
    const { clock } = this.#options;
    const doubt = this.#doubts.get(source);
    const now = clock.now();
    if (doubt === undefined || now < doubt.since + SETTLED || (doubt.isSwept && now < doubt.again)) return;
    this.#report();
    doubt.isSwept = true;
    doubt.again = Number.POSITIVE_INFINITY;
    let isWhole = true;
    for (let piece = source.first; piece <= source.last; piece++) {
      if (source.isRight(piece) && !this.#lost.has(piece)) continue;
      const start = clock.now();
      await this.#inTurn(() => this.#look(pieceIndex(piece))).catch(() => {});
      if (this.#isClosed || this.#doubts.get(source) !== doubt) return;
      isWhole &&= source.isRight(piece) && !this.#lost.has(piece);
      await new Promise<void>((resolve) => clock.after(Math.max(1, clock.now() - start), resolve));
    }
    if (!isWhole || this.#doubts.get(source) !== doubt) return;
    this.#doubts.delete(source);
    this.#renewed.set(source.path, source.version);
    if (doubt.isTold) this.#options.watcher.restored(source.path);
  }

  #report(): void {
    if (this.#renewed.size === 0 || this.#isClosed) return;
    this.#options.watcher.renewed(new Map(this.#renewed));
    this.#renewed.clear();
  }
}

interface PartToRead {
  readonly source: SeedSource;
  readonly piece: PieceIndex;
  readonly offset: number;
  readonly part: Uint8Array;
  readonly hash: Hash;
}
