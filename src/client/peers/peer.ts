import type { PeerAddress } from "../../platform/transport.ts";
import type { Millis } from "../../protocol/ambient.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import { type PeerId, type PieceIndex, peerId } from "../../protocol/ids.ts";
import type { PeerKey } from "../core/active-piece.ts";
import type { PickPeer } from "../core/pick-peer.ts";
import { Pipeline } from "../core/pipeline.ts";
import { RateMeter } from "../core/rate.ts";
import type { PeerSource, PeerStats } from "../torrent-types.ts";
import type { Upload } from "./upload.ts";
import type { Wire } from "./wire.ts";
import type { BlockRef, ExtendedHandshake, PeerIdentity, WireHandler } from "./wire-types.ts";

/** Who asks peers for blocks, and gets them. */
export interface BlockTaker {
  onChoke(peer: Peer): void;
  onUnchoke(peer: Peer): void;
  onReject(peer: Peer, piece: PieceIndex, begin: number): void;
  onAllowedFast(peer: Peer): void;
  /** `data` is valid during the call. */
  onBlock(peer: Peer, piece: PieceIndex, begin: number, data: Uint8Array): void;
}

/** Who is told what a peer does. */
export interface PeerOwner {
  readonly blocks: BlockTaker;
  /** Told when a peer's interest in us changes. */
  readonly choking: { changed(peer: Peer): void };
  /** Gets messages of extensions, by our id for each; `payload` is valid during the call. */
  readonly extensions: { onMessage(peer: Peer, id: number, payload: Uint8Array): void };
  onHandshake(peer: Peer, identity: PeerIdentity): void;
  onExtendedHandshake(peer: Peer, handshake: ExtendedHandshake): void;
  onPieces(peer: Peer, pieces: Bitfield): void;
  onHave(peer: Peer, piece: PieceIndex): void;
  onRequest(peer: Peer, block: BlockRef): void;
  onClose(peer: Peer, reason: Error | undefined): void;
}

/** More suggestions than this are old news. */
const MAX_SUGGESTED = 16;
/** BEP 6 gives ten. */
const MAX_ALLOWED = 64;
/** Names that strangers choose. */
const MAX_EXTENSIONS = 64;
const NOBODY = peerId(new Uint8Array(20));
/** Over how long a peer's rates are taken. */
const RATE_SPAN: Millis = 10_000;

export interface PeerOptions {
  readonly key: PeerKey;
  readonly owner: PeerOwner;
  readonly wire: Wire;
  readonly upload: Upload;
  readonly source: PeerSource;
  readonly pieceCount: number;
  readonly now: Millis;
  /** Blocks to ask it for at a time; undefined: as many as the link needs. */
  readonly requestQueue: number | undefined;
}

/** What a torrent knows about one connected peer. Its parts write here; nobody else does. */
export class Peer implements PickPeer, WireHandler {
  readonly key: PeerKey;
  readonly wire: Wire;
  readonly upload: Upload;
  readonly source: PeerSource;
  readonly address: PeerAddress;
  readonly connectedAt: Millis;
  /** Changes once at the most: from the gate to the torrent. */
  owner: PeerOwner;

  /** Its handshake was accepted: it counts as a peer of the swarm. */
  joined = false;
  client = "";
  /** Its id as one number. */
  tag = 0;
  uploadOnly = false;
  /** The ids of its extensions, by name, from its `m` (BEP 10). */
  readonly extensions = new Map<string, number>();
  /** Where it listens: what we dialled, or what it says in its extension handshake. */
  listenAddress: PeerAddress | undefined = undefined;

  have: Bitfield;
  /** `have` is counted in the picker. */
  counted = false;
  /** It was complete when it was counted. */
  countedAsSeed = false;
  /** While we seed it piece by piece: what it was shown. */
  shown: Bitfield | undefined = undefined;
  /** How many of the pieces that we miss it has; we are interested when there are any. */
  useful = 0;

  /** Blocks asked for and not here yet, with the time of asking, oldest first. */
  readonly requests = new Map<number, Millis>();
  readonly pipeline: Pipeline;
  readonly suggested = new Set<number>();
  readonly allowed = new Set<number>();
  /** Set while it chokes us: what may be asked for all the same. */
  only: ReadonlySet<number> | undefined = this.allowed;
  /** It let our requests time out, and gets one at a time until it sends something. */
  stalled = false;
  /** It rejected a request out of turn, or stalled: not asked again before `restUntil` and the next second, or its next block. */
  resting = false;
  restUntil: Millis = 0;
  /** Pieces taken out of `have` because it rejected requests for them. */
  readonly withheld = new Set<number>();
  withheldFor: Millis = 1000;
  /** When those may be asked for again. */
  withheldUntil: Millis = Number.NEGATIVE_INFINITY;
  /** When it last sent a block, or was first asked for one after a pause. */
  progressAt: Millis;
  /** When it was asked for the latest asked block that it has sent. */
  answeredAskedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Blocks that the download limit granted and that are not asked for yet. */
  credit = 0;
  awaitsCredit = false;

  /** When a block last went either way, as far as the last tick saw. */
  movedAt: Millis;
  #movedBytes = 0;

  readonly down: RateMeter;
  readonly up: RateMeter;
  /** When it was last unchoked; for ever to come while it never was. */
  unchokedAt: Millis = Number.POSITIVE_INFINITY;
  /** When the choker last gave it a slot or left it one. */
  servedAt: Millis = Number.NEGATIVE_INFINITY;
  /** `wire.payloadUp` when it was last unchoked. */
  servedFrom = 0;

  constructor(options: PeerOptions) {
    this.key = options.key;
    this.wire = options.wire;
    this.upload = options.upload;
    this.source = options.source;
    this.address = options.wire.transport.remote;
    this.connectedAt = options.now;
    this.progressAt = options.now;
    this.owner = options.owner;
    this.movedAt = options.now;
    this.have = new Bitfield(options.pieceCount);
    this.pipeline = new Pipeline(options.now, options.requestQueue);
    this.down = new RateMeter(RATE_SPAN, options.now);
    this.up = new RateMeter(RATE_SPAN, options.now);
  }

  get host(): string {
    return this.address.host;
  }

  /** Known once it has joined; zeros before. */
  get peerId(): PeerId {
    return this.wire.identity?.peerId ?? NOBODY;
  }

  /** It has everything, or says that it takes nothing (BEP 21). */
  get takesNothing(): boolean {
    return this.uploadOnly || this.countedAsSeed || (this.counted && this.have.isComplete);
  }

  /** Learns which extensions it speaks; it may say so several times, and then only what has changed (BEP 10). */
  learnExtensions(ids: ReadonlyMap<string, number>): void {
    for (const [name, id] of ids) {
      if (id === 0) this.extensions.delete(name);
      else if (this.extensions.size < MAX_EXTENSIONS) this.extensions.set(name, id);
    }
  }

  /**
   * Notes what went by since the last time.
   * @returns how many bytes of blocks were sent.
   */
  measure(now: Millis): number {
    const sent = this.wire.payloadUp - this.up.total;
    this.up.add(sent, now);
    const moved = this.wire.payloadUp + this.down.total;
    if (moved > this.#movedBytes) this.movedAt = now;
    this.#movedBytes = moved;
    return sent;
  }

  /** Sends a message of the extension of that name; nothing when the peer doesn't speak it. */
  sendExtended(name: string, payload: Uint8Array): void {
    const id = this.extensions.get(name);
    if (id !== undefined) this.wire.sendExtended(id, payload);
  }

  stats(now: Millis): PeerStats {
    const { wire, have } = this;
    return {
      peerId: this.peerId,
      address: this.address,
      source: this.source,
      client: this.client,
      downRate: this.down.rate(now),
      upRate: this.up.rate(now),
      downloaded: this.down.total,
      uploaded: wire.payloadUp,
      progress: have.length === 0 ? 1 : have.count / have.length,
      amChoking: wire.amChoking,
      amInterested: wire.amInterested,
      peerChoking: wire.peerChoking,
      peerInterested: wire.peerInterested,
      snubbed: this.stalled,
    };
  }

  onHandshake(identity: PeerIdentity): void {
    this.owner.onHandshake(this, identity);
  }

  onExtendedHandshake(handshake: ExtendedHandshake): void {
    this.owner.onExtendedHandshake(this, handshake);
  }

  onPieces(pieces: Bitfield): void {
    this.owner.onPieces(this, pieces);
  }

  onHave(piece: PieceIndex): void {
    this.owner.onHave(this, piece);
  }

  onChoke(): void {
    this.owner.blocks.onChoke(this);
  }

  onUnchoke(): void {
    this.owner.blocks.onUnchoke(this);
  }

  onInterested(): void {
    this.owner.choking.changed(this);
  }

  onNotInterested(): void {
    this.owner.choking.changed(this);
  }

  onRequest(block: BlockRef): void {
    this.owner.onRequest(this, block);
  }

  onCancel(block: BlockRef): void {
    this.upload.cancel(block);
  }

  onReject({ piece, begin }: BlockRef): void {
    this.owner.blocks.onReject(this, piece, begin);
  }

  onAllowedFast(piece: PieceIndex): void {
    if (this.allowed.size >= MAX_ALLOWED) return;
    this.allowed.add(piece);
    this.owner.blocks.onAllowedFast(this);
  }

  onSuggest(piece: PieceIndex): void {
    if (this.suggested.size < MAX_SUGGESTED) this.suggested.add(piece);
  }

  onBlock(piece: PieceIndex, begin: number, data: Uint8Array): void {
    this.owner.blocks.onBlock(this, piece, begin, data);
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.owner.extensions.onMessage(this, id, payload);
  }

  onDrain(): void {
    this.upload.drained();
  }

  onClose(reason?: Error): void {
    this.upload.close();
    this.owner.onClose(this, reason);
  }
}
