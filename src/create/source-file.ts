/** A file of what is going to be published. */

/** A file that belongs to the share, by its place and name. */
export interface Candidate {
  readonly path: readonly string[];
  readonly absolutePath: string;
  /** A symbolic link that may be followed. */
  readonly followed: boolean;
}

/** One regular file. */
export interface SourceFile {
  /** Components below the share's folder; [name] for a one-file share. Valid Unicode, exactly as on disk. */
  readonly path: readonly string[];
  readonly absolutePath: string;
  /** Bytes. */
  readonly length: number;
  /** Last change of the data, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Last change of the data or the inode, in nanoseconds since 1970. */
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
  /** The owner may execute it; travels as BEP 47 `x`. */
  readonly executable: boolean;
}

/** Zeros that are on no disk (BEP 47). What we make has none; torrents of others may. */
export interface PadFile {
  readonly length: number;
  readonly pad: true;
}
