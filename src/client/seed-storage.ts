/** Reads data that lie in files as they were when they were hashed, to be served; never writes. */
import { systemClock } from "../platform/clock.ts";
import { type FileStat, type FileSystem, systemFiles } from "../platform/file-system.ts";
import { Pace } from "../platform/pace.ts";
import type { FileSpan, PieceLayout } from "../protocol/layout.ts";
import { StorageError } from "./errors.ts";
import { OpenFiles } from "./open-files.ts";
import { type Place, readPlaces, type SpanFile } from "./span-io.ts";
import type { PieceStorage } from "./storage.ts";

/** One file of a torrent, where it lies on this machine. */
export interface SeedFile {
  readonly absolutePath: string;
  /** Bytes. */
  readonly length: number;
  /** Zeros that are on no disk (BEP 47). */
  readonly pad?: boolean;
  /** When given, the file must still be the one that was hashed. */
  readonly mtimeNs?: bigint;
  readonly inode?: bigint;
}

export interface SeedStorageOptions {
  /** In the order of `layout`. */
  readonly files: readonly SeedFile[];
  readonly layout: PieceLayout;
  /** Descriptors shared with other torrents; a cache of its own, of 64, when absent. */
  readonly openFiles?: OpenFiles;
  /** For tests. */
  readonly fileSystem?: FileSystem;
  readonly pace?: Pace;
}

/**
 * Opens a share for reading. Each file is looked at when it is opened and at every read: one that was truncated,
 * replaced or deleted makes `read` fail with a StorageError that names it; the other files go on.
 */
export function openSeedStorage(options: SeedStorageOptions): PieceStorage {
  const fs = options.fileSystem ?? systemFiles;
  const io = {
    fs,
    openFiles: options.openFiles ?? new OpenFiles(64, fs),
    pace: options.pace ?? new Pace(systemClock),
  };
  const { layout } = options;
  const sources = options.files.map((file) => (file.pad ? undefined : new SeedSource(file, fs)));
  const place = ({ file, offset, length }: FileSpan): Place => ({ file: sources[file], offset, length });
  return {
    read(piece, begin, targets) {
      let length = 0;
      for (const target of targets) length += target.length;
      return readPlaces(io, layout.spans(piece, begin, length).map(place), targets);
    },
    write: () =>
      Promise.reject(new StorageError("", "unwritable", "A share is only read, never written to.")),
    async close() {
      for (const source of sources) {
        if (source === undefined) continue;
        source.closed = true;
        io.openFiles.drop(source);
      }
    },
  };
}

class SeedSource implements SpanFile {
  readonly path: string;
  readonly #file: SeedFile;
  readonly #fs: FileSystem;
  /** No descriptor may be opened any more. */
  closed = false;

  constructor(file: SeedFile, fs: FileSystem) {
    this.path = file.absolutePath;
    this.#file = file;
    this.#fs = fs;
  }

  async open(): Promise<number> {
    return this.#checked(await this.#fs.open(this.path, "read"));
  }

  openSync(): number {
    return this.#checked(this.#fs.openSync(this.path, "read"));
  }

  check(stat: FileStat): void {
    const { length, mtimeNs, inode } = this.#file;
    const difference =
      stat.kind !== "file"
        ? "is no longer a file"
        : stat.links === 0
          ? "was deleted or replaced"
          : stat.size !== length
            ? `has ${stat.size} bytes instead of ${length}`
            : inode !== undefined && stat.inode !== inode
              ? "was replaced"
              : mtimeNs !== undefined && stat.mtimeNs !== mtimeNs
                ? "was written to"
                : undefined;
    if (difference === undefined) return;
    throw new StorageError(
      this.path,
      "changed",
      `${this.path} ${difference} since it was hashed. Its data are not served; publish again.`,
    );
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
