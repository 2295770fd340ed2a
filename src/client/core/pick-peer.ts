import type { Bitfield } from "../../protocol/bitfield.ts";
import type { PeerKey } from "./active-piece.ts";

/** What the picker needs to know of a peer that is to be asked. */
export interface PickPeer {
  readonly key: PeerKey;
  readonly have: Bitfield;
  /** Pieces that the peer would like to be asked for (BEP 6, "suggest piece"); the picker takes out what it used. */
  readonly suggested: Set<number>;
  /** While the peer chokes us: the only pieces that may be asked for (BEP 6, "allowed fast"). */
  readonly only: ReadonlySet<number> | undefined;
}
