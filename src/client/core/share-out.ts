/** A peer's id as one number, for {@link rankAmong}. */
export function tagOf(peerId: Uint8Array): number {
  let tag = 0x811c9dc5;
  for (const byte of peerId) tag = Math.imul(tag ^ byte, 0x01000193);
  return tag >>> 0;
}

/**
 * Shares pieces out among downloaders without a word between them: each piece gives every downloader a place, from a
 * hash of both, and whoever comes first in it should fetch it first. All who know the same peers come to the same
 * order, so each fetches other pieces from the seeder, and the seeder sends few of them twice. (Random choice among
 * equally rare pieces makes n downloaders of n pieces pick a third of them double.)
 * @param own our tag; `others` those of the other downloaders
 * @returns how many of them come before us for `piece`
 */
export function rankAmong(piece: number, own: number, others: Iterable<number>): number {
  const mine = mix(own, piece);
  let before = 0;
  for (const other of others) if (mix(other, piece) > mine) before++;
  return before;
}

/** A hash of two 32-bit numbers (the finalizer of MurmurHash3). */
function mix(tag: number, piece: number): number {
  let h = tag ^ Math.imul(piece + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
