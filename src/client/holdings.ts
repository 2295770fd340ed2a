import type { Clock, Millis } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { ActivePiece, PeerKey } from "./core/active-piece.ts";
import type { Picker } from "./core/picker.ts";
import type { Peer } from "./peers/peer.ts";

/** For how long a piece isn't asked of a peer that rejected it: doubled each time, until something comes. */
export const LEAST_WITHHELD: Millis = 1000;
const MOST_WITHHELD: Millis = 60_000;

export interface HoldingsOptions {
  readonly picker: Picker;
  readonly missing: Bitfield;
  readonly clock: Clock;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** A started piece of which nothing came is idle again, since nobody else may have it. */
  free(active: ActivePiece): void;
}

/** Who has which pieces: counted for the picker, and so that each peer knows whether we are interested in it. */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #picker: Picker;
  #stopped = false;

  constructor(options: HoldingsOptions) {
    this.#options = options;
    this.#picker = options.picker;
  }

  /** `peer` has said what it has. */
  told(peer: Peer, pieces: Bitfield): void {
    peer.have = pieces;
    peer.withheld.clear();
    this.#count(peer);
    peer.useful = countCommon(pieces, this.#options.missing);
    this.#changedInterest(peer);
  }

  /** `peer` has one more. @returns whether we miss it. */
  gained(peer: Peer, piece: PieceIndex): boolean {
    this.#count(peer);
    peer.withheld.delete(piece);
    return this.#add(peer, piece);
  }

  /** `peer` has lost one. @returns whether it had it. */
  dropped(peer: Peer, piece: PieceIndex): boolean {
    peer.withheld.delete(piece);
    if (!peer.have.has(piece)) return false;
    if (peer.countedAsSeed) {
      // Seeds are counted as one; from here on it's a peer among others.
      this.#picker.removePieces(peer.have, true);
      peer.countedAsSeed = false;
      peer.have.delete(piece);
      this.#picker.addPieces(peer.have);
    } else {
      peer.have.delete(piece);
      this.#picker.removeHave(piece);
    }
    this.#isOfLessUse(peer, piece);
    return true;
  }

  /** Takes `piece` as one that the peer doesn't have, for a time. */
  withhold(peer: Peer, piece: PieceIndex): void {
    if (!peer.have.delete(piece)) return;
    if (!peer.countedAsSeed) this.#picker.removeHave(piece);
    const idle = this.#picker.abandon(piece);
    if (idle !== undefined) this.#options.free(idle);
    if (peer.withheld.size === 0) peer.withheldUntil = this.#options.clock.now() + peer.withheldFor;
    peer.withheld.add(piece);
    this.#isOfLessUse(peer, piece);
  }

  /** Tries again what the peer rejected, later each time. */
  restore(peer: Peer): void {
    if (peer.withheld.size === 0) return;
    peer.withheldFor = Math.min(2 * peer.withheldFor, MOST_WITHHELD);
    for (const piece of peer.withheld) this.#add(peer, piece);
    peer.withheld.clear();
  }

  gone(peer: Peer): void {
    if (peer.counted) this.#picker.removePieces(peer.have, peer.countedAsSeed);
    peer.counted = false;
  }

  /** We have `piece` now. */
  stored(piece: PieceIndex): void {
    for (const peer of this.#options.peers.values()) {
      if (!peer.have.has(piece)) continue;
      peer.useful--;
      if (peer.useful === 0 && peer.joined) this.#changedInterest(peer);
    }
  }

  /** We miss `piece` again. */
  lost(piece: PieceIndex): void {
    for (const peer of this.#options.peers.values()) {
      if (!peer.have.has(piece)) continue;
      peer.useful++;
      if (peer.useful === 1 && peer.joined) this.#changedInterest(peer);
    }
  }

  /** We want nothing any more, of anybody. */
  stop(): void {
    this.#stopped = true;
    for (const peer of this.#options.peers.values()) if (peer.joined) peer.wire.notInterested();
  }

  #count(peer: Peer): void {
    if (peer.counted) return;
    peer.counted = true;
    peer.countedAsSeed = peer.have.isComplete;
    this.#picker.addPieces(peer.have);
  }

  #add(peer: Peer, piece: number): boolean {
    if (!peer.have.add(piece)) return false;
    if (!peer.countedAsSeed) this.#picker.addHave(piece);
    if (!this.#options.missing.has(piece)) return false;
    peer.useful++;
    if (peer.useful === 1) this.#changedInterest(peer);
    return true;
  }

  #isOfLessUse(peer: Peer, without: PieceIndex): void {
    if (!this.#options.missing.has(without)) return;
    peer.useful--;
    if (peer.useful === 0) this.#changedInterest(peer);
  }

  #changedInterest(peer: Peer): void {
    if (peer.useful > 0 && !this.#stopped) peer.wire.interested();
    else peer.wire.notInterested();
  }
}

function countCommon(a: Bitfield, b: Bitfield): number {
  let count = 0;
  for (let i = 0; i < a.bytes.length; i++) {
    for (let both = (a.bytes[i] ?? 0) & (b.bytes[i] ?? 0); both !== 0; both &= both - 1) count++;
  }
  return count;
}
