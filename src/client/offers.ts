import type { Clock, Random } from "../protocol/ambient.ts";
import { Bitfield } from "../protocol/bitfield.ts";
import { type PieceIndex, pieceIndex } from "../protocol/ids.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { encodeHaves } from "./core/messages.ts";
import { SuperSeed } from "./core/super-seed.ts";
import type { Peer } from "./peers/peer.ts";

export interface OffersOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes. */
  readonly pieceLength: number;
  /** What we have: live. */
  readonly have: Bitfield;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** Whether anything waits to be sent to a peer. */
  isSending(): boolean;
  /** Tells `peer` that we don't have a piece which we said we have (BEP 54). */
  takeBack(peer: Peer, piece: PieceIndex): void;
}

/** Who has more pieces to wait for isn't told so: ten bytes each. */
const MOST_TAKEN_BACK = 16_384;

/** Tells peers what we have; while copies are scarce and we began complete, a piece at a time ({@link SuperSeed}). */
export class Offers {
  readonly #options: OffersOptions;
  #superSeed: SuperSeed | undefined;

  constructor(options: OffersOptions) {
    this.#options = options;
    const { have, random, pieceLength } = options;
    if (have.isComplete) this.#superSeed = new SuperSeed(have.length, pieceLength, random);
  }

  /** Pieces are still shown one by one. */
  get areRationed(): boolean {
    return this.#superSeed !== undefined;
  }

  /** The first word to `peer`: all that we have, or nothing yet when there are others to whom it can pass things on. */
  greet(peer: Peer): void {
    const { have } = this.#options;
    const others = this.#receiversBut(peer);
    if (this.#superSeed === undefined || others.length === 0) {
      peer.wire.sendPieces(have);
      return;
    }
    peer.wire.sendPieces(new Bitfield(have.length));
    peer.shown = new Bitfield(have.length);
    this.#superSeed.join(peer.key);
    for (const other of others) this.#ration(other);
    this.#show();
  }

  /** `peer` has said what extensions it speaks. */
  onExtensions(peer: Peer): void {
    if (peer.joined && this.#receiversBut(peer).length > 0) this.#ration(peer);
  }

  /** `peer` says what it has. */
  onPieces(peer: Peer, pieces: Bitfield): void {
    if (this.#superSeed === undefined) return;
    if (pieces.isComplete) this.#showAll();
    const now = this.#options.clock.now();
    for (const piece of pieces) this.#superSeed?.has(peer.key, piece, false, now);
    this.#show();
  }

  onHave(peer: Peer, piece: PieceIndex): void {
    if (this.#superSeed === undefined) return;
    this.#superSeed.has(peer.key, piece, !this.#options.isSending(), this.#options.clock.now());
    this.#show();
  }

  /** `peer` asks for a block of `piece`. */
  onRequest(peer: Peer, piece: PieceIndex): void {
    // It asked before it heard that it must wait for the piece: it's to ask for the rest, too.
    if (peer.shown?.add(piece)) peer.wire.sendHave(piece);
    if (this.#superSeed?.asked(peer.key, piece, this.#options.clock.now())) this.#show();
  }

  gone(peer: Peer): void {
    this.#superSeed?.leave(peer.key);
    this.#show();
  }

  /** Once a second. */
  tick(): void {
    this.#superSeed?.tick(this.#options.clock.now(), !this.#options.isSending());
    this.#show();
  }

  /** We have another piece. */
  stored(piece: PieceIndex): void {
    for (const peer of this.#options.peers.values()) if (peer.joined) peer.wire.sendHave(piece);
  }

  /** A piece is gone: nobody is to be shown it, and whoever counts on getting it from us mustn't hold up the rest. */
  lost(): void {
    if (this.#superSeed !== undefined) this.#showAll();
  }

  /** Shows nothing more. */
  stop(): void {
    this.#superSeed = undefined;
  }

  #receiversBut(peer: Peer): Peer[] {
    return [...this.#options.peers.values()].filter(
      (other) => other !== peer && other.joined && !other.takesNothing,
    );
  }

  /**
   * Who was alone when it came sees everything, and may ask for a part of all that waits here for seconds and is shown to
   * nobody meanwhile. When it isn't alone any more it sees what it has asked for, and what we show it, as others do.
   */
  #ration(peer: Peer): void {
    const { have, takeBack } = this.#options;
    const isRationed = this.#superSeed === undefined || peer.shown !== undefined;
    if (isRationed || peer.takesNothing || have.count - peer.have.count > MOST_TAKEN_BACK) return;
    if (!peer.extensions.has("lt_donthave")) return;
    const asked = this.#superSeed?.joinLate(peer.key);
    const shown = new Bitfield(have.length);
    for (const piece of have) {
      if (peer.have.has(piece) || asked?.has(piece)) shown.add(piece);
      else takeBack(peer, pieceIndex(piece));
    }
    peer.shown = shown;
  }

  #show(): void {
    const superSeed = this.#superSeed;
    if (superSeed === undefined) return;
    const idle = !this.#options.isSending();
    for (const { peer: key, piece } of superSeed.next(this.#options.clock.now(), idle)) {
      const peer = this.#options.peers.get(key);
      if (peer?.shown?.add(piece)) peer.wire.sendHave(pieceIndex(piece));
    }
    if (superSeed.isDone(idle)) this.#showAll();
  }

  #showAll(): void {
    this.#superSeed = undefined;
    for (const peer of this.#options.peers.values()) {
      const { shown } = peer;
      if (shown === undefined) continue;
      peer.shown = undefined;
      const rest = [...this.#options.have].filter((piece) => !shown.has(piece) && !peer.have.has(piece));
      peer.wire.sendEncoded(encodeHaves(rest));
    }
  }
}
