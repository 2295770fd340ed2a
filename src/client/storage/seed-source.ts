import type { FileStat, FileSystem } from "../../platform/file-system.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import { StorageError } from "../errors.ts";
import type { Openable } from "./open-files.ts";
import type { SpanFile } from "./span-io.ts";

/** What tells one state of a file from the next. The time of the last change of the inode can't be put back. */
export type FileVersion = Pick<FileStat, "size" | "mtimeNs" | "ctimeNs" | "inode">;

export interface SeedSourceOptions {
  readonly path: string;
  readonly fs: FileSystem;
  /** Opens whatever lies there now, no link followed. */
  readonly place: Openable;
  /** As it was when it was hashed. */
  readonly version: FileVersion;
  /** The pieces that hold bytes of it. */
  readonly first: number;
  readonly last: number;
}

/** One file that is seeded, the version of it that is read, and what is known of its pieces in that version. */
export class SeedSource implements SpanFile {
  readonly path: string;
  readonly first: number;
  readonly last: number;
  /** Opens whatever lies there now, to be looked at. */
  readonly probe: Openable;
  readonly #fs: FileSystem;
  readonly #place: Openable;
  #version: FileVersion;
  /** Pieces, counted from `first`, that were found right in this version; undefined: all of them. */
  #right: Bitfield | undefined;
  /** No descriptor may be opened any more. */
  closed = false;

  constructor({ path, fs, place, version, first, last }: SeedSourceOptions) {
    this.path = path;
    this.first = first;
    this.last = last;
    this.#fs = fs;
    this.#place = place;
    this.#version = version;
    this.probe = { open: () => place.open(), openSync: () => place.openSync() };
  }

  get version(): FileVersion {
    return this.#version;
  }

  /** All its pieces are right. */
  get isWhole(): boolean {
    return this.#right === undefined;
  }

  isRight(piece: number): boolean {
    return this.#right === undefined || this.#right.has(piece - this.first);
  }

  /** From now on this is the version that is read; nothing is known of its pieces. */
  become(version: FileVersion): void {
    this.#version = version;
    this.doubt();
  }

  /** Nothing is known of its pieces any more. */
  doubt(): void {
    this.#right = new Bitfield(this.last - this.first + 1);
  }

  /** `piece` was found right in this version. */
  confirm(piece: number): void {
    this.#right?.add(piece - this.first);
    if (this.#right?.isComplete) this.#right = undefined;
  }

  async open(): Promise<number> {
    return this.#checked(await this.#place.open());
  }

  openSync(): number {
    return this.#checked(this.#place.openSync());
  }

  check(stat: FileStat): void {
    if (stat.kind === "file" && stat.links > 0 && isSameVersion(stat, this.#version)) return;
    throw new StorageError(this.path, "changed", `${this.path} has changed since it was hashed.`);
  }

  #checked(descriptor: number): number {
    try {
      if (this.closed) throw new StorageError(this.path, "other", `${this.path} is no longer served.`);
      this.check(this.#fs.fstatSync(descriptor));
      return descriptor;
    } catch (error) {
      this.#fs.closeSync(descriptor);
      throw error;
    }
  }
}

export function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.inode === b.inode && a.size === b.size;
}
