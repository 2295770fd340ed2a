/** What making a torrent takes and gives. */
import type { InfoHash } from "../protocol/ids.ts";
import type { Crew } from "./crew.ts";
import type { SourceFile } from "./source-file.ts";

export interface CreateOptions {
  /** Bytes, a power of two from 16 KiB to 64 MiB; default: chosen by size, see `core/piece-length.ts`. */
  readonly pieceLength?: number;
  /** BEP 27: receivers find peers through the trackers only. Default false. */
  readonly private?: boolean;
  /** Tell when each file last changed. Not by default: the same files would make another torrent elsewhere. */
  readonly times?: boolean;
  /** A word in `info`, so that the info hash differs from that of the same files elsewhere; default: none. */
  readonly source?: string;
  /** Who hashes; default: one of its own, with a thread for each core. */
  readonly crew?: Crew;
  /** Where hashes are remembered, so that what didn't change isn't read again; default: nowhere. */
  readonly cacheDir?: string;
  /** Told why they can't be; that is no reason to fail. */
  readonly onCacheTrouble?: (message: string) => void;
  /** Told, before anything is hashed, how long the pieces are going to be. */
  readonly onPlan?: (pieceLength: number) => void;
  /** Told a few times a second, and at the end, how many bytes are hashed. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /**
   * Told, in order and without gaps, which pieces have their hashes by now: `from` inclusive, `to` exclusive.
   * `hashes` holds 20 bytes for every piece of the torrent; only those below `to` are set. They stay provisional
   * until the whole operation succeeds.
   */
  readonly onPieces?: (from: number, to: number, hashes: Uint8Array) => void;
}

/** A torrent's unchanging part, ready to be announced and seeded. Byte arrays must not be changed. */
export interface Created {
  readonly name: string;
  readonly singleFile: boolean;
  /** The bencoded `info` dictionary. */
  readonly info: Uint8Array;
  readonly infoHash: InfoHash;
  readonly files: readonly SourceFile[];
  readonly totalBytes: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
}
