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
  /** Given and true: pieces go to {@link writeIfRight}, in memory that threads share. */
  readonly checksElsewhere?: boolean;
  /**
   * Compares a piece with its SHA-1 and writes it when that is right, both away from the loop. `data` as in `write`.
   * @returns whether it was right, and rejects as `write` does; undefined: now this one must be hashed here, and written
   *   by `write`.
   */
  writeIfRight?(piece: PieceIndex, data: Uint8Array, sha1: Uint8Array): Promise<boolean> | undefined;
  /** Settles when everything is on disk and every file is closed. */
  close(): Promise<void>;
}
