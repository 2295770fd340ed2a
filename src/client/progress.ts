import { Bitfield } from "../protocol/bitfield.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { TorrentOptions } from "./torrent-types.ts";

/** What is here and what is still to come, in pieces and in bytes. */
export class Progress {
  /** The verified pieces: live. */
  readonly have: Bitfield;
  /** The wanted pieces that aren't here: live, kept by the picker. */
  readonly missing: Bitfield;
  /** What is lost is to be fetched again. */
  #mayDownload: boolean;
  readonly #layout: PieceLayout;
  #bytesDone = 0;
  #bytesLeft = 0;

  constructor({ layout, have, wanted }: Pick<TorrentOptions, "layout" | "have" | "wanted">) {
    this.#layout = layout;
    this.have = have.clone();
    this.missing = new Bitfield(layout.pieceCount);
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      const size = layout.pieceSize(piece);
      if (have.has(piece)) this.#bytesDone += size;
      else if (wanted?.has(piece) ?? true) {
        this.missing.add(piece);
        this.#bytesLeft += size;
      }
    }
    this.#mayDownload = !this.complete;
  }

  /** Something was missing at the start, and the storage still takes it. */
  get mayDownload(): boolean {
    return this.#mayDownload;
  }

  /** Every wanted piece is verified and stored. */
  get complete(): boolean {
    return this.missing.count === 0;
  }

  /** In verified pieces, wanted or not. */
  get bytesDone(): number {
    return this.#bytesDone;
  }

  /** Missing from the wanted pieces. */
  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  stored(piece: PieceIndex): void {
    this.have.add(piece);
    this.#bytesDone += this.#layout.pieceSize(piece);
    this.#bytesLeft -= this.#layout.pieceSize(piece);
  }

  /** The storage takes nothing any more. */
  onlyGive(): void {
    this.#mayDownload = false;
  }

  /** A piece that was lost, and not to be fetched again, is there. */
  regained(piece: PieceIndex): void {
    this.have.add(piece);
    this.#bytesDone += this.#layout.pieceSize(piece);
  }

  /** @param again it is to be fetched again. */
  lost(piece: PieceIndex, again: boolean): void {
    this.have.delete(piece);
    this.#bytesDone -= this.#layout.pieceSize(piece);
    if (again) this.#bytesLeft += this.#layout.pieceSize(piece);
  }
}
