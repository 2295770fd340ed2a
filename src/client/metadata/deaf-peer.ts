import type { Bitfield } from "../../protocol/bitfield.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import type { BlockRef, ExtendedHandshake, PeerIdentity, WireHandler } from "../peers/wire-types.ts";

/** A side of a connection that heeds nothing it is told; those who want to hear something say what. */
export abstract class DeafPeer implements WireHandler {
  abstract onHandshake(identity: PeerIdentity): void;
  abstract onClose(reason?: Error): void;
  onExtendedHandshake(_handshake: ExtendedHandshake): void {}
  onPieces(_pieces: Bitfield): void {}
  onHave(_piece: PieceIndex): void {}
  onChoke(): void {}
  onUnchoke(): void {}
  onInterested(): void {}
  onNotInterested(): void {}
  onRequest(_block: BlockRef): void {}
  onCancel(_block: BlockRef): void {}
  onReject(_block: BlockRef): void {}
  onAllowedFast(_piece: PieceIndex): void {}
  onSuggest(_piece: PieceIndex): void {}
  onBlock(_piece: PieceIndex, _begin: number, _data: Uint8Array): void {}
  onExtended(_id: number, _payload: Uint8Array): void {}
  onDrain(): void {}
}
