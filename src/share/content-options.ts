/** What of a file or folder goes into its torrent: asked the same whether it's published or not. */
export interface ContentOptions {
  /** Bytes, a power of two from 16 KiB to 64 MiB; default: by size. */
  readonly pieceLength?: number | undefined;
  /** Peers come from the trackers alone (BEP 27). */
  readonly private?: boolean | undefined;
  /** Globs, matched with paths below the folder: no other files than these. */
  readonly include?: readonly string[] | undefined;
  /** Globs: not these files. */
  readonly exclude?: readonly string[] | undefined;
  /** 0 (default): symbolic links are left out. 1: followed inside what is read. 2: followed anywhere. */
  readonly followSymlinks?: 0 | 1 | 2 | undefined;
  /** Tell of links inside what is read as links (BEP 47). */
  readonly symlinks?: boolean | undefined;
  /** Tell when each file last changed; then the same files make another torrent elsewhere. */
  readonly times?: boolean | undefined;
  /** Where hashes are remembered, and IDs and ports of what is published; default: the user's cache folder. */
  readonly cacheDir?: string | undefined;
}

/** Which files to take, for `scan`. */
export function filesWanted(options: ContentOptions) {
  const { include = [], exclude = [], followSymlinks = 0, symlinks = false } = options;
  return { include, exclude, followSymlinks, symlinks };
}
