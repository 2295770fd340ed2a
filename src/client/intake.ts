import { copyInto } from "../platform/copy-into.ts";
import type { Clock, Millis, Random } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { PeerId, PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import { type ActivePiece, BLOCK_LENGTH, type PeerKey } from "./core/active-piece.ts";
import { Picker } from "./core/picker.ts";
import { RateMeter } from "./core/rate.ts";
import { rankAmong, tagOf } from "./core/share-out.ts";
import { Holdings, LEAST_WITHHELD } from "./holdings.ts";
import type { Limiter } from "./limiter.ts";
import type { Peer } from "./peers/peer.ts";
import { PieceBuffers } from "./piece-buffers.ts";
import { type CheckingStorage, PieceChecks } from "./piece-checks.ts";
import { Requests } from "./requests.ts";
import { RunIntake } from "./run-intake.ts";

export interface IntakeOptions {
  readonly layout: PieceLayout;
  readonly pieceHashes: Uint8Array;
  /** Ours. */
  readonly peerId: PeerId;
  readonly storage: CheckingStorage;
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

/** How long a stalled peer may take for a block; what comes later is welcome all the same. */
const STALLED_PATIENCE: Millis = 20_000;

/** So many bytes may wait to be checked and written: more would only fill memory, and fall out of the cores' caches. */
const MAX_WHOLE = 8 * 1024 * 1024;

/**
 * The way in of a torrent: asks peers for blocks, puts them together, checks and stores pieces.
 * One block: `Wire` -> {@link onBlock} -> piece buffer -> hash -> `storage.write` -> `stored`.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #tag: number;
  readonly #picker: Picker;
  readonly #holdings: Holdings;
  readonly #requests: Requests;
  /** What comes from web servers. */
  readonly runs: RunIntake;
  readonly #checks: PieceChecks;
  readonly #buffers: PieceBuffers;
  readonly #rate: RateMeter;
  /** Bytes of pieces that are started, being checked or being written. */
  #bytesHeld = 0;
  /** Of those: of the ones that are whole. */
  #bytesWhole = 0;
  #wasted = 0;
  /** A piece couldn't be started for want of memory. */
  #starved = false;
  #stopped = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { layout } = options;
    this.#tag = tagOf(options.peerId);
    this.#picker = new Picker({
      pieceCount: layout.pieceCount,
      pieceSize: (piece) => layout.pieceSize(piece),
      missing: options.missing,
      random: options.random,
      rank: (piece) => rankAmong(piece, this.#tag, this.#otherTags()),
      mayStart: (size) => this.#reserve(size),
    });
    this.#holdings = new Holdings({
      ...options,
      picker: this.#picker,
      free: ({ size, buffer }) => this.#free(size, buffer),
    });
    this.#requests = new Requests({
      ...options,
      picker: this.#picker,
      expectedOfServer: (key) => this.runs.expected(key),
      woken: () => this.runs.onWake(),
    });
    this.#checks = new PieceChecks({
      ...options,
      stored: (piece) => this.#written(piece),
      corrupt: (piece) => this.#corrupt(piece),
      failed: (error) => this.#failed(error),
    });
    this.#buffers = new PieceBuffers({
      pieceLength: Math.min(layout.pieceLength, layout.totalLength),
      shared: options.storage.checksElsewhere === true,
    });
    this.#rate = new RateMeter(5_000, options.clock.now());
    this.runs = new RunIntake({
      layout,
      picker: this.#picker,
      takeBuffer: () => this.#buffers.take(),
      received: (bytes) => this.#rate.add(bytes, options.clock.now()),
      wasted: (bytes) => {
        this.#wasted += bytes;
      },
      cancel: (key, piece, begin, length) => this.#requests.cancel(key, piece, begin, length),
      whole: (active) => this.#check(active),
      free: ({ size, buffer }) => this.#free(size, buffer),
      freed: () => this.#requests.wakeLater(),
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
    this.#holdings.told(peer, pieces);
    this.#requests.refill(peer);
  }

  onHave(peer: Peer, piece: PieceIndex): void {
    if (this.#holdings.gained(peer, piece)) this.#requests.refill(peer);
  }

  onChoke(peer: Peer): void {
    peer.only = peer.allowed;
    this.#requests.release(peer, (piece) => !peer.allowed.has(piece));
  }

  onUnchoke(peer: Peer): void {
    peer.only = undefined;
    peer.resting = false;
    this.#holdings.restore(peer);
    this.#requests.refill(peer);
  }

  onAllowedFast(peer: Peer): void {
    this.#requests.refill(peer);
  }

  /**
   * Whoever rejects a block although it lets us ask has lost the piece, or has too many requests: it's not asked for
   * that piece while there are others, nor in a loop. Without this, started pieces that nobody has would fill its
   * queue, and the rest would never come.
   */
  onReject(peer: Peer, piece: PieceIndex, begin: number): void {
    peer.allowed.delete(piece);
    if (!this.#requests.rejected(peer, piece, begin)) return;
    // What a stalled peer rejects may be what it was asked before, and was told to forget.
    if (peer.only !== undefined || peer.stalled) peer.resting = true;
    else this.#holdings.withhold(peer, piece);
    this.#requests.wakeLater();
  }

  /** `peer` has lost a piece that it had (BEP 54). */
  onDontHave(peer: Peer, piece: PieceIndex): void {
    if (this.#holdings.dropped(peer, piece)) this.#requests.release(peer, (asked) => asked === piece);
  }

  onBlock(peer: Peer, piece: PieceIndex, begin: number, data: Uint8Array): void {
    const now = this.#options.clock.now();
    const length = data.length;
    const asked = this.#requests.expected(peer, piece, begin);
    const wasAsked = asked > 0;
    if (wasAsked && length !== asked) {
      // What it was asked for must be asked of others, so it leaves with its requests.
      peer.wire.close(new ProtocolError(`a block of ${length} bytes that was not asked for`));
      return;
    }
    peer.down.add(length, now);
    this.#rate.add(length, now);
    if (wasAsked) this.#requests.answered(peer, piece, begin, now);
    const active = this.#accepts(piece, begin, length, wasAsked);
    // Whoever sends what nobody asked for makes no progress with what it was asked for.
    if (wasAsked || active !== undefined) {
      peer.progressAt = now;
      peer.stalled = false;
      peer.resting = false;
      peer.withheldFor = LEAST_WITHHELD;
    }
    if (active === undefined) {
      this.#wasted += length;
      this.#requests.refill(peer);
      return;
    }
    const others = active.receive(begin / BLOCK_LENGTH, peer.key);
    active.buffer ??= this.#buffers.take();
    copyInto(active.buffer, data, begin);
    this.#picker.received(active);
    for (const key of others) this.#requests.cancel(key, piece, begin, length);
    this.#requests.refill(peer);
    if (active.complete) {
      // Hashing takes its time: the peer should have its next requests before it.
      peer.wire.flush();
      this.#check(active);
    }
  }

  /** A peer is gone. */
  gone(peer: Peer): void {
    this.#requests.gone(peer);
    this.#picker.forget(peer.key);
    this.#holdings.gone(peer);
    this.#requests.wakeLater();
  }

  /** Once a second: gives up on requests that take too long, and lets idle peers look again. */
  tick(now: Millis): void {
    for (const peer of this.#options.peers.values()) {
      if (peer.requests.size > 0) {
        const patience = peer.stalled ? STALLED_PATIENCE : peer.pipeline.patience(peer.requests.size);
        if (now - peer.progressAt > patience) this.#requests.giveUp(peer, now);
      }
      if (now >= peer.restUntil) peer.resting = false;
      if (peer.withheld.size > 0 && peer.requests.size === 0 && now >= peer.withheldUntil)
        this.#holdings.restore(peer);
      this.#requests.refill(peer);
    }
  }

  /** A piece that was there is not any more: it's fetched again. */
  lost(piece: PieceIndex): void {
    if (this.#stopped || this.#options.missing.has(piece)) return;
    this.#picker.lost(piece);
    this.#holdings.lost(piece);
    this.#requests.wakeLater();
  }

  /** Asks for nothing more, from anybody. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#requests.stop();
    this.#holdings.stop();
    this.#buffers.clear();
  }

  /** What peers were asked for that isn't `urgent` makes way for what is. */
  yieldTo(isUrgent: (piece: number) => boolean): void {
    if (!this.#stopped) this.#requests.yieldTo(isUrgent);
  }

  /** Settles when no write is under way. */
  settled(): Promise<void> {
    return this.#checks.settled();
  }

  /** The tags of the peers that download too. */
  *#otherTags(): Generator<number> {
    for (const peer of this.#options.peers.values()) if (peer.joined && !peer.takesNothing) yield peer.tag;
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

  #check(active: ActivePiece): void {
    const { piece, size, buffer } = active;
    if (buffer === undefined) return;
    const data = buffer.length === size ? buffer : buffer.subarray(0, size);
    this.#bytesWhole += size;
    this.#checks.check(piece, data, active.givers(), () => {
      this.#bytesWhole -= size;
      this.#free(size, buffer);
    });
  }

  #corrupt(piece: PieceIndex): void {
    if (this.#stopped) return;
    this.#picker.failed(piece);
    this.#options.corrupt(piece);
    this.#requests.wakeLater();
  }

  #written(piece: PieceIndex): void {
    this.#picker.stored(piece);
    this.#holdings.stored(piece);
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
    this.#requests.wakeLater();
  }

  /** Makes room for a piece of `size` bytes, if need be by giving up one that nobody is sending. */
  #reserve(size: number): boolean {
    if (this.#bytesWhole > 0 && this.#bytesWhole + size > MAX_WHOLE) {
      this.#starved = true;
      return false;
    }
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
}
