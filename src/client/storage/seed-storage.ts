/** Reads data that lie in files as they were when they were hashed, to be served; never writes. */
import { systemClock } from "../../platform/clock.ts";
import { descriptorLimit } from "../../platform/descriptors.ts";
import { type FileSystem, systemFiles } from "../../platform/file-system.ts";
import { Pace } from "../../platform/pace.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import { StorageError } from "../errors.ts";
import { CheckedFiles } from "./checked-files.ts";
import { OpenFiles } from "./open-files.ts";
import { SeedSource } from "./seed-source.ts";
import type { SourceWatcher } from "./source-checks.ts";
import type { PieceStorage } from "./storage.ts";

/** One file of a torrent, where it lies on this machine, as it was when it was hashed. */
export interface SeedFile {
  readonly absolutePath: string;
  /** Bytes. */
  readonly length: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

/** Zeros that are on no disk (BEP 47). */
export interface PadFile {
  readonly length: number;
  readonly pad: true;
}

export interface SeedStorageOptions {
  /** In the order of `layout`. */
  readonly files: readonly (SeedFile | PadFile)[];
  readonly layout: PieceLayout;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  readonly watcher: SourceWatcher;
  /** Descriptors shared with other torrents; a cache of its own, of 64 at the most, when absent. */
  readonly openFiles?: OpenFiles;
  /** For tests. */
  readonly fileSystem?: FileSystem;
  readonly pace?: Pace;
  readonly clock?: Clock;
}

export interface SeedStorage extends PieceStorage {
  /** The file at `path` seems to be another one: it is compared with the torrent, in the background. */
  suspect(path: string): void;
}

/** Opens a share for reading: its files are {@link CheckedFiles}. */
export function openSeedStorage(options: SeedStorageOptions): SeedStorage {
  const { layout, pieceHashes, watcher, fileSystem: fs = systemFiles, clock = systemClock } = options;
  const io = {
    fs,
    // Connections need them more.
    openFiles: options.openFiles ?? new OpenFiles(Math.min(64, Math.floor(descriptorLimit() / 8)), fs),
    pace: options.pace ?? new Pace(systemClock),
  };
  const ofFiles = options.files.map((file, i) => sourceOf(file, i, layout, fs));
  const files = new CheckedFiles({
    ...{ layout, pieceHashes, io, clock, watcher },
    sources: ofFiles.filter((source) => source !== undefined),
    places: (piece, begin, length) =>
      layout.spans(piece, begin, length).map(({ file, ...run }) => ({ ...run, file: ofFiles[file] })),
    cure: "publish again",
  });
  return {
    read: (piece, begin, targets) => files.read(piece, begin, targets),
    write: () =>
      Promise.reject(new StorageError("", "unwritable", "A share is only read, never written to.")),
    suspect: (path) => files.suspect(path),
    close: () => files.close(),
  };
}

/** @returns undefined for what is on no disk or has no bytes. */
function sourceOf(
  file: SeedFile | PadFile,
  index: number,
  layout: PieceLayout,
  fs: FileSystem,
): SeedSource | undefined {
  const pieces = layout.piecesOf(index);
  if ("pad" in file || pieces === undefined) return undefined;
  const { absolutePath: path, length: size, mtimeNs, ctimeNs, inode } = file;
  const place = {
    open: () => fs.open(path, "readOwn"),
    openSync: () => fs.openSync(path, "readOwn"),
  };
  return new SeedSource({ path, fs, place, version: { size, mtimeNs, ctimeNs, inode }, ...pieces });
}
