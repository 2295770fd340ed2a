import type { PeerAddress, Transport } from "../../platform/transport.ts";
import type { Millis, Timer } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import { Connections } from "../connections.ts";
import type { Candidate } from "../core/candidates.ts";
import { MetadataAssembly } from "../core/metadata-assembly.ts";
import { UT_METADATA } from "../core/metadata-messages.ts";
import type { IncomingPeer } from "../peers/accept.ts";
import { OwnConnectionError, PeerTimeoutError } from "../peers/peer-errors.ts";
import { REQUEST_QUEUE } from "../peers/upload.ts";
import { Wire } from "../peers/wire.ts";
import type { TorrentEnvironment } from "../torrent-environment.ts";
import type { PeerSource } from "../torrent-types.ts";
import { METADATA_ID, MetadataPeer, type MetadataPeerOwner } from "./metadata-peer.ts";

const MAX_PEERS = 30;
/** Parts asked of one peer at a time. */
const DEPTH = 4;
const PART_TIMEOUT: Millis = 10_000;
/** A peer that rejects may not have all of it yet. */
const REST: Millis = 3_000;
const MAX_FAILURES = 5;
/** Addresses that are handed on to the torrent. */
const MAX_KNOWN = 1000;
/** A peer that hasn't said in so long that it has the metadata makes way for another. */
const PATIENCE: Millis = 60_000;
/** Nothing is checked against it: only messages of extensions are read. */
const NO_LAYOUT = new PieceLayout([1], 16_384);

/**
 * Asks the swarm of an info hash for its info dictionary (BEP 9), part by part from several peers. Made by
 * {@link Session.fetchMetadata}; takes the torrent's place there until it's closed.
 */
export class MetadataFetch implements MetadataPeerOwner {
  readonly infoHash: InfoHash;
  /** The dictionary, byte for byte. Pending while nobody has it, also after `close`. */
  readonly metadata: Promise<Uint8Array>;
  readonly #env: TorrentEnvironment;
  readonly #assembly: MetadataAssembly;
  readonly #connections: Connections;
  readonly #peers = new Map<number, MetadataPeer>();
  readonly #dialled = new Map<number, Candidate<PeerSource>>();
  /** Whoever of these comes again is not asked. */
  readonly #liars = new Set<string>();
  /** By address, so that the torrent knows them at once. */
  readonly #known: { readonly address: PeerAddress; readonly source: PeerSource }[] = [];
  #found: (metadata: Uint8Array) => void = () => {};
  #nextKey = 1;
  #timer: Timer | undefined;
  #closed = false;

  /** @internal */
  constructor(infoHash: InfoHash, env: TorrentEnvironment) {
    this.infoHash = infoHash;
    this.#env = env;
    this.metadata = new Promise((resolve) => {
      this.#found = resolve;
    });
    this.#assembly = new MetadataAssembly((bytes) => bytesEqual(env.sha1(bytes), infoHash));
    this.#connections = new Connections({
      dial: env.dial,
      obfuscation: env.obfuscation,
      infoHash,
      clock: env.clock,
      budget: env.budget,
      maxPeers: MAX_PEERS,
      // Whether it's private is not known before the metadata.
      secluded: false,
      connected: () => this.#peers.size,
      wantsMore: () => !this.#closed,
      dialled: (transport, candidate) => this.#start(transport, undefined, candidate),
    });
    this.#timer = env.clock.after(1000, () => this.#tick());
  }

  /** Bytes here and bytes in all, as far as anybody says. */
  get progress(): { readonly bytesDone: number; readonly bytesTotal: number } {
    return this.#assembly.progress;
  }

  /** Connected peers. */
  get peers(): number {
    return this.#peers.size;
  }

  /** The addresses that were added, to be told to the torrent. */
  get known(): readonly { readonly address: PeerAddress; readonly source: PeerSource }[] {
    return this.#known;
  }

  addPeers(addresses: readonly PeerAddress[], source: PeerSource): void {
    if (this.#closed) return;
    const news = addresses.filter((address) => this.#connections.candidates.get(address) === undefined);
    this.#known.push(
      ...news.slice(0, MAX_KNOWN - this.#known.length).map((address) => ({ address, source })),
    );
    this.#connections.add(news, source);
  }

  /** @internal */
  accept(incoming: IncomingPeer): void {
    if (this.#closed || this.#peers.size >= MAX_PEERS) {
      incoming.transport.destroy();
      this.#env.budget.release();
      return;
    }
    this.#start(incoming.transport, incoming, undefined);
  }

  /** Drops every peer and asks nobody any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#connections.close();
    for (const peer of [...this.#peers.values()]) peer.wire.close();
  }

  /** @internal */
  introduce(peer: MetadataPeer): void {
    const { client, listenPort } = this.#env;
    peer.wire.sendExtendedHandshake({
      client,
      ...(listenPort !== undefined && { listenPort }),
      requestQueue: REQUEST_QUEUE,
      uploadOnly: false,
      extensions: new Map([[UT_METADATA, METADATA_ID]]),
    });
  }

  /** @internal */
  onIntroduced(peer: MetadataPeer, size: number): void {
    if (this.#liars.has(peer.wire.transport.remote.host) && !isLoopback(peer)) {
      peer.wire.close(new ProtocolError("the peer sent wrong metadata before"));
    } else if (this.#assembly.join(peer.key, size)) {
      peer.isReady = true;
      this.#askAll();
    } else peer.wire.close(new ProtocolError(`the peer claims ${size} bytes of metadata`));
  }

  /** @internal */
  onPart(peer: MetadataPeer, part: number, bytes: Uint8Array): void {
    const received = this.#assembly.receive(peer.key, part, bytes);
    switch (received.kind) {
      case "complete":
        this.#found(received.metadata);
        this.close();
        return;
      case "unwanted":
        peer.wire.close(new ProtocolError(`the peer sent a wrong part ${part} of the metadata`));
        return;
      case "wrong":
        for (const liar of received.liars) this.#blame(liar);
        return this.#askAll();
      case "more":
        return this.#ask(peer);
      default:
        return received satisfies never;
    }
  }

  /** @internal */
  onRejected(peer: MetadataPeer, part: number): void {
    this.#failed(peer, part);
  }

  /** @internal */
  gone(peer: MetadataPeer, reason: Error | undefined): void {
    this.#peers.delete(peer.key);
    this.#env.budget.release();
    this.#assembly.leave(peer.key);
    const candidate = this.#dialled.get(peer.key);
    this.#dialled.delete(peer.key);
    if (this.#closed) return;
    if (candidate !== undefined) {
      if (reason instanceof OwnConnectionError) this.#connections.exclude(candidate.address);
      this.#connections.lost(candidate, peer.wire.identity !== undefined);
    }
    this.#askAll();
  }

  #start(
    transport: Transport,
    incoming: IncomingPeer | undefined,
    candidate: Candidate<PeerSource> | undefined,
  ): void {
    const { clock, peerId } = this.#env;
    const wire = new Wire({
      transport,
      infoHash: this.infoHash,
      peerId,
      layout: NO_LAYOUT,
      extensionsOnly: true,
      clock,
      ...(incoming !== undefined && { incoming }),
    });
    const peer = new MetadataPeer(this.#nextKey++, this, wire, clock.now());
    this.#peers.set(peer.key, peer);
    if (candidate !== undefined) this.#dialled.set(peer.key, candidate);
    wire.start(peer);
  }

  #tick(): void {
    const now = this.#env.clock.now();
    this.#timer = this.#env.clock.after(1000, () => this.#tick());
    for (const peer of [...this.#peers.values()]) {
      if (!peer.isReady && now - peer.since > PATIENCE) {
        peer.wire.close(new PeerTimeoutError("the peer doesn't have the metadata"));
        continue;
      }
      for (const [part, askedAt] of peer.requests) {
        if (now - askedAt <= PART_TIMEOUT) continue;
        peer.requests.delete(part);
        this.#failed(peer, part);
      }
    }
    this.#askAll();
    this.#connections.tick();
  }

  #failed(peer: MetadataPeer, part: number): void {
    this.#assembly.release(peer.key, part);
    peer.restUntil = this.#env.clock.now() + REST;
    if (++peer.failures >= MAX_FAILURES)
      peer.wire.close(new ProtocolError("the peer doesn't give the metadata"));
  }

  #askAll(): void {
    for (const peer of this.#peers.values()) this.#ask(peer);
  }

  #ask(peer: MetadataPeer): void {
    const now = this.#env.clock.now();
    while (peer.isReady && !peer.wire.isClosed && peer.requests.size < DEPTH && now >= peer.restUntil) {
      const part = this.#assembly.next(peer.key);
      if (part === undefined) return;
      peer.ask(part, now);
    }
  }

  #blame(key: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#liars.add(peer.wire.transport.remote.host);
    const candidate = this.#dialled.get(key);
    if (candidate !== undefined) this.#connections.exclude(candidate.address);
    peer.wire.close(new ProtocolError("the peer sent wrong metadata"));
  }
}

/** Many may share a loopback address. */
function isLoopback({ wire }: MetadataPeer): boolean {
  const { host } = wire.transport.remote;
  return host.startsWith("127.") || host === "::1";
}
