import { EventEmitter } from "node:events";
import { Client } from "bittorrent-dht";
import type { PeerAddress } from "../../platform/transport.ts";
import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { formatIp, ipScope, parseIp } from "../../protocol/ip-address.ts";
import { kindOfKrpc, looksLikeKrpc } from "../core/krpc.ts";
import { SixAsFour } from "../core/six-as-four.ts";

/** Sends a datagram from the one port, to an IP literal. */
export type SendDatagram = (bytes: Uint8Array, port: number, host: string) => void;

export interface DhtOptions {
  /** Where peers reach us over TCP. */
  readonly port: number;
  readonly clock: Clock;
  /** `HOST:PORT` of nodes to begin with, IPv4 or names; undefined: the public ones. */
  readonly bootstrap?: readonly string[] | undefined;
  /** Which network it is in (BEP 32); 4 by default. */
  readonly family?: 4 | 6;
}

/** Peers of others that we keep for them, and torrents; more is no help to anybody we'd know. */
const MAX_PEERS = 2_000;
const MAX_TABLES = 200;
const PEER_AGE: Millis = 30 * 60_000;
/** Queries of strangers that are answered in a second: an answer is longer than its question. */
const MAX_QUERIES = 200;
/** How long after the last time a torrent is announced and sought again: often at first, since others begin, too. */
const ROUNDS: readonly Millis[] = [10_000, 30_000, 120_000];
const ROUND: Millis = 5 * 60_000;

interface Search {
  readonly infoHash: InfoHash;
  readonly found: (address: PeerAddress) => void;
  rounds: number;
  timer: Timer | undefined;
}

/**
 * A node of the distributed hash table (BEP 5) over IPv4, or of the other one over IPv6 (BEP 32): says where torrents are shared, and finds who else does. The
 * library does the work; what reaches it is well-formed, and not too much.
 */
export class Dht {
  readonly #options: DhtOptions;
  readonly #socket = new EventEmitter();
  readonly #searches = new Set<Search>();
  /** The library knows IPv4 only. */
  readonly #six: SixAsFour | undefined;
  #client: Client | undefined;
  #send: SendDatagram | undefined;
  #isReady = false;
  #hasMet = false;
  #closed = false;
  #second = 0;
  #answered = 0;

  constructor(options: DhtOptions) {
    this.#options = options;
    if (options.family === 6) this.#six = new SixAsFour();
    // It has a listener for each query that runs.
    this.#socket.setMaxListeners(0);
  }

  /** Nodes that are known. */
  get nodes(): number {
    return this.#client?.nodes.count() ?? 0;
  }

  /** Joins, from now on with a way to send. */
  start(send: SendDatagram): void {
    if (this.#closed || this.#client !== undefined) return;
    this.#send = send;
    const { bootstrap, port } = this.#options;
    const client = new Client({
      ...(bootstrap !== undefined && { bootstrap }),
      socket: Object.assign(this.#socket, this.#socketMethods(port)),
      maxPeers: MAX_PEERS,
      maxTables: MAX_TABLES,
      // It keeps nothing else for strangers (BEP 44): such queries don't reach it.
      maxValues: 1,
      maxAge: PEER_AGE,
    });
    this.#client = client;
    client.on("peer", (peer: PeerAddress, infoHash: Uint8Array) => this.#found(peer, infoHash));
    client.on("ready", () => {
      this.#isReady = true;
      for (const search of this.#searches) this.#round(search);
    });
    client.on("node", () => this.#met());
    // Lost datagrams and odd answers; nothing depends on any of them.
    client.on("warning", ignore);
    client.on("error", ignore);
    this.#socket.emit("listening");
  }

  /** @returns whether the datagram is the DHT's; it's dealt with then. */
  receive(bytes: Uint8Array, host: string, port: number): boolean {
    if (!looksLikeKrpc(bytes)) return false;
    const readable = this.#six === undefined ? bytes : this.#six.toFour(bytes);
    const kind = this.#closed || port === 0 ? undefined : readable && kindOfKrpc(readable);
    if (kind === undefined || (kind === "query" && !this.#mayAnswer())) return true;
    try {
      const address = this.#six?.standIn(host) ?? host;
      // A copy for keeps, and a Buffer, as from a socket.
      this.#socket.emit("message", Buffer.from(readable ?? bytes), { address, port, family: "IPv4" });
    } catch {
      // Whatever else is wrong with it: a stranger's datagram ends nothing.
    }
    return true;
  }

  /** Asks whether a node is there that a peer has told of; then it's known. */
  meet(host: string, port: number): void {
    const ip = parseIp(host);
    if (port === 0 || ip?.length !== (this.#six === undefined ? 4 : 16) || this.#closed) return;
    const known = formatIp(ip);
    this.#client?.addNode({ host: this.#six?.standIn(known) ?? known, port });
  }

  /** Announces the torrent and seeks its peers until the returned function is called; `found` may get one repeatedly. */
  seek(infoHash: InfoHash, found: (address: PeerAddress) => void): () => void {
    const search: Search = { infoHash, found, rounds: 0, timer: undefined };
    this.#searches.add(search);
    if (this.#isReady) this.#round(search);
    return () => {
      search.timer?.cancel();
      this.#searches.delete(search);
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#searches) timer?.cancel();
    this.#searches.clear();
    const client = this.#client;
    if (client === undefined) return Promise.resolve();
    return new Promise((resolve) => client.destroy(resolve));
  }

  /** With the first node there is somebody to ask. */
  #met(): void {
    if (this.#hasMet || !this.#isReady) return;
    this.#hasMet = true;
    for (const search of this.#searches) {
      search.timer?.cancel();
      this.#round(search);
    }
  }

  #round(search: Search): void {
    const client = this.#client;
    if (client === undefined || this.#closed || !this.#searches.has(search)) return;
    const { infoHash } = search;
    // Each time anew: who is closest changes, and only a search finds peers.
    client.lookup(infoHash, () => {
      if (!this.#closed && this.#searches.has(search)) client.announce(infoHash, this.#options.port, ignore);
    });
    const pause = ROUNDS[search.rounds++] ?? ROUND;
    search.timer = this.#options.clock.after(pause, () => this.#round(search));
  }

  #found({ host: told, port }: PeerAddress, infoHash: Uint8Array): void {
    const host = this.#six === undefined ? told : (this.#six.real(told) ?? "");
    const ip = parseIp(host);
    const scope = ip && ipScope(ip);
    if (scope === undefined || scope === "unspecified" || scope === "multicast") return;
    for (const search of this.#searches) {
      if (bytesEqual(search.infoHash, infoHash)) search.found({ host, port });
    }
  }

  #mayAnswer(): boolean {
    const second = Math.floor(this.#options.clock.now() / 1000);
    if (second !== this.#second) this.#answered = 0;
    this.#second = second;
    return ++this.#answered <= MAX_QUERIES;
  }

  #sendOne(bytes: Uint8Array, port: number, host: string): void {
    const [translated, to] =
      this.#six === undefined ? [bytes, host] : [this.#six.toSix(bytes), this.#six.real(host)];
    if (translated !== undefined && to !== undefined) this.#send?.(translated, port, to);
  }

  /** What the library expects of a socket. */
  #socketMethods(port: number) {
    return {
      address: () => ({ address: "0.0.0.0", family: "IPv4", port }),
      send: (
        bytes: Uint8Array,
        offset: number,
        length: number,
        to: number,
        host: string,
        done?: () => void,
      ) => {
        if (!this.#closed) this.#sendOne(bytes.subarray(offset, offset + length), to, host);
        done?.();
      },
      bind: ignore,
      close: () => this.#socket.emit("close"),
    };
  }
}

function ignore(): void {}
