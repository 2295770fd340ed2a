/** What a peer connection takes, and what it tells the torrent that owns it. See `wire.ts` for the other direction. */
import type { Transport } from "../../platform/transport.ts";
import type { Clock } from "../../protocol/ambient.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import type { InfoHash, PeerId, PieceIndex } from "../../protocol/ids.ts";
import type { PieceLayout } from "../../protocol/layout.ts";
import type { ExtendedHandshake } from "../core/extension.ts";
import type { IncomingPeer } from "./accept.ts";

export type { ExtendedHandshake };

export interface WireOptions {
  readonly transport: Transport;
  readonly infoHash: InfoHash;
  /** Ours. */
  readonly peerId: PeerId;
  readonly layout: PieceLayout;
  /** The torrent's size is not known yet: only extensions are spoken, `layout` is not looked at. Not by default. */
  readonly extensionsOnly?: boolean;
  readonly clock: Clock;
  /** Our node of the DHT, and who is told where the peer's is, once; by default we say that we are none. */
  readonly dht?: { readonly port: number; readonly onPort: (port: number) => void } | undefined;
  /** From `acceptHandshake`; absent when we connected to the peer. */
  readonly incoming?: IncomingPeer;
}

/** A run of bytes inside one piece that is asked for or sent at once (BEP 3, "request"). */
export interface BlockRef {
  readonly piece: PieceIndex;
  /** Bytes from the start of the piece. */
  readonly begin: number;
  /** Bytes; 16 KiB but at the end of a piece. */
  readonly length: number;
}

/** What the two handshakes (BEP 3; later BEP 10) say about a peer. */
export interface PeerIdentity {
  readonly peerId: PeerId;
  /** Both sides speak the fast extension (BEP 6). */
  readonly fast: boolean;
  /** Both sides speak the extension protocol (BEP 10). */
  readonly extended: boolean;
}

/**
 * Called in the order in which things arrive; never after `onClose`. All messages are already checked against the
 * protocol and the torrent's size: indexes exist, lengths are in bounds, `onPieces` comes at most once and first.
 */
export interface WireHandler {
  /** The handshake is done in both directions. */
  onHandshake(identity: PeerIdentity): void;
  onExtendedHandshake(handshake: ExtendedHandshake): void;
  /** `bitfield`, `have all` or `have none`; owned by the handler. Peers with nothing may never send it. */
  onPieces(pieces: Bitfield): void;
  onHave(piece: PieceIndex): void;
  onChoke(): void;
  onUnchoke(): void;
  onInterested(): void;
  onNotInterested(): void;
  /** The peer asks for a block. */
  onRequest(block: BlockRef): void;
  onCancel(block: BlockRef): void;
  /** The peer will not send what we asked for (BEP 6). */
  onReject(block: BlockRef): void;
  onAllowedFast(piece: PieceIndex): void;
  onSuggest(piece: PieceIndex): void;
  /**
   * A block arrived, asked for or not. `data` is valid only during the call: copy it.
   * Not an object per block: this is the hot path.
   */
  onBlock(piece: PieceIndex, begin: number, data: Uint8Array): void;
  /** Message `id` (ours, as in the `m` that we sent) of an extension other than the handshake. Valid during the call. */
  onExtended(id: number, payload: Uint8Array): void;
  /** The peer has taken what was waiting to be sent. */
  onDrain(): void;
  /** Exactly once. `reason` says why, for a log; absent when the peer simply left. */
  onClose(reason?: Error): void;
}
