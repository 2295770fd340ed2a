import type { PieceIndex } from "../../protocol/ids.ts";

/** The data of one torrent, as the swarm engine sees it. */
export interface PieceStorage {
  /**
   * Fills `targets`, in turn, with the bytes from `begin` in `piece` on.
   * @returns nothing when the data was at hand and the targets are filled already; else a promise,
   *   which rejects with a StorageError when the data can't be read.
   */
  read(piece: PieceIndex, begin: number, targets: readonly Uint8Array[]): Promise<void> | undefined;
  /**
   * Writes a verified piece. `data` must not change until the promise settles.
   * The promise rejects with a StorageError (full disk, no permission, ...).
   */
  write(piece: PieceIndex, data: Uint8Array): Promise<void>;
  /** Settles when everything is on disk and every file is closed. */
  close(): Promise<void>;
}
