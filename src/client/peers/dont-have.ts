import { ProtocolError } from "../../protocol/errors.ts";
import { type PieceIndex, pieceIndex } from "../../protocol/ids.ts";
import type { PeerKey } from "../core/active-piece.ts";
import { readU32 } from "../core/messages.ts";
import type { Extension } from "./extensions.ts";
import type { Peer } from "./peer.ts";

export interface DontHaveOptions {
  readonly pieceCount: number;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** `peer` has `piece` no more. */
  lost(peer: Peer, piece: PieceIndex): void;
}

/** `lt_donthave` (BEP 54): a piece that was announced is gone, as when a published file has changed. */
export class DontHave implements Extension {
  readonly name = "lt_donthave";
  readonly #options: DontHaveOptions;

  constructor(options: DontHaveOptions) {
    this.#options = options;
  }

  onMessage(peer: Peer, payload: Uint8Array): void {
    if (payload.length !== 4) throw new ProtocolError(`lt_donthave has 4 bytes, not ${payload.length}`);
    const piece = readU32(payload, 0);
    if (piece >= this.#options.pieceCount)
      throw new ProtocolError(`the peer lost piece ${piece}, which isn't there`);
    this.#options.lost(peer, pieceIndex(piece));
  }

  /** Tells everybody who can understand it; the others find out when their requests are rejected. */
  tell(piece: PieceIndex): void {
    for (const peer of this.#options.peers.values()) if (peer.joined) this.tellOne(peer, piece);
  }

  /** As {@link tell}, one peer. */
  tellOne(peer: Peer, piece: PieceIndex): void {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, piece);
    peer.sendExtended(this.name, payload);
  }
}
