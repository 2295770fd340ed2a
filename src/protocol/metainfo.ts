/** The metainfo of a torrent as the rest of the program sees it. */
import type { InfoHash, InfoHashV2 } from "./ids.ts";

/** One entry of a torrent's file list. */
export interface TorrentFile {
  /** Path components below the share's folder, made safe and portable, unique in the torrent; [name] for a one-file torrent. */
  readonly path: readonly string[];
  /** The components as the torrent says them, decoded as UTF-8 (for showing and for web seeds, never for opening). */
  readonly rawPath: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Bytes from the start of the v1 stream (files end to end, pad files included). */
  readonly offset: number;
  /** BEP 47 pad file: zeros that are never written to disk. */
  readonly pad: boolean;
  /** BEP 47 `x`. */
  readonly executable: boolean;
  /** BEP 47 `l`: target components as the torrent says them, none of them `..`; relative to the share's folder. */
  readonly symlink?: readonly string[];
  /** When the data last changed, whole seconds since 1970 (`mtime`, as libtorrent writes it); above 0. */
  readonly mtime?: number;
  /** Merkle root of the file (BEP 52), 32 bytes; absent for empty and pad files, symlinks and in v1 torrents. */
  readonly piecesRoot?: Uint8Array;
}

/**
 * A torrent that passed every check. Byte arrays are views into the bytes that were parsed: neither may be changed.
 * A v2-only torrent has no stream of its own; its files are laid out as their pieces demand, with a pad file wherever
 * one is needed to begin the next file (and end the last) at a piece.
 */
export interface Metainfo {
  readonly version: "v1" | "hybrid" | "v2";
  /** Of v1 and hybrid torrents. */
  readonly infoHash: InfoHash | undefined;
  /** Of v2 and hybrid torrents. */
  readonly infoHashV2: InfoHashV2 | undefined;
  /** The raw `info` dictionary, byte for byte as received. */
  readonly info: Uint8Array;
  /** Name of the file or folder, made safe and portable. */
  readonly name: string;
  /** The name as the torrent says it, decoded as UTF-8 (for web seeds, never for opening). */
  readonly rawName: string;
  readonly singleFile: boolean;
  readonly files: readonly TorrentFile[];
  /** Folders without anything in them, as `TorrentFile.path`: `folders` in our own `boojum` key, inside `info`. */
  readonly emptyFolders: readonly (readonly string[])[];
  /** Sum of the file lengths, pad files included: the v1 stream's length. Bytes. */
  readonly length: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** SHA-1 of each piece, end to end, 20 bytes each (v1 and hybrid; empty for v2). */
  readonly pieceHashes: Uint8Array;
  /** BEP 27. */
  readonly private: boolean;
  /** Tiers of announce URLs (BEP 12); a lone `announce` is one tier of one. */
  readonly trackers: readonly (readonly string[])[];
  /** BEP 19 `url-list`. */
  readonly webSeeds: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  readonly source?: string;
  /**
   * `boojum` outside `info` says so: this share must not be shown to anybody who was not told of it (no local discovery,
   * no listing), on the receivers' side either.
   */
  readonly unlisted: boolean;
  /** `boojum` outside `info` has it: what peers of a share with a password must show to know. */
  readonly token?: string;
}
