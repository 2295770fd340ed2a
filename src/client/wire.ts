import type { Transport } from "../platform/transport.ts";
import type { Clock } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { InfoHash, PeerId, PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { BlockRef, PeerIdentity, WireHandler } from "./wire-types.ts";

/** The first 68 bytes of a peer, checked (BEP 3, "peer protocol"). */
export interface Handshake {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The peer speaks the fast extension (BEP 6). */
  readonly fast: boolean;
  /** The peer speaks the extension protocol (BEP 10). */
  readonly extended: boolean;
}

/** A peer that came to us and has said which torrent it wants. */
export interface IncomingPeer {
  readonly transport: Transport;
  readonly handshake: Handshake;
  /** What it sent after its handshake; valid during the call only (a {@link Wire} made in it takes care of it). */
  readonly rest: Uint8Array;
}

/**
 * Reads the handshake of an incoming peer; 10 s at most.
 * Exactly one of the two is called, once: `accepted`, in which a {@link Wire} is to be made and started, or the
 * transport destroyed; or `refused`, when the transport is closed already.
 */
export declare function acceptHandshake(options: {
  readonly transport: Transport;
  readonly clock: Clock;
  accepted(peer: IncomingPeer): void;
  refused(reason?: Error): void;
}): void;

export interface WireOptions {
  readonly transport: Transport;
  readonly infoHash: InfoHash;
  /** Ours. */
  readonly peerId: PeerId;
  readonly layout: PieceLayout;
  readonly clock: Clock;
  /** From {@link acceptHandshake}; absent when we connected to the peer. */
  readonly incoming?: IncomingPeer;
}

/** What we say in our extension handshake (BEP 10, BEP 21). */
export interface OwnExtensions {
  readonly client: string;
  readonly listenPort?: number;
  readonly requestQueue: number;
  readonly uploadOnly: boolean;
  readonly metadataSize?: number;
  /** Our message ids by extension name, 1 to 255. */
  readonly extensions: ReadonlyMap<string, number>;
}

/**
 * One peer connection: sends what it is told, tells its {@link WireHandler} what arrives, and closes on any mistake of
 * the peer. Small messages are collected and leave in one write: at the end of the call in which data arrived, with
 * `flush()`, or at the end of the turn at the latest.
 */
export declare class Wire {
  /** Whether `transport` was dialled by the peer. */
  readonly isIncoming: boolean;
  /** Undefined until `onHandshake`. */
  readonly identity: PeerIdentity | undefined;
  readonly transport: Transport;
  /** The four flags of BEP 3; both sides start choked and not interested. */
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  readonly isClosed: boolean;
  /** Bytes received: everything, and block data alone. */
  readonly bytesDown: number;
  readonly payloadDown: number;
  /** Bytes sent, or waiting to be: everything, and block data alone. */
  readonly bytesUp: number;
  readonly payloadUp: number;

  constructor(options: WireOptions);
  /** Begins; calls `handler` from now on, perhaps within this call when the peer's handshake is there already. */
  start(handler: WireHandler): void;

  /** What we have, as `bitfield`, `have all` or `have none`: only from `onHandshake`, before anything else. */
  sendPieces(pieces: Bitfield): void;
  /** Does nothing when the peer doesn't speak BEP 10. */
  sendExtendedHandshake(own: OwnExtensions): void;
  /** `id` is the peer's, from its `m`. */
  sendExtended(id: number, payload: Uint8Array): void;
  sendHave(piece: PieceIndex): void;
  /** These four send nothing when the flag is so already. */
  choke(): void;
  unchoke(): void;
  interested(): void;
  notInterested(): void;
  sendRequest(block: BlockRef): void;
  sendCancel(block: BlockRef): void;
  /** These three send nothing to a peer without BEP 6. */
  sendReject(block: BlockRef): void;
  sendAllowedFast(piece: PieceIndex): void;
  sendSuggest(piece: PieceIndex): void;
  /**
   * Sends whole `piece` messages, made by `upload.ts`, with `payload` bytes of blocks in them.
   * @returns false when the peer is slower than we are: wait for `onDrain`.
   */
  sendBlocks(messages: Uint8Array, payload: number, done: () => void): boolean;
  /** Sends now what was collected. */
  flush(): void;

  /** Stops reading from the peer; what was received already may still be handed over. */
  pause(): void;
  resume(): void;
  /** `onClose` is called with `reason`, within this call. */
  close(reason?: Error): void;
}
