/** What `openDownload` (open-download.ts) is given, and what it gives back. */
import type { FileSystem } from "../platform/file-system.ts";
import type { Clock, Random } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { InfoHash, PieceIndex } from "../protocol/ids.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import type { StorageError } from "./errors.ts";
import type { OpenFiles } from "./storage/open-files.ts";
import type { JobLine } from "./storage/piece-writer.ts";
import type { SourceWatcher } from "./storage/source-checks.ts";
import type { PieceStorage } from "./storage/storage.ts";

/** Bytes looked at so far, out of all bytes that need looking at, while existing data are checked. */
export type CheckProgress = (bytesDone: number, bytesTotal: number) => void;

export interface DownloadOptions {
  /** Must have a v1 part: `pieceHashes` is what data are checked against. */
  readonly metainfo: Metainfo;
  /** An existing or new folder; the data go to `directory/NAME`. */
  readonly directory: string;
  /**
   * The piece hashes aren't known yet, and the info hash stands only for the rest of the torrent. Nothing is checked
   * then: see `Download.unchecked`. Files that aren't ours are in the way, even when they may be right.
   */
  readonly provisional?: boolean;
  /** Replace files that are there, aren't ours and differ. Pieces in them that match are kept. */
  readonly overwrite: boolean;
  /** Which files are wanted, by `TorrentFile.path`; all when absent. */
  readonly select?: (path: readonly string[]) => boolean;
  /** Make the torrent's symbolic links (BEP 47), those that lead to something in it; default: none. */
  readonly symlinks?: boolean;
  /** Something beside the data could not be made at the end; for people. */
  readonly onSkipped?: (message: string) => void;
  /** Chooses the sample that is checked again. */
  readonly random: Random;
  readonly onProgress?: CheckProgress;
  /**
   * The system could not make these pieces durable (an fsync failed): they count as lost and are no longer claimed
   * in the state. Whoever owns the torrent drops them from its bitfield.
   */
  readonly onLost?: (pieces: readonly number[], error: StorageError) => void;
  /** Descriptors shared with other torrents; a cache of its own, of 64, when absent. */
  readonly openFiles?: OpenFiles;
  /** For tests: another file system, another clock, and something instead of the thread that checks and writes pieces. */
  readonly files?: FileSystem;
  readonly line?: JobLine;
  readonly clock?: Clock;
}

/** What others have done to files that were written already. */
export interface Lost {
  readonly pieces: readonly PieceIndex[];
  /** The first file that isn't what it was. */
  readonly path: string;
}

/** A torrent's place on disk: locked, recovered and ready to be written to. */
export interface Download {
  readonly storage: PieceStorage;
  /** Verified on disk when it was opened; owned by the receiver. */
  readonly have: Bitfield;
  /** Pieces of a provisional torrent that are on disk, right or wrong. */
  readonly unchecked: Bitfield;
  /** The pieces that hold bytes of selected files. */
  readonly wanted: Bitfield;
  /** The selected files, by their place in the torrent's list. */
  readonly selected: ReadonlySet<number>;
  /** Bytes of the selected files, pad files not counted. */
  readonly selectedBytes: number;
  /** Bytes of the selected files inside `have`. */
  readonly resumedBytes: number;
  /** Bytes of selected files inside one piece: what it adds to progress out of `selectedBytes`. */
  bytesIn(piece: number): number;
  /** `directory/NAME`. */
  readonly path: string;
  /** Links of the torrent that are not made, since nobody asked for them. Paths as shown to people. */
  readonly skipped: readonly string[];
  /** The info hash of a provisional torrent became known, and `have` are right by it. */
  identify(infoHash: InfoHash, have: Bitfield): Promise<void>;
  /**
   * All wanted pieces are written: finds what others have done to the files meanwhile, and which pieces are to be
   * written again because of it; undefined: none. @throws {StorageError} or {OutputExistsError}, as `openDownload`.
   */
  lookAgain(signal: AbortSignal): Promise<Lost | undefined>;
  /**
   * All wanted pieces are written: makes empty files and folders, sets executable bits and times, makes links, syncs everything, then removes the state
   * and the lock. The storage can be read from until it is closed.
   */
  finish(): Promise<void>;
  /**
   * After `finish`, of what is seeded: files that others change are compared with the torrent again before anything of
   * them is read, and `watcher` is told what becomes of them.
   */
  watch(watcher: SourceWatcher): Promise<void>;
  /** Saves the state for the next time, closes every file, frees the lock. The same as `storage.close()`. */
  close(): Promise<void>;
}
