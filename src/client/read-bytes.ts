import { type PieceIndex, pieceIndex } from "../protocol/ids.ts";
import type { PieceStorage } from "./storage/storage.ts";
import type { Torrent } from "./torrent.ts";

export interface ByteRange {
  /** Of the torrent's stream: from `begin` up to but without `end`. */
  readonly begin: number;
  readonly end: number;
}

const CHUNK = 128 * 1024;

/**
 * Gives the bytes of `range` in order as they are verified, and has them fetched in that order. Nothing is read ahead: who
 * takes nothing holds up nobody, and costs one chunk of memory.
 * @param signal its reason is thrown
 * @throws {StorageError} what is here can't be read
 */
export async function* readBytes(
  torrent: Torrent,
  storage: PieceStorage,
  { begin, end }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { layout } = torrent;
  const cursor = torrent.read(begin, end);
  try {
    for (let at = begin; at < end; ) {
      const piece = pieceIndex(Math.floor(at / layout.pieceLength));
      cursor.moveTo(at);
      await hasPiece(torrent, piece, signal);
      const within = at - piece * layout.pieceLength;
      const length = Math.min(CHUNK, end - at, layout.pieceSize(piece) - within);
      // Whoever gets it may keep it.
      const chunk = new Uint8Array(length);
      await storage.read(piece, within, [chunk]);
      signal.throwIfAborted();
      at += length;
      yield chunk;
    }
  } finally {
    cursor.close();
  }
}

async function hasPiece(torrent: Torrent, piece: PieceIndex, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (torrent.have.has(piece)) return;
  let off = () => {};
  let onAbort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      off = torrent.on("verified", (verified) => {
        if (verified === piece) resolve();
      });
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  } finally {
    off();
    signal.removeEventListener("abort", onAbort);
  }
}
