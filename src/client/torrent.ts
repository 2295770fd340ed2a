import type { PeerAddress, Transport } from "../platform/transport.ts";
import type { Millis, Timer } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type InfoHash, type PieceIndex, pieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { IncomingPeer } from "./accept.ts";
import { Admission } from "./admission.ts";
import { Choking } from "./choking.ts";
import { Connections } from "./connections.ts";
import type { PeerKey } from "./core/active-piece.ts";
import type { Candidate } from "./core/candidates.ts";
import { clientName, isBoojum } from "./core/client-name.ts";
import type { Prove } from "./core/proof.ts";
import { RateMeter } from "./core/rate.ts";
import { tagOf } from "./core/share-out.ts";
import { DontHave } from "./dont-have.ts";
import { Emitter } from "./emitter.ts";
import { type Extension, Extensions, type Introduction } from "./extensions.ts";
import { Gate } from "./gate.ts";
import { Intake } from "./intake.ts";
import { MetadataServer } from "./metadata-server.ts";
import { Offers } from "./offers.ts";
import { Peer, type PeerOwner } from "./peer.ts";
import { PeerExchange } from "./peer-exchange.ts";
import { Progress } from "./progress.ts";
import type { TorrentEnvironment } from "./torrent-environment.ts";
import type { PeerSource, PeerStats, TorrentEvents, TorrentOptions, TorrentStats } from "./torrent-types.ts";
import { REQUEST_QUEUE, Upload } from "./upload.ts";
import { WebSeeds } from "./web-seeds.ts";
import { Wire } from "./wire.ts";
import type { BlockRef, ExtendedHandshake, PeerIdentity } from "./wire-types.ts";

const DEFAULT_MAX_PEERS = 100;
/** Known addresses from which on those that other peers tell are not wanted. */
const MAX_FROM_STRANGERS = 1000;
const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;
/** Longer than the choker needs to give everybody who asks a turn or at least a look. */
const IDLE_BEFORE_LEAVING: Millis = 15_000;
/** How often `finish` looks. */
const FINISH_POLL: Millis = 20;

/**
 * Sole owner of one torrent's state: the peers, what they have and what we have, all on one loop. Its parts hold one
 * concern each: `Intake` the way in, `Upload` (one a peer) the way out, `Choking` whom to serve, `Connections`
 * whom to call, `Admission` who may stay, `Extensions` what else is said. Made by {@link Session.add}.
 */
export class Torrent implements PeerOwner {
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
  readonly #choking: Choking;
  readonly #connections: Connections;
  readonly #admission: Admission;
  readonly #extensions: Extensions;
  readonly #dontHave: DontHave;
  readonly #upRate: RateMeter;
  readonly #offers: Offers;
  /** Of a torrent with a token: the owner of peers that have not shown yet that they know it. */
  readonly #gate: Gate | undefined;
  #uploadedByPast = 0;
  #nextKey: PeerKey = 1;
  #timer: Timer | undefined;
  #phase: "running" | "failed" | "finishing" | "closed" = "running";

  /** @internal */
  constructor(options: TorrentOptions, env: TorrentEnvironment) {
    const { layout } = options;
    this.#options = options;
    this.#env = env;
    this.infoHash = options.infoHash;
    this.layout = layout;
    this.#progress = new Progress(options);
    this.#completed = this.complete;
    this.#upRate = new RateMeter(5_000, env.clock.now());
    this.#intake = this.#makeIntake();
    this.#webSeeds = this.#makeWebSeeds();
    this.#offers = new Offers({
      clock: env.clock,
      random: env.random,
      have: this.have,
      peers: this.#peers,
      isSending: () => this.#isSending(),
    });
    if (options.prove !== undefined) this.#gate = this.#makeGate(options.prove);
    this.#choking = new Choking({
      clock: env.clock,
      random: env.random,
      peers: this.#peers,
      slots: options.slots,
      // Who was shown a piece must get it soon, and there are few of them at a time.
      serveAll: () => this.#offers.areRationed,
      seeding: () => this.complete,
    });
    this.#connections = new Connections({
      dial: env.dial,
      clock: env.clock,
      budget: env.budget,
      maxPeers: options.maxPeers ?? DEFAULT_MAX_PEERS,
      secluded: !this.isOpen,
      connected: () => this.#peers.size,
      wantsMore: () => this.#phase === "running",
      dialled: (transport, candidate) => this.#connect(transport, candidate),
    });
    this.#admission = new Admission({
      peerId: env.peerId,
      peers: this.#peers,
      connections: this.#connections,
    });
    this.#dontHave = new DontHave({
      pieceCount: this.layout.pieceCount,
      peers: this.#peers,
      lost: (peer, piece) => this.#intake.onDontHave(peer, piece),
    });
    this.#extensions = new Extensions(this.#makeExtensions(), () => this.#introduction());
    this.#timer = env.clock.after(1000, () => this.#tick());
  }

  /** The verified pieces: live, not to be changed by others. */
  get have(): Bitfield {
    return this.#progress.have;
  }

  /** Anybody may hear of it: it isn't private or unlisted, and needs no token. */
  get isOpen(): boolean {
    const { private: isPrivate, unlisted = false, prove } = this.#options;
    return !isPrivate && !unlisted && prove === undefined;
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
    if (this.#phase !== "running") return;
    this.#connections.add(
      addresses.filter((address) => !this.#admission.isBanned(address.host)),
      source,
    );
  }

  /** There is nobody at `address` any more, or whoever is there is connected in another way: it isn't called again. */
  forgetPeer(address: PeerAddress): void {
    this.#connections.forget(address);
  }

  /** Pieces that were in the storage are not any more: they are no longer offered, and fetched again. */
  lose(pieces: Iterable<number>): void {
    for (const piece of pieces) if (this.have.has(piece)) this.#withdraw(pieceIndex(piece));
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

  stats(): TorrentStats {
    const now = this.#env.clock.now();
    const { bytesDone, bytesLeft } = this.#progress;
    const downRate = this.#intake.rate.rate(now);
    let uploaded = this.#uploadedByPast;
    let peers = 0;
    let seeders = 0;
    for (const peer of this.#peers.values()) {
      uploaded += peer.wire.payloadUp;
      if (!peer.joined) continue;
      peers++;
      if (peer.counted && peer.have.isComplete) seeders++;
    }
    return {
      bytesDone,
      bytesTotal: this.layout.totalLength,
      bytesLeft,
      uploaded,
      downloaded: this.#intake.rate.total,
      wasted: this.#intake.wasted,
      upRate: this.#upRate.rate(now),
      downRate,
      peers,
      seeders,
      webSeeds: this.#webSeeds?.active ?? 0,
      copies: this.#intake.picker.copies(this.have),
      etaSeconds: bytesLeft === 0 ? 0 : downRate > 0 ? bytesLeft / downRate : null,
    };
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
    const maxPeers = this.#options.maxPeers ?? DEFAULT_MAX_PEERS;
    const refused =
      this.#phase !== "running" ||
      (this.#peers.size >= maxPeers && !this.makeRoom()) ||
      this.#admission.isBanned(incoming.transport.remote.host);
    if (refused) {
      incoming.transport.destroy();
      this.#env.budget.release();
      return;
    }
    this.#start(incoming.transport, "incoming", incoming);
  }

  /**
   * Ends the connection that nothing has come or gone by for longest, so that those who only sit there can't keep out
   * a receiver.
   * @returns false when all are in use.
   * @internal
   */
  makeRoom(): boolean {
    const now = this.#env.clock.now();
    let idlest: Peer | undefined;
    for (const peer of this.#peers.values()) {
      if (now - peer.movedAt >= IDLE_BEFORE_LEAVING && peer.movedAt < (idlest?.movedAt ?? now)) idlest = peer;
    }
    idlest?.wire.close(new ProtocolError("idle, and another peer needs the place"));
    return idlest !== undefined;
  }

  /**
   * Stops downloading, connecting and taking requests; settles when the blocks that were asked for are sent, or after
   * `graceMs` milliseconds.
   */
  async finish(graceMs: number): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "finishing";
    this.#offers.stop();
    this.#webSeeds?.close();
    this.#intake.stop();
    const { clock } = this.#env;
    const deadline = clock.now() + graceMs;
    while (this.#isSending() && clock.now() < deadline) {
      await new Promise<void>((resolve) => clock.after(FINISH_POLL, resolve));
    }
  }

  /** Drops every peer; settles when no write is under way. Whoever opened the storage closes it after that. */
  async close(): Promise<void> {
    if (this.#phase !== "closed") {
      this.#phase = "closed";
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#connections.close();
      this.#offers.stop();
      this.#webSeeds?.close();
      this.#intake.stop();
      for (const peer of [...this.#peers.values()]) peer.wire.close();
    }
    await this.#intake.settled();
    this.#events.clear();
  }

  /** @internal */
  onHandshake(peer: Peer, identity: PeerIdentity): void {
    const refusal = this.#admission.refusal(peer, identity);
    if (refusal !== undefined) {
      peer.wire.close(refusal);
      return;
    }
    this.#welcome(peer, identity);
    this.#extensions.introduce(peer);
  }

  /** From here on `peer` is one of the swarm. */
  #welcome(peer: Peer, identity: PeerIdentity): void {
    peer.client = clientName(identity.peerId);
    if (!isBoojum(identity.peerId)) peer.pipeline.allowForTurns();
    peer.tag = tagOf(identity.peerId);
    peer.joined = true;
    this.#offers.greet(peer);
    this.#events.emit("peerJoined", peer.stats(this.#env.clock.now()));
  }

  /** @internal */
  onExtendedHandshake(peer: Peer, handshake: ExtendedHandshake): void {
    if (handshake.client !== undefined) peer.client = handshake.client;
    if (handshake.requestQueue !== undefined) peer.pipeline.setLimit(handshake.requestQueue);
    if (handshake.listenPort !== undefined && peer.source === "incoming") {
      peer.listenAddress = { host: peer.address.host, port: handshake.listenPort };
    }
    peer.uploadOnly = handshake.uploadOnly;
    this.#extensions.onHandshake(peer, handshake);
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onPieces(peer: Peer, pieces: Bitfield): void {
    this.#intake.onPieces(peer, pieces);
    this.#offers.onPieces(peer, pieces);
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onHave(peer: Peer, piece: PieceIndex): void {
    const before = peer.have.isComplete;
    this.#intake.onHave(peer, piece);
    this.#offers.onHave(peer, piece);
    if (before || !peer.have.isComplete) return;
    this.#events.emit("peerCompleted", peer.stats(this.#env.clock.now()));
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onChoke(peer: Peer): void {
    this.#intake.onChoke(peer);
  }

  /** @internal */
  onUnchoke(peer: Peer): void {
    this.#intake.onUnchoke(peer);
  }

  /** @internal */
  onInterest(_peer: Peer): void {
    this.#choking.changed();
  }

  /** @internal */
  onRequest(peer: Peer, block: BlockRef): void {
    if (this.#phase === "running" && this.have.has(block.piece)) {
      peer.upload.request(block);
      this.#offers.onRequest(peer, block.piece);
    } else peer.wire.sendReject(block);
  }

  /** @internal */
  onReject(peer: Peer, block: BlockRef): void {
    this.#intake.onReject(peer, block.piece, block.begin);
  }

  /** @internal */
  onAllowedFast(peer: Peer): void {
    this.#intake.onAllowedFast(peer);
  }

  /** @internal */
  onBlock(peer: Peer, piece: PieceIndex, begin: number, data: Uint8Array): void {
    this.#intake.onBlock(peer, piece, begin, data);
  }

  /** @internal */
  onExtended(peer: Peer, id: number, payload: Uint8Array): void {
    this.#extensions.onMessage(peer, id, payload);
  }

  /** @internal */
  onClose(peer: Peer, reason: Error | undefined): void {
    this.#peers.delete(peer.key);
    this.#env.budget.release();
    this.#uploadedByPast += peer.wire.payloadUp;
    this.#intake.gone(peer);
    this.#offers.gone(peer);
    this.#choking.changed();
    this.#extensions.gone(peer);
    // Whoever has everything, as we do, has no use for us any more.
    const again = this.#phase === "running" && !(this.complete && peer.takesNothing);
    this.#admission.gone(peer, reason, again);
    if (peer.joined) this.#events.emit("peerLeft", peer.stats(this.#env.clock.now()), reason);
  }

  #makeGate(prove: Prove): Gate {
    return new Gate({
      prove,
      peerId: this.#env.peerId,
      clock: this.#env.clock,
      refusal: (peer, identity) => this.#admission.refusal(peer, identity),
      introduce: (peer, proof) => this.#extensions.introduce(peer, proof),
      admit: (peer, identity) => {
        peer.owner = this;
        this.#welcome(peer, identity);
      },
      gone: (peer, reason) => this.onClose(peer, reason),
    });
  }

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
    for (const peer of this.#peers.values()) {
      const sent = peer.wire.payloadUp - peer.up.total;
      peer.up.add(sent, now);
      this.#upRate.add(sent, now);
      const moved = peer.wire.payloadUp + peer.down.total;
      if (moved > peer.movedBytes) peer.movedAt = now;
      peer.movedBytes = moved;
    }
    this.#intake.tick(now);
    if (this.#phase === "running" && !this.complete) this.#webSeeds?.tick(now);
    this.#offers.tick();
    this.#extensions.tick();
    this.#choking.tick();
    this.#connections.tick();
  }

  #connect(transport: Transport, candidate: Candidate<PeerSource>): void {
    const peer = this.#start(transport, candidate.source, undefined, candidate);
    peer.listenAddress = candidate.address;
  }

  #start(
    transport: Transport,
    source: PeerSource,
    incoming: IncomingPeer | undefined,
    candidate?: Candidate<PeerSource>,
  ): Peer {
    const { clock, peerId, up, runBuffers } = this.#env;
    const wire = new Wire({
      transport,
      infoHash: this.infoHash,
      peerId,
      layout: this.layout,
      clock,
      ...(incoming && { incoming }),
    });
    const upload = new Upload({
      wire,
      storage: this.#options.storage,
      clock,
      buffers: runBuffers,
      limiter: up,
      onReadError: (piece, error) => this.#unreadable(piece, error),
    });
    const peer = new Peer({
      key: this.#nextKey++,
      owner: this.#gate ?? this,
      wire,
      upload,
      source,
      pieceCount: this.layout.pieceCount,
      now: clock.now(),
    });
    this.#peers.set(peer.key, peer);
    if (candidate !== undefined) this.#admission.dialled(peer.key, candidate);
    wire.start(peer);
    return peer;
  }

  /** Whatever peers say to each other besides BEP 3 and 6 is registered here. */
  #makeExtensions(): Extension[] {
    const { metadata } = this.#options;
    const list: Extension[] = [];
    if (metadata !== undefined && !this.#options.private) list.push(new MetadataServer(metadata));
    list.push(this.#dontHave);
    if (this.isOpen) {
      const { clock } = this.#env;
      const learned = (addresses: readonly PeerAddress[]) => {
        // Strangers' word: it may not crowd out what trackers and the user say.
        if (this.#connections.candidates.size < MAX_FROM_STRANGERS) this.addPeers(addresses, "pex");
      };
      list.push(new PeerExchange({ clock, peers: this.#peers, learned }));
    }
    return list;
  }

  #introduction(): Introduction {
    const { client, listenPort } = this.#env;
    const { metadata } = this.#options;
    return {
      client,
      ...(listenPort !== undefined && { listenPort }),
      requestQueue: REQUEST_QUEUE,
      // libtorrent leaves who only uploads and, while pieces are shown one by one, seems to have none that it misses.
      uploadOnly: this.complete && !this.#offers.areRationed,
      ...(metadata !== undefined && !this.#options.private && { metadataSize: metadata.length }),
    };
  }

  /** Two peers that both take nothing have nothing to say to each other (BEP 21). */
  #dropIfPointless(peer: Peer): void {
    if (this.complete && peer.takesNothing && peer.joined && this.#phase === "running") peer.wire.close();
  }

  #stored(piece: PieceIndex): void {
    this.#progress.stored(piece);
    this.#offers.stored(piece);
    this.#events.emit("verified", piece);
    if (!this.complete || this.#completed) return;
    this.#completed = true;
    for (const peer of [...this.#peers.values()]) {
      if (!peer.joined) continue;
      this.#extensions.introduce(peer);
      this.#dropIfPointless(peer);
    }
    this.#events.emit("complete");
  }

  #withdraw(piece: PieceIndex): void {
    // Who began complete only gives: a piece that its files have lost is not to be written into them.
    const again = this.#progress.mayDownload && this.#phase === "running";
    this.#progress.lost(piece, again);
    this.#dontHave.tell(piece);
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
    const address = this.#admission.ban(key);
    if (address !== undefined) this.#events.emit("peerBanned", address, piece);
    this.#peers.get(key)?.wire.close(new ProtocolError(`sent bad data for piece ${piece}`));
  }

  #isSending(): boolean {
    for (const { upload, wire } of this.#peers.values()) {
      if (upload.queued > 0 || wire.transport.bufferedBytes > 0) return true;
    }
    return false;
  }
}
