import type { Bitfield } from "../../protocol/bitfield.ts";

/** A run of pieces, for strips that show where a torrent is rare. */
export interface AvailabilityPart {
  /** The part of its pieces that we have, 0 to 1. */
  readonly have: number;
  /** Of its rarest piece: how many connected peers have it, ourselves not counted. */
  readonly copies: number;
}

/**
 * @param parts the most runs wanted; there are never more than pieces. All are of the same size, give or take a piece.
 * @param copiesOf how many peers have a piece
 */
export function availabilityIn(
  parts: number,
  pieceCount: number,
  have: Bitfield,
  copiesOf: (piece: number) => number,
): AvailabilityPart[] {
  const count = Math.max(0, Math.min(parts, pieceCount));
  return Array.from({ length: count }, (_, part) => {
    const first = Math.floor((part * pieceCount) / count);
    const end = Math.floor(((part + 1) * pieceCount) / count);
    let own = 0;
    let copies = Number.POSITIVE_INFINITY;
    for (let piece = first; piece < end; piece++) {
      if (have.has(piece)) own++;
      copies = Math.min(copies, copiesOf(piece));
    }
    return { have: own / (end - first), copies };
  });
}

/**
 * Distributed copies: whole ones among the peers and in `own`, and the part of the pieces of which there is one more.
 * @param copiesOf how many peers have a piece
 */
export function copiesAmong(pieceCount: number, own: Bitfield, copiesOf: (piece: number) => number): number {
  let least = Number.POSITIVE_INFINITY;
  let more = 0;
  for (let piece = 0; piece < pieceCount; piece++) {
    const here = copiesOf(piece) + Number(own.has(piece));
    if (here < least) {
      least = here;
      // Every piece before this one has at least one copy more.
      more = piece;
    } else if (here > least) more++;
  }
  return pieceCount === 0 ? 0 : least + more / pieceCount;
}
