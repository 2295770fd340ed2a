import type { Dial, Transport } from "../platform/transport.ts";
import type { Clock, Random } from "../protocol/ambient.ts";
import { bytesEqual, toLatin1 } from "../protocol/bytes.ts";
import { BoojumError } from "../protocol/errors.ts";
import { type InfoHash, type PeerId, peerId } from "../protocol/ids.ts";
import { networkOf } from "../protocol/ip-address.ts";
import { ConnectionBudget } from "./connections.ts";
import { type PlaceHolder, whoMakesWay } from "./core/places.ts";
import { Limiter } from "./limiter.ts";
import { MetadataFetch } from "./metadata/metadata-fetch.ts";
import { acceptHandshake, type IncomingPeer } from "./peers/accept.ts";
import { type Encryption, Obfuscation } from "./peers/obfuscation.ts";
import { RunBuffers } from "./peers/run-buffers.ts";
import type { RateLimiter } from "./peers/upload.ts";
import { Torrent } from "./torrent.ts";
import type { OwnNode, TorrentEnvironment } from "./torrent-environment.ts";
import type { TorrentOptions } from "./torrent-types.ts";

export interface SessionOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  /** SHA-1 at once: `(bytes) => createHash("sha1").update(bytes).digest()`. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** The TCP port that others reach us on, told to peers; undefined when nothing listens. */
  readonly listenPort?: number;
  /** What we say we are, e.g. "Boojum 0.1.0". */
  readonly client: string;
  /** Bytes a second over all torrents and peers; none by default. */
  readonly limitUp?: number;
  readonly limitDown?: number;
  /** Connections of all torrents together; 200 by default. */
  readonly maxConnections?: number;
  /** Of one torrent that doesn't say; 100 by default. */
  readonly maxPeers?: number;
  /** Blocks that one peer is asked for at a time, and may ask us for as we say; by default what the link needs, and 4,000. */
  readonly requestQueue?: number;
  /** Of peer connections (MSE); `prefer` by default. */
  readonly encryption?: Encryption;
  /** Told to peers of open torrents, who tell theirs; none by default. */
  readonly ownNode?: OwnNode;
}

const DEFAULT_MAX_CONNECTIONS = 200;
const DEFAULT_MAX_PEERS = 100;
/** An incoming connection that hasn't said yet what it wants. */
interface Unrouted extends PlaceHolder {
  /** Closes it, and gives its place back. */
  dismiss(): void;
}

/** Of one network; a peer that wants something says what in its first packet. */
const MAX_UNROUTED_OF_ONE = 20;

/** Many torrents behind one port. */
export class Session {
  /** `-BJ0100-` and 12 random bytes (BEP 20). */
  readonly peerId: PeerId;
  readonly #env: TorrentEnvironment;
  readonly #torrents = new Map<string, Torrent>();
  readonly #fetches = new Map<string, MetadataFetch>();
  readonly #unrouted = new Set<Unrouted>();
  #closed = false;

  constructor(options: SessionOptions) {
    const { clock, random } = options;
    this.peerId = makePeerId(random);
    const runBuffers = new RunBuffers();
    const { sha1, encryption = "prefer" } = options;
    this.#env = {
      peerId: this.peerId,
      client: options.client,
      listenPort: options.listenPort,
      dial: options.dial,
      clock,
      random,
      sha1,
      up: new Limiter(options.limitUp ?? Number.POSITIVE_INFINITY, clock),
      down: new Limiter(options.limitDown ?? Number.POSITIVE_INFINITY, clock),
      budget: new ConnectionBudget(options.maxConnections ?? DEFAULT_MAX_CONNECTIONS),
      obfuscation: new Obfuscation({ encryption, random, sha1, buffers: runBuffers }),
      runBuffers,
      maxPeers: options.maxPeers ?? DEFAULT_MAX_PEERS,
      requestQueue: options.requestQueue,
      ownNode: options.ownNode,
    };
  }

  /** Connections that are open or being made, over all torrents. */
  get connections(): number {
    return this.#env.budget.used;
  }

  /** @throws {BoojumError} `duplicate` when this info hash is here already. */
  add(options: TorrentOptions): Torrent {
    const key = toLatin1(options.infoHash);
    if (this.#torrents.has(key)) throw new BoojumError("duplicate", "This torrent is being shared already.");
    this.#fetches.get(key)?.close();
    this.#fetches.delete(key);
    const torrent = new Torrent(options, this.#env);
    this.#torrents.set(key, torrent);
    this.#env.obfuscation.add(options.infoHash);
    return torrent;
  }

  /** Asks peers for the info dictionary of a torrent that isn't here; ends when that is added. */
  fetchMetadata(infoHash: InfoHash): MetadataFetch {
    const fetch = new MetadataFetch(infoHash, this.#env);
    const key = toLatin1(infoHash);
    this.#fetches.get(key)?.close();
    this.#fetches.set(key, fetch);
    this.#env.obfuscation.add(infoHash);
    return fetch;
  }

  get(infoHash: InfoHash): Torrent | undefined {
    return this.#torrents.get(toLatin1(infoHash));
  }

  /** Closes one torrent and forgets it. */
  async remove(torrent: Torrent): Promise<void> {
    this.#torrents.delete(toLatin1(torrent.infoHash));
    this.#env.obfuscation.delete(torrent.infoHash);
    await torrent.close();
  }

  /**
   * A peer connected to our port: reads its handshake and hands it to the torrent it asks for, or closes it.
   * @param isObfuscated it didn't begin with a plain handshake
   */
  accept(transport: Transport, isObfuscated = false): void {
    const { obfuscation } = this.#env;
    const { host } = transport.remote;
    const isWelcome = isObfuscated ? obfuscation.allowsObfuscated : obfuscation.allowsPlain;
    if (!isWelcome || this.#closed || this.#saysNothingOften(host) || !this.#takePlace(host)) {
      transport.destroy();
      return;
    }
    const unrouted: Unrouted = { host, movedAt: this.#env.clock.now(), dismiss: () => transport.destroy() };
    this.#unrouted.add(unrouted);
    const spoken = isObfuscated ? obfuscation.accepted(transport) : undefined;
    unrouted.dismiss = acceptHandshake({
      transport: spoken ?? transport,
      clock: this.#env.clock,
      accepted: (incoming) => {
        this.#unrouted.delete(unrouted);
        this.#route(incoming, spoken?.infoHash);
      },
      refused: () => {
        this.#unrouted.delete(unrouted);
        this.#env.budget.release();
      },
    });
  }

  /** What all uploads share: whatever else leaves this machine for receivers asks it too. */
  get uploadLimiter(): RateLimiter {
    return this.#env.up;
  }

  /** Bytes a second over all torrents; Infinity for none. */
  get limits(): { readonly up: number; readonly down: number } {
    return { up: this.#env.up.rate, down: this.#env.down.rate };
  }

  /** Bytes a second over all torrents, from now on; Infinity lifts a limit. */
  setLimits(limits: { readonly up?: number; readonly down?: number }): void {
    if (limits.up !== undefined) this.#env.up.setRate(limits.up);
    if (limits.down !== undefined) this.#env.down.setRate(limits.down);
  }

  /** Closes every torrent and every connection; nothing is left behind. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { dismiss } of [...this.#unrouted]) dismiss();
    for (const fetch of this.#fetches.values()) fetch.close();
    this.#fetches.clear();
    const torrents = [...this.#torrents.values()];
    this.#torrents.clear();
    await Promise.all(torrents.map((torrent) => torrent.close()));
    this.#env.up.close();
    this.#env.down.close();
  }

  #saysNothingOften(host: string): boolean {
    const network = networkOf(host);
    let silent = 0;
    for (const each of this.#unrouted) if (networkOf(each.host) === network) silent++;
    return silent >= MAX_UNROUTED_OF_ONE;
  }

  #takePlace(host: string): boolean {
    return this.#env.budget.take() || (this.#makeRoom(host) && this.#env.budget.take());
  }

  #makeRoom(host: string): boolean {
    const silent = whoMakesWay(this.#unrouted, { host, now: this.#env.clock.now() });
    silent?.dismiss();
    if (silent !== undefined) return true;
    for (const torrent of this.#torrents.values()) if (torrent.makeRoom(host)) return true;
    return false;
  }

  /** @param named the torrent that an obfuscated handshake named: it must not name another one inside. */
  #route(incoming: IncomingPeer, named: InfoHash | undefined): void {
    const { infoHash } = incoming.handshake;
    const key = toLatin1(infoHash);
    const torrent = this.#torrents.get(key) ?? this.#fetches.get(key);
    const agrees = named === undefined || bytesEqual(named, infoHash);
    if (torrent !== undefined && agrees && !this.#closed) {
      torrent.accept(incoming);
      return;
    }
    incoming.transport.destroy();
    this.#env.budget.release();
  }
}

function makePeerId(random: Random): PeerId {
  const id = random.bytes(20);
  id.set(new TextEncoder().encode("-BJ0100-"));
  return peerId(id);
}
