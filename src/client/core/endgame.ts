import type { ActivePiece, PeerKey } from "./active-piece.ts";
import type { PickPeer } from "./pick-peer.ts";

export interface Again {
  readonly peer: PickPeer;
  /** Of how many peers a block has been asked for, to be asked for again. */
  readonly copies: number;
  /** The most blocks to ask for. */
  readonly count: number;
  /** Whether a peer that was asked is so slow that it's worth asking another. */
  isSlow(asked: PeerKey): boolean;
  /** Told of each block, after it's booked. */
  take(active: ActivePiece, block: number): void;
}

/**
 * Books blocks of `actives` for a peer though others were asked for them already.
 * @returns how many there were.
 */
export function askAgain(actives: Iterable<ActivePiece>, again: Again): number {
  const { peer, copies, count, isSlow, take } = again;
  let left = count;
  for (const active of actives) {
    if (!peer.have.has(active.piece) || active.exclusive !== undefined) continue;
    if (peer.only !== undefined && !peer.only.has(active.piece)) continue;
    // From the last block on: the one that was asked first works from the front.
    for (let block = active.blockCount - 1; block >= 0 && left > 0; block--) {
      if (active.requesterCount(block) !== copies || active.isRequestedFrom(block, peer.key)) continue;
      const first = active.firstRequester(block);
      if (first === undefined || !isSlow(first)) continue;
      active.request(block, peer.key);
      take(active, block);
      left--;
    }
  }
  return count - left;
}
