import type { Clock, Millis, Random } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { PeerId, PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import { type ActivePiece, BLOCK_LENGTH, type PeerKey } from "./core/active-piece.ts";
import { Picker } from "./core/picker.ts";
import { RateMeter } from "./core/rate.ts";
import { rankAmong, tagOf } from "./core/share-out.ts";
import type { Limiter } from "./limiter.ts";
import type { Peer } from "./peer.ts";
import { PieceBuffers } from "./piece-buffers.ts";
import { PieceChecks } from "./piece-checks.ts";
import { RunIntake } from "./run-intake.ts";
import type { PieceStorage } from "./storage.ts";

export interface IntakeOptions {
  readonly layout: PieceLayout;
  readonly pieceHashes: Uint8Array;
  /** Ours. */
  readonly peerId: PeerId;
  readonly storage: Pick<PieceStorage, "write">;
  readonly missing: Bitfield;
  readonly clock: Clock;
  readonly random: Random;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  readonly limiter: Limiter;
  readonly bufferBytes: number;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** A piece is verified and in the storage. */
  stored(piece: PieceIndex): void;
  /** A piece failed its hash. */
  corrupt(piece: PieceIndex): void;
  /** A peer is proven to have sent bad data. */
  guilty(key: PeerKey, piece: PieceIndex): void;
  /** The storage can't be written to: nothing more is asked for. */
  failed(error: Error): void;
}

/** Blocks that a peer without work may ask for that others were asked for already. */
const ENDGAME_BLOCKS = 4;
/** A peer is worth bypassing when another should be so many times faster; less would only double the traffic. */
const SLOWER = 3;
/** What is expected of a peer that hasn't been measured. */
const NEWCOMER_EXPECTED: Millis = 1000;
/** A stalled peer is asked for nothing for so long, so that others can finish what it held up; then for one block. */
const STALLED_REST: Millis = 30_000;
/** How long it may take for that; what comes later is welcome all the same. */
const STALLED_PATIENCE: Millis = 20_000;
/** For how long a piece isn't asked of a peer that rejected it: doubled each time, until something comes. */
const LEAST_WITHHELD: Millis = 1000;
const MOST_WITHHELD: Millis = 60_000;

/**
 * The way in of a torrent: asks peers for blocks, puts them together, checks and stores pieces.
 * One block: `Wire` -> {@link onBlock} -> piece buffer -> hash -> `storage.write` -> `stored`.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #tag: number;
  readonly #blocksPerPiece: number;
  readonly #picker: Picker;
  /** What comes from web servers. */
  readonly runs: RunIntake;
  readonly #checks: PieceChecks;
  readonly #buffers: PieceBuffers;
  readonly #rate: RateMeter;
  /** Bytes of pieces that are started, being checked or being written. */
  #bytesHeld = 0;
  #wasted = 0;
  /** A piece couldn't be started for want of memory. */
  #starved = false;
  #wakeScheduled = false;
  #stopped = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { layout } = options;
    this.#tag = tagOf(options.peerId);
    this.#blocksPerPiece = Math.ceil(layout.pieceLength / BLOCK_LENGTH);
    this.#picker = new Picker({
      pieceCount: layout.pieceCount,
      pieceSize: (piece) => layout.pieceSize(piece),
      missing: options.missing,
      random: options.random,
      rank: (piece) => rankAmong(piece, this.#tag, this.#otherTags()),
      mayStart: (size) => this.#reserve(size),
    });
    this.#checks = new PieceChecks({
      ...options,
      stored: (piece) => this.#written(piece),
      corrupt: (piece) => this.#corrupt(piece),
      failed: (error) => this.#failed(error),
    });
    this.#buffers = new PieceBuffers(layout.pieceLength);
    this.#rate = new RateMeter(5_000, options.clock.now());
    this.runs = new RunIntake({
      layout,
      picker: this.#picker,
      takeBuffer: () => this.#buffers.take(),
      received: (bytes) => this.#rate.add(bytes, options.clock.now()),
      wasted: (bytes) => {
        this.#wasted += bytes;
      },
      cancel: (key, piece, begin, length) => this.#cancel(key, piece, begin, length),
      whole: (active) => this.#check(active),
      free: ({ size, buffer }) => this.#free(size, buffer),
      freed: () => this.#wakeLater(),
    });
  }

  get picker(): Picker {
    return this.#picker;
  }

  /** Bytes thrown away. */
  get wasted(): number {
    return this.#wasted;
  }

  get rate(): RateMeter {
    return this.#rate;
  }

  onPieces(peer: Peer, pieces: Bitfield): void {
    peer.have = pieces;
    peer.withheld.clear();
    this.#count(peer);
    peer.useful = countCommon(pieces, this.#options.missing);
    this.#changedInterest(peer);
    this.#refill(peer);
  }

  onHave(peer: Peer, piece: PieceIndex): void {
    this.#count(peer);
    peer.withheld.delete(piece);
    if (this.#add(peer, piece)) this.#refill(peer);
  }

  onChoke(peer: Peer): void {
    peer.only = peer.allowed;
    this.#release(peer, (piece) => !peer.allowed.has(piece));
  }

  onUnchoke(peer: Peer): void {
    peer.only = undefined;
    peer.resting = false;
    this.#restore(peer);
    this.#refill(peer);
  }

  onAllowedFast(peer: Peer): void {
    this.#refill(peer);
  }

  /**
   * Whoever rejects a block although it lets us ask has lost the piece, or has too many requests: it's not asked for
   * that piece while there are others, nor in a loop. Without this, started pieces that nobody has would fill its
   * queue, and the rest would never come.
   */
  onReject(peer: Peer, piece: PieceIndex, begin: number): void {
    peer.allowed.delete(piece);
    if (!peer.requests.delete(this.#id(piece, begin))) return;
    this.#picker.release(piece, begin, peer.key);
    this.#refund(1);
    // What a stalled peer rejects may be what it was asked before, and was told to forget.
    if (peer.only !== undefined || peer.stalled) peer.resting = true;
    else this.#withhold(peer, piece);
    this.#wakeLater();
  }

  /** `peer` has lost a piece that it had (BEP 54). */
  onDontHave(peer: Peer, piece: PieceIndex): void {
    peer.withheld.delete(piece);
    if (!peer.have.has(piece)) return;
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
    this.#release(peer, (asked) => asked === piece);
    if (!this.#options.missing.has(piece)) return;
    peer.useful--;
    if (peer.useful === 0) this.#changedInterest(peer);
  }

  onBlock(peer: Peer, piece: PieceIndex, begin: number, data: Uint8Array): void {
    const now = this.#options.clock.now();
    const length = data.length;
    const id = this.#id(piece, begin);
    const askedAt = peer.requests.get(id);
    if (askedAt !== undefined && length !== this.#lengthAt(piece, begin)) {
      // What it was asked for must be asked of others, so it leaves with its requests.
      peer.wire.close(new ProtocolError(`a block of ${length} bytes that was not asked for`));
      return;
    }
    peer.down.add(length, now);
    this.#rate.add(length, now);
    if (askedAt !== undefined) {
      peer.requests.delete(id);
      peer.pipeline.received(length, askedAt, now);
    }
    const active = this.#accepts(piece, begin, length, askedAt !== undefined);
    // Whoever sends what nobody asked for makes no progress with what it was asked for.
    if (askedAt !== undefined || active !== undefined) {
      peer.progressAt = now;
      peer.stalled = false;
      peer.resting = false;
      peer.withheldFor = LEAST_WITHHELD;
    }
    if (active === undefined) {
      this.#wasted += length;
      this.#refill(peer);
      return;
    }
    const others = active.receive(begin / BLOCK_LENGTH, peer.key);
    active.buffer ??= this.#buffers.take();
    active.buffer.set(data, begin);
    this.#picker.received(active);
    for (const key of others) this.#cancel(key, piece, begin, length);
    this.#refill(peer);
    if (active.complete) {
      // Hashing takes its time: the peer should have its next requests before it.
      peer.wire.flush();
      this.#check(active);
    }
  }

  /** A peer is gone. */
  gone(peer: Peer): void {
    this.#options.limiter.forget(this.#grantedTo(peer));
    this.#refund(peer.credit);
    this.#release(peer, () => true);
    this.#picker.forget(peer.key);
    if (peer.counted) this.#picker.removePieces(peer.have, peer.countedAsSeed);
    peer.counted = false;
    this.#wakeLater();
  }

  /** Once a second: gives up on requests that take too long, and lets idle peers look again. */
  tick(now: Millis): void {
    for (const peer of this.#options.peers.values()) {
      if (peer.requests.size > 0) {
        const patience = peer.stalled ? STALLED_PATIENCE : peer.pipeline.patience(peer.requests.size);
        if (now - peer.progressAt > patience) this.#giveUp(peer, now);
      }
      if (now >= peer.restUntil) peer.resting = false;
      if (peer.withheld.size > 0 && peer.requests.size === 0 && now >= peer.withheldUntil)
        this.#restore(peer);
      this.#refill(peer);
    }
  }

  /** A piece that was there is not any more: it's fetched again. */
  lost(piece: PieceIndex): void {
    if (this.#stopped || this.#options.missing.has(piece)) return;
    this.#picker.lost(piece);
    for (const peer of this.#options.peers.values()) {
      if (!peer.have.has(piece)) continue;
      peer.useful++;
      if (peer.useful === 1 && peer.joined) this.#changedInterest(peer);
    }
    this.#wakeLater();
  }

  /** Asks for nothing more, from anybody. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const peer of this.#options.peers.values()) {
      this.#options.limiter.forget(this.#grantedTo(peer));
      for (const [id] of peer.requests) this.#sendCancel(peer, id);
      peer.requests.clear();
      if (peer.joined) peer.wire.notInterested();
    }
    this.#buffers.clear();
  }

  /** Settles when no write is under way. */
  settled(): Promise<void> {
    return this.#checks.settled();
  }

  /** The tags of the peers that download too. */
  *#otherTags(): Generator<number> {
    for (const peer of this.#options.peers.values()) if (peer.joined && !peer.takesNothing) yield peer.tag;
  }

  #count(peer: Peer): void {
    if (peer.counted) return;
    peer.counted = true;
    peer.countedAsSeed = peer.have.isComplete;
    this.#picker.addPieces(peer.have);
  }

  /** @returns whether we miss it. */
  #add(peer: Peer, piece: number): boolean {
    if (!peer.have.add(piece)) return false;
    if (!peer.countedAsSeed) this.#picker.addHave(piece);
    if (!this.#options.missing.has(piece)) return false;
    peer.useful++;
    if (peer.useful === 1) this.#changedInterest(peer);
    return true;
  }

  /** Takes `piece` as one that the peer doesn't have, for a time. */
  #withhold(peer: Peer, piece: number): void {
    if (!peer.have.delete(piece)) return;
    if (!peer.countedAsSeed) this.#picker.removeHave(piece);
    const idle = this.#picker.abandon(piece);
    if (idle !== undefined) this.#free(idle.size, idle.buffer);
    if (peer.withheld.size === 0) peer.withheldUntil = this.#options.clock.now() + peer.withheldFor;
    peer.withheld.add(piece);
    if (!this.#options.missing.has(piece)) return;
    peer.useful--;
    if (peer.useful === 0) this.#changedInterest(peer);
  }

  /** Tries again what the peer rejected, later each time. */
  #restore(peer: Peer): void {
    if (peer.withheld.size === 0) return;
    peer.withheldFor = Math.min(2 * peer.withheldFor, MOST_WITHHELD);
    for (const piece of peer.withheld) this.#add(peer, piece);
    peer.withheld.clear();
  }

  #changedInterest(peer: Peer): void {
    if (peer.useful > 0 && !this.#stopped) peer.wire.interested();
    else peer.wire.notInterested();
  }

  /** The piece that a block belongs to, if it's wanted; a block that was given up on is taken when it comes after all. */
  #accepts(piece: PieceIndex, begin: number, length: number, asked: boolean): ActivePiece | undefined {
    const active = this.#picker.active(piece);
    if (active === undefined || this.#stopped || begin % BLOCK_LENGTH !== 0) return undefined;
    const block = begin / BLOCK_LENGTH;
    if (active.isReceived(block) || active.blockLength(block) !== length) return undefined;
    // Only what its one giver was asked for may come into a piece that failed before.
    if (!asked && active.exclusive !== undefined) return undefined;
    return active;
  }

  /** Asks `peer` for more when its queue has room for a worthwhile number of blocks. */
  #refill(peer: Peer): void {
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
    const asked = this.#picker.pick(peer, room, take);
    if (asked > 0 || peer.requests.size > 0 || !this.#picker.endgame) return asked;
    const mine = Math.min(peer.pipeline.expected(1), NEWCOMER_EXPECTED);
    const isSlow = (key: PeerKey): boolean => {
      const other = this.#options.peers.get(key);
      const expected = other?.pipeline.expected(other.requests.size) ?? this.runs.expected(key);
      return expected > SLOWER * mine;
    };
    return this.#picker.pickDuplicates(peer, Math.min(room, ENDGAME_BLOCKS), isSlow, take);
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

  readonly #grants = new WeakMap<Peer, () => void>();

  #grantedTo(peer: Peer): () => void {
    let granted = this.#grants.get(peer);
    if (granted === undefined) {
      granted = () => {
        peer.awaitsCredit = false;
        peer.credit++;
        this.#refill(peer);
      };
      this.#grants.set(peer, granted);
    }
    return granted;
  }

  #refund(blocks: number): void {
    if (blocks > 0) this.#options.limiter.refund(blocks * BLOCK_LENGTH);
  }

  #release(peer: Peer, which: (piece: number) => boolean): void {
    let released = 0;
    for (const id of peer.requests.keys()) {
      const piece = Math.floor(id / this.#blocksPerPiece);
      if (!which(piece)) continue;
      peer.requests.delete(id);
      this.#picker.release(piece, (id % this.#blocksPerPiece) * BLOCK_LENGTH, peer.key);
      released++;
    }
    this.#refund(released);
    if (released > 0) this.#wakeLater();
  }

  #giveUp(peer: Peer, now: Millis): void {
    peer.stalled = true;
    peer.resting = true;
    peer.restUntil = now + STALLED_REST;
    for (const id of peer.requests.keys()) this.#sendCancel(peer, id);
    this.#release(peer, () => true);
  }

  #cancel(key: PeerKey, piece: PieceIndex, begin: number, length: number): void {
    const peer = this.#options.peers.get(key);
    if (peer === undefined || !peer.requests.delete(this.#id(piece, begin))) return;
    peer.wire.sendCancel({ piece, begin, length });
    this.#refund(1);
    this.#wakeLater();
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

  #check(active: ActivePiece): void {
    const { piece, size, buffer } = active;
    if (buffer === undefined) return;
    const data = buffer.length === size ? buffer : buffer.subarray(0, size);
    this.#checks.check(piece, data, active.givers(), () => this.#free(size, buffer));
  }

  #corrupt(piece: PieceIndex): void {
    this.#picker.failed(piece);
    this.#options.corrupt(piece);
    this.#wakeLater();
  }

  #written(piece: PieceIndex): void {
    this.#picker.stored(piece);
    for (const peer of this.#options.peers.values()) {
      if (!peer.have.has(piece)) continue;
      peer.useful--;
      if (peer.useful === 0 && peer.joined) this.#changedInterest(peer);
    }
    this.#options.stored(piece);
  }

  #failed(error: Error): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.failed(error);
  }

  #free(size: number, buffer: Uint8Array | undefined): void {
    this.#bytesHeld -= size;
    if (buffer !== undefined && !this.#stopped) this.#buffers.give(buffer);
    if (!this.#starved) return;
    this.#starved = false;
    this.#wakeLater();
  }

  /** Makes room for a piece of `size` bytes, if need be by giving up one that nobody is sending. */
  #reserve(size: number): boolean {
    if (this.#bytesHeld + size > this.#options.bufferBytes) {
      const evicted = this.#picker.evict();
      if (evicted === undefined) {
        this.#starved = true;
        return false;
      }
      this.#wasted += evicted.receivedCount * BLOCK_LENGTH;
      this.#free(evicted.size, evicted.buffer);
      if (this.#bytesHeld + size > this.#options.bufferBytes) return false;
    }
    this.#bytesHeld += size;
    return true;
  }

  /** Lets every peer look for work, once, after what is happening now. */
  #wakeLater(): void {
    if (this.#wakeScheduled || this.#stopped) return;
    this.#wakeScheduled = true;
    this.#options.clock.after(0, () => {
      this.#wakeScheduled = false;
      for (const peer of this.#options.peers.values()) this.#refill(peer);
      this.runs.onWake();
    });
  }

  #id(piece: number, begin: number): number {
    return piece * this.#blocksPerPiece + begin / BLOCK_LENGTH;
  }
}

function countCommon(a: Bitfield, b: Bitfield): number {
  let count = 0;
  for (let i = 0; i < a.bytes.length; i++) {
    for (let both = (a.bytes[i] ?? 0) & (b.bytes[i] ?? 0); both !== 0; both &= both - 1) count++;
  }
  return count;
}
