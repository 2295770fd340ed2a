/** Where to go on when a source sends many pieces in one go. */

/** Pieces that are looked at in one search, so that a torrent of a million costs no more. */
const LOOK_AHEAD = 8_192;

/** Pieces from `begin` up to but without `end`. */
export interface Gap {
  readonly begin: number;
  readonly end: number;
}

export interface GapSearch {
  readonly pieceCount: number;
  /** Where to begin: what was asked for last ends there. */
  readonly from: number;
  /** More than so many in a row aren't wanted. */
  readonly most: number;
  /** Whether a piece may be asked for. */
  isFree(piece: number): boolean;
}

/**
 * The run of free pieces to ask for next: what comes behind `from`, so that both disks read and write ahead; else the
 * first one that is as long as wanted, else the longest there is, for short ones cost a request each (BEP 19 fills
 * gaps, too). Looks once around, at a bounded number of pieces.
 */
export function findGap({ pieceCount, from, most, isFree }: GapSearch): Gap | undefined {
  let best: Gap | undefined;
  let looked = 0;
  for (let at = from < pieceCount ? from : 0; looked < pieceCount && (looked < LOOK_AHEAD || !best); ) {
    if (!isFree(at)) {
      looked++;
      at = at + 1 < pieceCount ? at + 1 : 0;
      continue;
    }
    let end = at + 1;
    while (end < pieceCount && end - at < most && isFree(end)) end++;
    if (at === from || end - at === most) return { begin: at, end };
    if (best === undefined || end - at > best.end - best.begin) best = { begin: at, end };
    looked += end - at;
    at = end < pieceCount ? end : 0;
  }
  return best;
}
