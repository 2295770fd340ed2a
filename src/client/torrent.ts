import type { PeerAddress } from "../platform/transport.ts";
import type { Millis, Timer } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type InfoHash, type PieceIndex, pieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { type AvailabilityPart, availabilityIn, copiesAmong } from "./core/availability.ts";
import { Emitter } from "./emitter.ts";
import { Intake } from "./intake.ts";
import type { IncomingPeer } from "./peers/accept.ts";
import type { Peer } from "./peers/peer.ts";
import { Progress } from "./progress.ts";
import { type ReadCursor, Readers } from "./readers.ts";
import { Swarm } from "./swarm.ts";
import type { TorrentEnvironment } from "./torrent-environment.ts";
import {
  isOpen,
  type PeerSource,
  type PeerStats,
  type TorrentEvents,
  type TorrentOptions,
  type TorrentStats,
} from "./torrent-types.ts";
import { WebSeeds } from "./web-seeds.ts";

const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;
/** How often `finish` looks. */
const FINISH_POLL: Millis = 20;

/**
 * Sole owner of one torrent's state: what we have and what its peers have, all on one loop. Its parts hold one concern
 * each: `Intake` the way in, `Swarm` the peers, `WebSeeds` the web servers. Made by {@link Session.add}.
 */
export class Torrent {
  readonly infoHash: InfoHash;
  readonly layout: PieceLayout;
  readonly #options: TorrentOptions;
  readonly #env: TorrentEnvironment;
  readonly #progress: Progress;
  #completed: boolean;
  readonly #events = new Emitter<TorrentEvents>();
  readonly #peers = new Map<PeerKey, Peer>();
  readonly #intake: Intake;
  readonly #webSeeds: WebSeeds | undefined;
  readonly #swarm: Swarm;
  #readers: Readers | undefined;
  #nextKey: PeerKey = 1;
  #timer: Timer | undefined;
  #phase: "running" | "failed" | "finishing" | "closed" = "running";

  /** @internal */
  constructor(options: TorrentOptions, env: TorrentEnvironment) {
    this.#options = options;
    this.#env = env;
    this.infoHash = options.infoHash;
    this.layout = options.layout;
    this.#progress = new Progress(options);
    this.#completed = this.complete;
    this.#intake = this.#makeIntake();
    this.#webSeeds = this.#makeWebSeeds();
    this.#swarm = new Swarm({
      torrent: options,
      env,
      peers: this.#peers,
      progress: this.#progress,
      intake: this.#intake,
      nextKey: () => this.#nextKey++,
      isRunning: () => this.#phase === "running",
      joined: (peer) => this.#events.emit("peerJoined", peer),
      completed: (peer) => this.#events.emit("peerCompleted", peer),
      left: (peer, reason) => this.#events.emit("peerLeft", peer, reason),
      unreadable: (piece, error) => this.#unreadable(piece, error),
    });
    this.#timer = env.clock.after(1000, () => this.#tick());
  }

  /** The verified pieces: live, not to be changed by others. */
  get have(): Bitfield {
    return this.#progress.have;
  }

  /** Anybody may hear of it: it isn't private or unlisted, and needs no token. */
  get isOpen(): boolean {
    return isOpen(this.#options);
  }

  /** Every wanted piece is verified and stored. */
  get complete(): boolean {
    return this.#progress.complete;
  }

  /** @returns a function that takes the listener off again. */
  on<K extends keyof TorrentEvents>(event: K, listener: (...args: TorrentEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Learns of peers; connects to them when it can use more. Known, banned and own addresses are skipped. */
  addPeers(addresses: readonly PeerAddress[], source: PeerSource): void {
    this.#swarm.add(addresses, source);
  }

  /** There is nobody at `address` any more, or whoever is there is connected in another way: it isn't called again. */
  forgetPeer(address: PeerAddress): void {
    this.#swarm.forget(address);
  }

  /** Pieces that were in the storage are not any more: they are no longer offered, and fetched again unless it only gives. */
  lose(pieces: Iterable<number>): void {
    for (const piece of pieces) if (this.have.has(piece)) this.#withdraw(pieceIndex(piece));
  }

  /** It is complete, and its storage takes nothing any more: what is lost from now on is only withdrawn. */
  onlyGive(): void {
    this.#progress.onlyGive();
  }

  /** A piece that was lost is in the storage again, of a torrent that is only given: it is offered again. */
  regain(piece: PieceIndex): void {
    if (this.#phase !== "running" || this.#progress.mayDownload || this.have.has(piece)) return;
    this.#progress.regained(piece);
    this.#swarm.stored(piece);
  }

  /** Pieces that aren't being fetched turned out to be in the storage, as they should be. */
  adopt(piece: PieceIndex): void {
    if (this.#phase === "running" && this.#intake.picker.adopted(piece)) this.#stored(piece);
  }

  /** Web seeds whose pieces become known one by one: they have these now. */
  learn(pieces: Iterable<number>): void {
    if (this.#phase === "running") this.#webSeeds?.learn(pieces);
  }

  /** Web seeds that failed are asked again at once. */
  retryWebSeeds(): void {
    this.#webSeeds?.retry();
  }

  /** Asks web seeds for nothing more; settles when what they were asked for is here. */
  async drainWebSeeds(): Promise<void> {
    await this.#webSeeds?.drain();
    await this.#intake.settled();
  }

  /** Somebody reads what comes, from byte `begin` of the stream up to but without `end`: that is fetched first. */
  read(begin: number, end: number): ReadCursor {
    this.#readers ??= new Readers({
      layout: this.layout,
      picker: this.#intake.picker,
      yieldTo: (isUrgent) => {
        this.#intake.yieldTo(isUrgent);
        this.#webSeeds?.yieldTo(isUrgent);
      },
    });
    return this.#readers.open(begin, end);
  }

  stats(): TorrentStats {
    const now = this.#env.clock.now();
    const { bytesDone, bytesLeft } = this.#progress;
    const downRate = this.#intake.rate.rate(now);
    let peers = 0;
    let seeders = 0;
    for (const peer of this.#peers.values()) {
      if (!peer.joined) continue;
      peers++;
      if (peer.counted && peer.have.isComplete) seeders++;
    }
    return {
      bytesDone,
      bytesTotal: this.layout.totalLength,
      bytesLeft,
      uploaded: this.#swarm.uploaded,
      downloaded: this.#intake.rate.total,
      wasted: this.#intake.wasted,
      upRate: this.#swarm.upRate,
      downRate,
      peers,
      seeders,
      webSeeds: this.#webSeeds?.active ?? 0,
      copies: copiesAmong(this.layout.pieceCount, this.have, this.#copiesOf),
      etaSeconds: bytesLeft === 0 ? 0 : downRate > 0 ? bytesLeft / downRate : null,
    };
  }

  /** Where the torrent is rare, in at most `parts` runs of pieces, first to last. */
  availability(parts: number): AvailabilityPart[] {
    return availabilityIn(parts, this.layout.pieceCount, this.have, this.#copiesOf);
  }

  /** The peers that finished their handshake. */
  peers(): PeerStats[] {
    const now = this.#env.clock.now();
    return [...this.#peers.values()].filter((peer) => peer.joined).map((peer) => peer.stats(now));
  }

  /**
   * Takes over a peer that asked for this torrent, its place in the connection budget included.
   * @internal
   */
  accept(incoming: IncomingPeer): void {
    this.#swarm.accept(incoming);
  }

  /**
   * Ends a connection for one from `host`: an idle one of the lowest rank (BEP 40), or one of the network that has most,
   * so that neither those who only sit there nor those who are many at one address can keep out a receiver.
   * @returns false when all are in use.
   * @internal
   */
  makeRoom(host: string): boolean {
    return this.#swarm.makeRoom(host);
  }

  /**
   * Stops downloading, connecting and taking requests; settles when the blocks that were asked for are sent, or after
   * `graceMs` milliseconds.
   */
  async finish(graceMs: number): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "finishing";
    this.#swarm.stop();
    this.#webSeeds?.close();
    this.#intake.stop();
    const { clock } = this.#env;
    const deadline = clock.now() + graceMs;
    while (this.#swarm.isSending && clock.now() < deadline) {
      await new Promise<void>((resolve) => clock.after(FINISH_POLL, resolve));
    }
  }

  /** Drops every peer; settles when no write is under way. Whoever opened the storage closes it after that. */
  async close(): Promise<void> {
    if (this.#phase !== "closed") {
      this.#phase = "closed";
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#webSeeds?.close();
      this.#intake.stop();
      this.#swarm.close();
    }
    await this.#intake.settled();
    this.#events.clear();
  }

  readonly #copiesOf = (piece: number): number => this.#intake.picker.availability(piece);

  #makeWebSeeds(): WebSeeds | undefined {
    const { webSeeds, layout } = this.#options;
    if (webSeeds === undefined || webSeeds.sources.length === 0 || this.complete) return undefined;
    const { clock, down } = this.#env;
    const made = new WebSeeds({
      ...webSeeds,
      layout,
      intake: this.#intake,
      clock,
      limiter: down,
      bufferBytes: this.#bufferBytes,
      peers: this.#peers,
      nextKey: () => this.#nextKey++,
      dropped: (url, reason) => this.#events.emit("webSeedDropped", url, reason),
    });
    // When whoever adds the torrent listens to it.
    clock.after(0, () => {
      if (this.#phase === "running") made.wake();
    });
    return made;
  }

  get #bufferBytes(): number {
    return Math.max(this.#options.bufferBytes ?? DEFAULT_BUFFER_BYTES, 2 * this.layout.pieceLength);
  }

  #makeIntake(): Intake {
    const { layout, pieceHashes, storage } = this.#options;
    const { clock, random, sha1, down, peerId } = this.#env;
    return new Intake({
      peerId,
      layout,
      pieceHashes,
      storage,
      missing: this.#progress.missing,
      clock,
      random,
      sha1,
      limiter: down,
      bufferBytes: this.#bufferBytes,
      peers: this.#peers,
      stored: (piece) => this.#stored(piece),
      corrupt: (piece) => this.#events.emit("corrupt", piece),
      guilty: (key, piece) => this.#ban(key, piece),
      failed: (error) => this.#fail(error),
    });
  }

  #tick(): void {
    const now = this.#env.clock.now();
    this.#timer = this.#env.clock.after(1000, () => this.#tick());
    this.#swarm.measure(now);
    this.#intake.tick(now);
    if (this.#phase === "running" && !this.complete) this.#webSeeds?.tick(now);
    this.#swarm.tick();
  }

  #stored(piece: PieceIndex): void {
    this.#progress.stored(piece);
    const isLast = this.complete && !this.#completed;
    // Nobody hears of the last one before all have been looked at: who sees that we have everything may leave.
    if (!isLast || this.#options.lastLook === undefined) this.#swarm.stored(piece);
    this.#events.emit("verified", piece);
    if (!isLast) return;
    if (this.#options.lastLook === undefined) this.#becameComplete();
    else void this.#lookAtLast(piece, this.#options.lastLook);
  }

  async #lookAtLast(piece: PieceIndex, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#phase === "closed") return;
    if (this.have.has(piece)) this.#swarm.stored(piece);
    if (this.complete) this.#becameComplete();
  }

  #becameComplete(): void {
    this.#completed = true;
    this.#swarm.becameComplete();
    this.#events.emit("complete");
  }

  #withdraw(piece: PieceIndex): void {
    // Who is complete only gives: a piece that its files have lost is not to be written into them.
    const again = this.#progress.mayDownload && this.#phase === "running";
    this.#progress.lost(piece, again);
    this.#swarm.lost(piece);
    if (again) this.#intake.lost(piece);
  }

  #unreadable(piece: PieceIndex, error: unknown): void {
    if (!this.have.has(piece)) return;
    this.#withdraw(piece);
    this.#events.emit("unreadable", piece, error instanceof Error ? error : new Error(String(error)));
  }

  #fail(error: Error): void {
    if (this.#phase === "closed") return;
    this.#phase = "failed";
    this.#webSeeds?.close();
    this.#events.emit("failed", error);
  }

  #ban(key: PeerKey, piece: PieceIndex): void {
    if (this.#webSeeds?.accuse(key, piece)) return;
    const address = this.#swarm.ban(key);
    if (address !== undefined) this.#events.emit("peerBanned", address, piece);
    this.#swarm.drop(key, new ProtocolError(`sent bad data for piece ${piece}`));
  }
}
