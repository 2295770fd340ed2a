/** Reads data that lie in files as they were when they were hashed, to be served; never writes. */
import { systemClock } from "../../platform/clock.ts";
import { descriptorLimit } from "../../platform/descriptors.ts";
import { type FileSystem, systemFiles } from "../../platform/file-system.ts";
import { Pace } from "../../platform/pace.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { FileSpan, PieceLayout } from "../../protocol/layout.ts";
import { StorageError } from "../errors.ts";
import { OpenFiles } from "./open-files.ts";
import { SeedSource } from "./seed-source.ts";
import { SourceChecks, type SourceWatcher } from "./source-checks.ts";
import { type Place, readPlaces } from "./span-io.ts";
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

/**
 * Opens a share for reading. Each file is looked at when it is opened and at every read. Of one that isn't what it was
 * nothing is given but pieces that were hashed again ({@link SourceChecks}); what isn't right makes `read` fail with a
 * StorageError that names the file, and the other files go on.
 */
export function openSeedStorage(options: SeedStorageOptions): SeedStorage {
  const { layout, pieceHashes, watcher, fileSystem: fs = systemFiles, clock = systemClock } = options;
  const io = {
    fs,
    // Connections need them more.
    openFiles: options.openFiles ?? new OpenFiles(Math.min(64, Math.floor(descriptorLimit() / 8)), fs),
    pace: options.pace ?? new Pace(systemClock),
  };
  const sources = options.files.map((file, i) => sourceOf(file, i, layout, fs));
  const checks = new SourceChecks({ layout, pieceHashes, sources, io, clock, watcher });
  const place = ({ file, offset, length }: FileSpan): Place => ({ file: sources[file], offset, length });
  return {
    read(piece, begin, targets) {
      if (checks.isDoubtful(piece)) return checks.read(piece, begin, targets);
      let length = 0;
      for (const target of targets) length += target.length;
      const reading = readPlaces(io, layout.spans(piece, begin, length).map(place), targets);
      return reading?.catch(() => checks.read(piece, begin, targets));
    },
    write: () =>
      Promise.reject(new StorageError("", "unwritable", "A share is only read, never written to.")),
    suspect: (path) => checks.suspect(path),
    async close() {
      for (const source of sources) {
        if (source === undefined) continue;
        source.closed = true;
        io.openFiles.drop(source);
      }
      await checks.close();
    },
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
  return new SeedSource({ path, fs, version: { size, mtimeNs, ctimeNs, inode }, ...pieces });
}
