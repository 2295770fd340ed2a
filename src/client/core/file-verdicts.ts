/** What is right about each file of a torrent, told from what is known of its pieces. */
import type { PieceLayout } from "../../protocol/layout.ts";

/**
 * - `good`: it has the bytes that the torrent says, all of them and no more;
 * - `missing`: there is no such file;
 * - `bad`: bytes in it are wrong, or there are more than there should be;
 * - `partial`: nothing in it is known to be wrong, but not all of it is there or can be checked.
 */
type FileState = "good" | "bad" | "missing" | "partial";

/** - `absent`: not all of its bytes are there; `blank`: they are all zeros, and shouldn't be. */
export type PieceFinding = "good" | "bad" | "absent" | "blank";

export interface FoundSize {
  /** Bytes that it should have. */
  readonly length: number;
  /** Bytes that it has; undefined: there is no such file. */
  readonly size: number | undefined;
}

export interface FileVerdict {
  readonly state: FileState;
  /** Bytes that are proved right. */
  readonly goodBytes: number;
}

/** @param files in the order of `layout`; of what is on no disk (pad files) `size` is `length`. */
export function judgeFiles(
  layout: PieceLayout,
  files: readonly FoundSize[],
  pieces: readonly PieceFinding[],
): FileVerdict[] {
  return files.map((file, index) => {
    const { goodBytes, isBad } = weighPieces(layout, files, pieces, index);
    if (file.size === undefined) return { state: "missing", goodBytes: 0 };
    if (isBad || file.size > file.length) return { state: "bad", goodBytes };
    const isWhole = file.size === file.length && goodBytes === file.length;
    return { state: isWhole ? "good" : "partial", goodBytes };
  });
}

function weighPieces(
  layout: PieceLayout,
  files: readonly FoundSize[],
  pieces: readonly PieceFinding[],
  index: number,
): { readonly goodBytes: number; readonly isBad: boolean } {
  let goodBytes = 0;
  let isBad = false;
  const { first, last } = layout.piecesOf(index) ?? { first: 0, last: -1 };
  for (let piece = first; piece <= last; piece++) {
    const spans = layout.spans(piece, 0, layout.pieceSize(piece));
    if (pieces[piece] === "good") goodBytes += spans.find(({ file }) => file === index)?.length ?? 0;
    // Where a neighbour is too long, its bytes may be shifted: that is no proof against this file.
    if (pieces[piece] === "bad") isBad ||= spans.every(({ file }) => file === index || isSound(files[file]));
  }
  return { goodBytes, isBad };
}

function isSound(file: FoundSize | undefined): boolean {
  return file !== undefined && file.size === file.length;
}
