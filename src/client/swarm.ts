import type { PeerAddress, Transport } from "../platform/transport.ts";
import type { Millis } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import { Admission } from "./admission.ts";
import { Choking } from "./choking.ts";
import { Connections } from "./connections.ts";
import type { PeerKey } from "./core/active-piece.ts";
import type { Candidate } from "./core/candidates.ts";
import { clientName, isBoojum } from "./core/client-name.ts";
import type { Prove } from "./core/proof.ts";
import { RateMeter } from "./core/rate.ts";
import { tagOf } from "./core/share-out.ts";
import type { Intake } from "./intake.ts";
import { Offers } from "./offers.ts";
import { OwnAddresses } from "./own-addresses.ts";
import type { IncomingPeer } from "./peers/accept.ts";
import { DontHave } from "./peers/dont-have.ts";
import { Extensions } from "./peers/extensions.ts";
import { Gate } from "./peers/gate.ts";
import { makePeer } from "./peers/make-peer.ts";
import { introduction, ownExtensions } from "./peers/own-extensions.ts";
import type { Peer, PeerOwner } from "./peers/peer.ts";
import type { BlockRef, ExtendedHandshake, PeerIdentity } from "./peers/wire-types.ts";
import type { Progress } from "./progress.ts";
import type { TorrentEnvironment } from "./torrent-environment.ts";
import { isOpen, type PeerSource, type PeerStats, type TorrentOptions } from "./torrent-types.ts";

/** Known addresses from which on those that other peers tell are not wanted. */
const MAX_FROM_STRANGERS = 1000;

export interface SwarmOptions {
  readonly torrent: TorrentOptions;
  readonly env: TorrentEnvironment;
  /** The connected peers: live, changed only here. */
  readonly peers: Map<PeerKey, Peer>;
  readonly progress: Progress;
  readonly intake: Intake;
  nextKey(): PeerKey;
  isRunning(): boolean;
  joined(peer: PeerStats): void;
  completed(peer: PeerStats): void;
  left(peer: PeerStats, reason: Error | undefined): void;
  /** A piece can't be read that somebody asked for. */
  unreadable(piece: PieceIndex, error: unknown): void;
}

/**
 * The peers of one torrent: calls and takes them in, says who may stay, what they are told and whom to serve. What they
 * send goes to `intake` without passing here.
 */
export class Swarm implements PeerOwner {
  readonly #options: SwarmOptions;
  readonly #peers: Map<PeerKey, Peer>;
  readonly #progress: Progress;
  readonly #connections: Connections;
  readonly #admission: Admission;
  readonly #own: OwnAddresses;
  readonly #dontHave: DontHave;
  readonly #upRate: RateMeter;
  readonly #offers: Offers;
  readonly blocks: Intake;
  readonly choking: Choking;
  readonly extensions: Extensions;
  /** Of a torrent with a token: the owner of peers that have not shown yet that they know it. */
  readonly #gate: Gate | undefined;
  #uploadedByPast = 0;

  constructor(options: SwarmOptions) {
    const { torrent, env, peers, progress, intake } = options;
    const { clock, random } = env;
    this.#options = options;
    this.#peers = peers;
    this.#progress = progress;
    this.blocks = intake;
    this.#upRate = new RateMeter(5_000, clock.now());
    this.#offers = new Offers({
      clock,
      random,
      pieceLength: torrent.layout.pieceLength,
      have: progress.have,
      peers,
      isSending: () => this.isSending,
      takeBack: (peer, piece) => this.#dontHave.tellOne(peer, piece),
    });
    if (torrent.prove !== undefined) this.#gate = this.#makeGate(torrent.prove);
    this.choking = new Choking({
      clock,
      random,
      peers,
      slots: torrent.slots,
      // Who was shown a piece must get it soon, and there are few of them at a time.
      serveAll: () => this.#offers.areRationed,
      seeding: () => progress.complete,
    });
    this.#connections = new Connections({
      dial: env.dial,
      obfuscation: env.obfuscation,
      infoHash: torrent.infoHash,
      clock,
      budget: env.budget,
      maxPeers: this.#maxPeers,
      secluded: !isOpen(torrent),
      connected: () => peers.size,
      wantsMore: options.isRunning,
      dialled: (transport, candidate) => this.#connect(transport, candidate),
    });
    this.#own = new OwnAddresses(env.listenPort ?? 0);
    this.#admission = new Admission({
      peerId: env.peerId,
      peers,
      clock,
      maxPeers: this.#maxPeers,
      rank: (peer) => this.#own.rank(peer.listenAddress ?? peer.address) ?? 0,
      connections: this.#connections,
    });
    this.#dontHave = new DontHave({
      pieceCount: torrent.layout.pieceCount,
      peers,
      lost: (peer, piece) => intake.onDontHave(peer, piece),
    });
    this.extensions = this.#makeExtensions();
  }

  /** Learns of peers; connects to them when it can use more. Known, banned and own addresses are skipped. */
  add(addresses: readonly PeerAddress[], source: PeerSource): void {
    if (!this.#options.isRunning()) return;
    this.#connections.add(
      addresses.filter((address) => !this.#admission.isBanned(address.host)),
      source,
    );
  }

  /** Nobody is at `address` any more, or whoever is there is connected in another way: it isn't called again. */
  forget(address: PeerAddress): void {
    this.#connections.forget(address);
  }

  /** Blocks sent in this run, in bytes. */
  get uploaded(): number {
    let uploaded = this.#uploadedByPast;
    for (const { wire } of this.#peers.values()) uploaded += wire.payloadUp;
    return uploaded;
  }

  /** Bytes of blocks a second. */
  get upRate(): number {
    return this.#upRate.rate(this.#options.env.clock.now());
  }

  /** Something waits to be sent to a peer. */
  get isSending(): boolean {
    for (const { upload, wire } of this.#peers.values()) {
      if (upload.queued > 0 || wire.transport.bufferedBytes > 0) return true;
    }
    return false;
  }

  /** Takes over a peer that asked for this torrent, its place in the connection budget included. */
  accept(incoming: IncomingPeer): void {
    const { host } = incoming.transport.remote;
    const refused =
      !this.#options.isRunning() || !this.#admission.hasPlaceFor(host) || this.#admission.isBanned(host);
    if (refused) {
      incoming.transport.destroy();
      this.#options.env.budget.release();
      return;
    }
    this.#start(incoming.transport, "incoming", incoming);
  }

  /** As {@link Torrent.makeRoom}. */
  makeRoom(host: string): boolean {
    return this.#admission.makeRoom(host);
  }

  /** Measures what went by. Once a second, before {@link tick}. */
  measure(now: Millis): void {
    for (const peer of this.#peers.values()) this.#upRate.add(peer.measure(now), now);
  }

  /** Once a second. */
  tick(): void {
    this.#offers.tick();
    this.extensions.tick();
    this.choking.tick();
    this.#connections.tick();
  }

  /** We have another piece. */
  stored(piece: PieceIndex): void {
    this.#offers.stored(piece);
  }

  /** We have a piece no more. */
  lost(piece: PieceIndex): void {
    this.#offers.lost();
    this.#dontHave.tell(piece);
  }

  /** We have everything now. */
  becameComplete(): void {
    for (const peer of [...this.#peers.values()]) {
      if (!peer.joined) continue;
      this.extensions.introduce(peer);
      this.#dropIfPointless(peer);
    }
  }

  /**
   * The peer of that key is proven to have sent bad data: it isn't admitted or called again.
   * @returns its address; undefined when it's banned already, or forgotten.
   */
  ban(key: PeerKey): PeerAddress | undefined {
    return this.#admission.ban(key);
  }

  /** Ends the connection of that key, if there is one still. */
  drop(key: PeerKey, reason: Error): void {
    this.#peers.get(key)?.wire.close(reason);
  }

  /** Shows nothing more of what we have. */
  stop(): void {
    this.#offers.stop();
  }

  /** Drops every peer. */
  close(): void {
    this.#connections.close();
    this.#offers.stop();
    for (const peer of [...this.#peers.values()]) peer.wire.close();
  }

  /** @internal */
  onHandshake(peer: Peer, identity: PeerIdentity): void {
    const refusal = this.#admission.refusal(peer, identity);
    if (refusal !== undefined) {
      peer.wire.close(refusal);
      return;
    }
    this.#welcome(peer, identity);
    this.extensions.introduce(peer);
  }

  /** @internal */
  onExtendedHandshake(peer: Peer, handshake: ExtendedHandshake): void {
    if (handshake.client !== undefined) peer.client = handshake.client;
    if (handshake.requestQueue !== undefined) peer.pipeline.setLimit(handshake.requestQueue);
    if (handshake.listenPort !== undefined && peer.source === "incoming") {
      peer.listenAddress = { host: peer.address.host, port: handshake.listenPort };
    }
    peer.uploadOnly = handshake.uploadOnly;
    this.extensions.onHandshake(peer, handshake);
    this.#offers.onExtensions(peer);
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onPieces(peer: Peer, pieces: Bitfield): void {
    this.blocks.onPieces(peer, pieces);
    this.#offers.onPieces(peer, pieces);
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onHave(peer: Peer, piece: PieceIndex): void {
    const before = peer.have.isComplete;
    this.blocks.onHave(peer, piece);
    this.#offers.onHave(peer, piece);
    if (before || !peer.have.isComplete) return;
    this.#options.completed(this.#statsOf(peer));
    this.#dropIfPointless(peer);
  }

  /** @internal */
  onRequest(peer: Peer, block: BlockRef): void {
    if (this.#options.isRunning() && this.#progress.have.has(block.piece)) {
      peer.upload.request(block);
      this.#offers.onRequest(peer, block.piece);
    } else peer.wire.sendReject(block);
  }

  /** @internal */
  onClose(peer: Peer, reason: Error | undefined): void {
    this.#peers.delete(peer.key);
    this.#options.env.budget.release();
    this.#uploadedByPast += peer.wire.payloadUp;
    this.blocks.gone(peer);
    this.#offers.gone(peer);
    this.choking.changed();
    this.extensions.gone(peer);
    // Whoever has everything, as we do, has no use for us any more.
    const again = this.#options.isRunning() && !(this.#progress.complete && peer.takesNothing);
    this.#admission.gone(peer, reason, again);
    if (peer.joined) this.#options.left(this.#statsOf(peer), reason);
  }

  get #maxPeers(): number {
    return this.#options.torrent.maxPeers ?? this.#options.env.maxPeers;
  }

  #statsOf(peer: Peer): PeerStats {
    return peer.stats(this.#options.env.clock.now());
  }

  #makeGate(prove: Prove): Gate {
    const { peerId, clock } = this.#options.env;
    return new Gate({
      prove,
      peerId,
      clock,
      refusal: (peer, identity) => this.#admission.refusal(peer, identity),
      introduce: (peer, proof) => this.extensions.introduce(peer, proof),
      admit: (peer, identity) => {
        peer.owner = this;
        this.#welcome(peer, identity);
      },
      gone: (peer, reason) => this.onClose(peer, reason),
    });
  }

  #makeExtensions(): Extensions {
    const { torrent, env } = this.#options;
    const learned = (addresses: readonly PeerAddress[]) => {
      // Strangers' word: it may not crowd out what trackers and the user say.
      if (this.#connections.candidates.size < MAX_FROM_STRANGERS) this.add(addresses, "pex");
    };
    const list = ownExtensions({ torrent, peers: this.#peers, env, learned });
    // libtorrent leaves who only uploads and, while pieces are shown one by one, seems to have none that it misses.
    const uploadsOnly = () => this.#progress.complete && !this.#offers.areRationed;
    return new Extensions([...list, this.#dontHave], () => introduction(torrent, env, uploadsOnly()));
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
    const { torrent, env, unreadable } = this.#options;
    if (this.#own.learn(transport)) this.#connections.candidates.rankBy((address) => this.#own.rank(address));
    const peer = makePeer({
      key: this.#options.nextKey(),
      owner: this.#gate ?? this,
      transport,
      source,
      incoming,
      torrent,
      env,
      unreadable,
    });
    this.#peers.set(peer.key, peer);
    if (candidate !== undefined) this.#admission.dialled(peer.key, candidate);
    peer.wire.start(peer);
    return peer;
  }

  /** From here on `peer` is one of the swarm. */
  #welcome(peer: Peer, identity: PeerIdentity): void {
    peer.client = clientName(identity.peerId);
    if (!isBoojum(identity.peerId)) peer.pipeline.allowForTurns();
    peer.tag = tagOf(identity.peerId);
    peer.joined = true;
    this.#offers.greet(peer);
    this.#options.joined(this.#statsOf(peer));
  }

  /** Two peers that both take nothing have nothing to say to each other (BEP 21). */
  #dropIfPointless(peer: Peer): void {
    if (this.#progress.complete && peer.takesNothing && peer.joined && this.#options.isRunning()) {
      peer.wire.close();
    }
  }
}
