/** What is going to be published, as it was when it was looked at. */
import type { Crew } from "./crew.ts";
import type { FileTable } from "./file-table.ts";
import type { PadFile, SourceFile } from "./source-file.ts";

/** A symbolic link that is told as one (BEP 47), not followed. */
export interface SourceLink {
  /** As {@link SourceFile.path}. */
  readonly path: readonly string[];
  /** Components below the share's folder: a file, folder or link of the share. */
  readonly target: readonly string[];
}

/** A file or folder that can be published: at least one file, at least one byte. */
export interface Source {
  /** The share's name: the last part of the resolved path, unless another was asked for. */
  readonly name: string;
  /** The resolved path of the file or folder itself. */
  readonly root: string;
  /** `root` is a file. */
  readonly singleFile: boolean;
  /** In the order of the torrent; see `core/order.ts`. */
  readonly files: readonly SourceFile[];
  /** The same, for threads. */
  readonly table: FileTable;
  /** In the same order; empty unless asked for. */
  readonly links: readonly SourceLink[];
  /** Folders without anything in them, in the same order. */
  readonly emptyFolders: readonly (readonly string[])[];
  /** Sum of the file lengths, bytes. */
  readonly totalBytes: number;
  /** When the first file was looked at, or just before; milliseconds since 1970 by the wall clock. */
  readonly lookedAt: number;
}

/** What hashing must know of a {@link Source}, or of the data of a torrent that exists. */
export interface Hashable extends Pick<Source, "root" | "singleFile" | "table" | "totalBytes" | "lookedAt"> {
  readonly files: readonly (SourceFile | PadFile)[];
}

/** Why something in a folder is not in the torrent, or is there under another name. */
export type ScanNoticeCode =
  /** Left by a file manager (`.DS_Store`, `Thumbs.db`); left out. */
  | "junk"
  /** State of an unfinished download of ours; left out. */
  | "state"
  /** A symbolic link that is not followed, or leads nowhere, or in a circle; left out. */
  | "symlink"
  /** A FIFO, socket or device; left out. */
  | "special"
  /** Published, but receivers will store it under a name that every system can hold. */
  | "renamed";

export interface ScanNotice {
  readonly code: ScanNoticeCode;
  /** Components below the share's folder; none for the share itself, and for the sum of all that isn't told one by one. */
  readonly path: readonly string[];
  /** For people; doesn't repeat `path`. */
  readonly message: string;
}

export interface ScanOptions {
  /** The share's name; default: the last part of the resolved path. */
  readonly name?: string;
  /** When given, only files that match one of these globs, or lie in a folder that does; see `filter.ts`. */
  readonly include?: readonly string[];
  /** Files and folders that match one of these globs are left out, silently; stronger than `include`. */
  readonly exclude?: readonly string[];
  /** 0 (default): symbolic links are left out. 1: followed inside the share's folder. 2: followed anywhere. */
  readonly followSymlinks?: 0 | 1 | 2;
  /** Tell of links inside the share as links, instead of leaving them out or following them. */
  readonly symlinks?: boolean;
  /** Helps to look at the files. Default: nobody does. */
  readonly crew?: Crew;
  /** Told of everything that is left out or renamed without having been asked for. */
  readonly onNotice?: (notice: ScanNotice) => void;
}
