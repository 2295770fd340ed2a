import type { Clock, Millis } from "../protocol/ambient.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import { type ActivePiece, BLOCK_LENGTH, type PeerKey } from "./core/active-piece.ts";
import type { Picker } from "./core/picker.ts";
import type { Limiter } from "./limiter.ts";
import type { Peer } from "./peers/peer.ts";

/** Blocks that a peer without work may ask for that others were asked for already. */
const ENDGAME_BLOCKS = 4;
/** A peer is worth bypassing when another should be so many times faster; less would only double the traffic. */
const SLOWER = 3;
/** What is expected of a peer that hasn't been measured. */
const NEWCOMER_EXPECTED: Millis = 1000;
/** A stalled peer is asked for nothing for so long, so that others can finish what it held up; then for one block. */
const STALLED_REST: Millis = 30_000;

export interface RequestsOptions {
  readonly layout: PieceLayout;
  readonly picker: Picker;
  readonly clock: Clock;
  readonly limiter: Limiter;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** How long what a web server was asked for will take: it stands among those who were asked, but is no peer. */
  expectedOfServer(key: PeerKey): Millis;
  /** All peers have looked for work: others may. */
  woken(): void;
}

/** What is asked of whom: keeps the queue of each peer as deep as its pipeline says, and takes back what doesn't come. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #picker: Picker;
  readonly #blocksPerPiece: number;
  readonly #grants = new WeakMap<Peer, () => void>();
  #wakeScheduled = false;
  #stopped = false;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#picker = options.picker;
    this.#blocksPerPiece = Math.ceil(options.layout.pieceLength / BLOCK_LENGTH);
  }

  /** @returns how many bytes `peer` was asked for there; 0 when it wasn't asked. */
  expected(peer: Peer, piece: PieceIndex, begin: number): number {
    return peer.requests.has(this.#id(piece, begin)) ? this.#lengthAt(piece, begin) : 0;
  }

  /** What `peer` was asked for there has come. */
  answered(peer: Peer, piece: PieceIndex, begin: number, now: Millis): void {
    const id = this.#id(piece, begin);
    const askedAt = peer.requests.get(id);
    if (askedAt === undefined) return;
    peer.requests.delete(id);
    peer.answeredAskedAt = Math.max(peer.answeredAskedAt, askedAt);
    peer.pipeline.received(this.#lengthAt(piece, begin), askedAt, now);
  }

  /** `peer` will not send the block. @returns whether it was asked for. */
  rejected(peer: Peer, piece: PieceIndex, begin: number): boolean {
    if (!peer.requests.delete(this.#id(piece, begin))) return false;
    this.#picker.release(piece, begin, peer.key);
    this.#refund(1);
    return true;
  }

  /** A peer is gone. */
  gone(peer: Peer): void {
    this.#options.limiter.forget(this.#grantedTo(peer));
    this.#refund(peer.credit);
    this.release(peer, () => true);
  }

  /** Takes back all requests, and makes no more. */
  stop(): void {
    this.#stopped = true;
    for (const peer of this.#options.peers.values()) {
      this.#options.limiter.forget(this.#grantedTo(peer));
      for (const [id] of peer.requests) this.#sendCancel(peer, id);
      peer.requests.clear();
    }
  }

  /** Asks `peer` for more when its queue has room for a worthwhile number of blocks. */
  refill(peer: Peer): void {
    if (this.#stopped || peer.useful === 0 || !peer.joined || peer.resting || peer.wire.isClosed) return;
    if (peer.only !== undefined && peer.only.size === 0) return;
    const depth = peer.stalled ? 1 : peer.pipeline.depth;
    const room = depth - peer.requests.size;
    // Deep queues are filled an eighth at a time: fewer, larger writes.
    if (room < Math.max(1, depth >> 3)) return;
    const now = this.#options.clock.now();
    if (peer.requests.size === 0) {
      peer.pipeline.idleUntil(now);
      peer.progressAt = now;
    }
    if (this.#options.limiter.unlimited) this.#ask(peer, room, now);
    else this.#askLimited(peer, room, now);
  }

  #ask(peer: Peer, room: number, now: Millis): number {
    const take = (active: ActivePiece, block: number): void => {
      const begin = block * BLOCK_LENGTH;
      peer.requests.set(this.#id(active.piece, begin), now);
      peer.wire.sendRequest({ piece: active.piece, begin, length: active.blockLength(block) });
    };
    const { readings } = this.#picker;
    const awaited = readings === undefined ? 0 : this.#askAgain(peer, room, take, readings.heads());
    const asked = awaited + this.#picker.pick(peer, room - awaited, take);
    if (asked > 0 || peer.requests.size > 0 || !this.#picker.endgame) return asked;
    return this.#askAgain(peer, room, take);
  }

  /** Asks for blocks that slower peers were asked for. */
  #askAgain(
    peer: Peer,
    room: number,
    take: (active: ActivePiece, block: number) => void,
    pieces?: Iterable<number>,
  ): number {
    const among = pieces === undefined ? undefined : this.#picker.started(pieces);
    if (among?.length === 0) return 0;
    const mine = Math.min(peer.pipeline.expected(1), NEWCOMER_EXPECTED);
    const isSlow = (key: PeerKey): boolean => {
      const other = this.#options.peers.get(key);
      const expected = other?.pipeline.expected(other.requests.size) ?? this.#options.expectedOfServer(key);
      return expected > SLOWER * mine;
    };
    return this.#picker.pickDuplicates(peer, Math.min(room, ENDGAME_BLOCKS), isSlow, take, among);
  }

  /** Takes back what isn't `urgent`, so that what is comes first. */
  yieldTo(isUrgent: (piece: number) => boolean): void {
    for (const peer of this.#options.peers.values()) {
      for (const id of peer.requests.keys()) {
        if (!isUrgent(Math.floor(id / this.#blocksPerPiece))) this.#sendCancel(peer, id);
      }
      this.release(peer, (piece) => !isUrgent(piece));
    }
    this.wakeLater();
  }

  /** One block at a time, each paid for before it's asked for, so that all peers get their turn. */
  #askLimited(peer: Peer, room: number, now: Millis): void {
    for (let left = room; left > 0; left--) {
      if (peer.credit === 0) {
        if (peer.awaitsCredit) return;
        if (!this.#options.limiter.take(BLOCK_LENGTH, this.#grantedTo(peer))) {
          peer.awaitsCredit = true;
          return;
        }
        peer.credit++;
      }
      if (this.#ask(peer, 1, now) === 0) {
        this.#refund(peer.credit);
        peer.credit = 0;
        return;
      }
      peer.credit--;
    }
  }

  #grantedTo(peer: Peer): () => void {
    let granted = this.#grants.get(peer);
    if (granted === undefined) {
      granted = () => {
        peer.awaitsCredit = false;
        peer.credit++;
        this.refill(peer);
      };
      this.#grants.set(peer, granted);
    }
    return granted;
  }

  #refund(blocks: number): void {
    if (blocks > 0) this.#options.limiter.refund(blocks * BLOCK_LENGTH);
  }

  /** Takes back what `peer` was asked for of pieces that `which` names: others may be asked. */
  release(peer: Peer, which: (piece: number) => boolean): void {
    let released = 0;
    for (const id of peer.requests.keys()) {
      const piece = Math.floor(id / this.#blocksPerPiece);
      if (!which(piece)) continue;
      peer.requests.delete(id);
      this.#picker.release(piece, (id % this.#blocksPerPiece) * BLOCK_LENGTH, peer.key);
      released++;
    }
    this.#refund(released);
    if (released > 0) this.wakeLater();
  }

  /**
   * `peer` took too long: it rests, and others are asked. But who has answered what it was asked later doesn't stall,
   * it has dropped the request, as Transmission now and then does: it may be asked again at once.
   */
  giveUp(peer: Peer, now: Millis): void {
    const isDropped = [...peer.requests.values()].every((askedAt) => askedAt < peer.answeredAskedAt);
    if (!isDropped) {
      peer.stalled = true;
      peer.resting = true;
      peer.restUntil = now + STALLED_REST;
    }
    for (const id of peer.requests.keys()) this.#sendCancel(peer, id);
    this.release(peer, () => true);
  }

  /** The block isn't needed from the peer `key` any more. */
  cancel(key: PeerKey, piece: PieceIndex, begin: number, length: number): void {
    const peer = this.#options.peers.get(key);
    if (peer === undefined || !peer.requests.delete(this.#id(piece, begin))) return;
    peer.wire.sendCancel({ piece, begin, length });
    this.#refund(1);
    this.wakeLater();
  }

  #sendCancel(peer: Peer, id: number): void {
    const piece = Math.floor(id / this.#blocksPerPiece);
    const begin = (id % this.#blocksPerPiece) * BLOCK_LENGTH;
    // The id was made from a checked index in `#id`.
    peer.wire.sendCancel({ piece: piece as PieceIndex, begin, length: this.#lengthAt(piece, begin) });
  }

  #lengthAt(piece: number, begin: number): number {
    return Math.min(BLOCK_LENGTH, this.#options.layout.pieceSize(piece) - begin);
  }

  /** Lets every peer look for work, once, after what is happening now. */
  wakeLater(): void {
    if (this.#wakeScheduled || this.#stopped) return;
    this.#wakeScheduled = true;
    this.#options.clock.after(0, () => {
      this.#wakeScheduled = false;
      for (const peer of this.#options.peers.values()) this.refill(peer);
      this.#options.woken();
    });
  }

  #id(piece: number, begin: number): number {
    return piece * this.#blocksPerPiece + begin / BLOCK_LENGTH;
  }
}
