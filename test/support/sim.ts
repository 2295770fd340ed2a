/** Whole swarms in memory, on fake time, made of the real engine: Session, Torrent, Wire, Upload. */
import { hash } from "node:crypto";
import type { Encryption } from "../../src/client/peers/obfuscation.ts";
import { Session } from "../../src/client/session.ts";
import type { PieceStorage } from "../../src/client/storage/storage.ts";
import type { Torrent } from "../../src/client/torrent.ts";
import type { TorrentOptions } from "../../src/client/torrent-types.ts";
import type { PeerAddress } from "../../src/platform/transport.ts";
import type { Clock, Random } from "../../src/protocol/ambient.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { infoHash } from "../../src/protocol/ids.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import { proverOf } from "../../src/share/token.ts";
import { FakeClock } from "./fake-clock.ts";
import { type MemoryHost, MemoryNetwork } from "./memory-transport.ts";
import { peek } from "./peeked-transport.ts";
import { seededRandom } from "./seeded-random.ts";

const PORT = 6881;

export const sha1 = (bytes: Uint8Array): Uint8Array => hash("sha1", bytes, "buffer");

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** What is wrong with a node's disk, or with the node. */
interface Faults {
  /** The chance that a read gives bad data. */
  readonly corrupt?: number;
  /** Reads never end: the peer accepts requests and sends nothing. */
  readonly stall?: boolean;
  /** Milliseconds that a write takes; 0 by default. */
  readonly slowDisk?: number;
  /** Writes that succeed before the disk is full. */
  readonly failAfter?: number;
}

/** Pieces in memory, with faults. */
export class MemoryStorage implements PieceStorage {
  readonly pieces = new Map<number, Uint8Array>();
  /** The most writes that were under way at once. */
  mostWriting = 0;
  readonly #faults: Faults;
  readonly #original: ((piece: number) => Uint8Array) | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  #writing = 0;
  #written = 0;

  constructor(faults: Faults, clock: Clock, random: Random, original?: (piece: number) => Uint8Array) {
    this.#faults = faults;
    this.#original = original;
    this.#clock = clock;
    this.#random = random;
  }

  read(piece: number, begin: number, targets: readonly Uint8Array[]): Promise<void> | undefined {
    const data = this.pieces.get(piece);
    if (data === undefined) return Promise.reject(new Error(`piece ${piece} isn't there`));
    if (this.#faults.stall) return new Promise(() => undefined);
    let at = begin;
    for (const target of targets) {
      target.set(data.subarray(at, at + target.length));
      at += target.length;
    }
    const [first] = targets;
    if (first !== undefined && this.#random.next() < (this.#faults.corrupt ?? 0)) first[0] = ~(first[0] ?? 0);
    return undefined;
  }

  async write(piece: number, data: Uint8Array): Promise<void> {
    if (this.#written++ >= (this.#faults.failAfter ?? Number.POSITIVE_INFINITY)) throw new Error("disk full");
    this.#writing++;
    this.mostWriting = Math.max(this.mostWriting, this.#writing);
    const { slowDisk } = this.#faults;
    if (slowDisk !== undefined) {
      await new Promise<void>((resolve) => this.#clock.after(slowDisk, resolve));
    }
    // Fifty copies of one file would be fifty times its memory.
    const original = this.#original?.(piece);
    this.pieces.set(piece, original !== undefined && equal(original, data) ? original : data.slice());
    this.#writing--;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface SimOptions {
  readonly seed: number;
  /** Bytes. */
  readonly length: number;
  readonly pieceLength: number;
  /** Milliseconds from host to host; 1 by default. */
  readonly delay?: number;
  /** Bytes that the system takes of each connection, so that the engine thinks them sent; 0 by default. */
  readonly socketBuffer?: number;
}

type Tuning = Partial<Pick<TorrentOptions, "slots" | "wanted" | "maxPeers" | "bufferBytes">>;

export interface NodeOptions extends Tuning, Faults {
  /** Bytes a second of the host's links; Infinity by default. */
  readonly up?: number;
  readonly down?: number;
  /** Has every piece, or these. */
  readonly have?: "all" | readonly number[];
  /** The engine's own limits. */
  /** What tells peers apart by their first bytes stands before the session then, as at the real port. */
  readonly encryption?: Encryption;
  readonly limitUp?: number;
  readonly limitDown?: number;
  /** The torrent has a token, and the node knows this one. */
  readonly token?: string;
  /** See `TorrentOptions`. */
  readonly private?: boolean;
  readonly unlisted?: boolean;
}

/** One machine with one session and the torrent. */
export interface SimNode {
  readonly name: string;
  readonly host: MemoryHost;
  readonly address: PeerAddress;
  readonly session: Session;
  readonly torrent: Torrent;
  /** How its callers began, when it has an option `encryption`. */
  readonly openings: readonly ("plain" | "noise")[];
  readonly storage: MemoryStorage;
  /** When it was complete, in milliseconds from the start. */
  completedAt: number | undefined;
}

export class Sim {
  readonly clock = new FakeClock();
  readonly network: MemoryNetwork;
  readonly layout: PieceLayout;
  readonly data: Uint8Array;
  readonly nodes: SimNode[] = [];
  /** What happened, a line each: two runs with one seed must have the same. */
  readonly trace: string[] = [];
  readonly banned: string[] = [];
  readonly #options: SimOptions;
  readonly #hashes: Uint8Array;
  readonly #random: Random;

  constructor(options: SimOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.network = new MemoryNetwork(this.clock, {
      delay: options.delay ?? 1,
      socketBuffer: options.socketBuffer ?? 0,
    });
    this.layout = new PieceLayout([options.length], options.pieceLength);
    this.data = new Uint8Array(options.length);
    // Not bytes of a real file, but no two blocks are equal, so that a block in the wrong place is seen.
    const words = new Uint32Array(this.data.buffer, 0, options.length >> 2);
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + options.seed, 2_654_435_761);
    this.#hashes = new Uint8Array(20 * this.layout.pieceCount);
    for (let piece = 0; piece < this.layout.pieceCount; piece++) {
      this.#hashes.set(sha1(this.piece(piece)), 20 * piece);
    }
  }

  piece(index: number): Uint8Array {
    const start = index * this.layout.pieceLength;
    return this.data.subarray(start, start + this.layout.pieceSize(index));
  }

  pieceSet(pieces: Iterable<number>): Bitfield {
    const set = new Bitfield(this.layout.pieceCount);
    for (const piece of pieces) set.add(piece);
    return set;
  }

  add(name: string, options: NodeOptions = {}): SimNode {
    const host = this.network.host(name, {
      ...(options.up !== undefined && { up: options.up }),
      ...(options.down !== undefined && { down: options.down }),
    });
    const session = new Session({
      dial: host.dial,
      clock: this.clock,
      random: seededRandom(Math.floor(this.#random.next() * 2 ** 32)),
      sha1,
      listenPort: PORT,
      client: `Sim ${name}`,
      ...(options.encryption !== undefined && { encryption: options.encryption }),
      ...(options.limitUp !== undefined && { limitUp: options.limitUp }),
      ...(options.limitDown !== undefined && { limitDown: options.limitDown }),
    });
    const openings: ("plain" | "noise")[] = [];
    host.listen(PORT, (transport) => {
      if (options.encryption === undefined) session.accept(transport);
      else {
        peek(transport, (peeked, isPlain) => {
          openings.push(isPlain ? "plain" : "noise");
          session.accept(peeked, !isPlain);
        });
      }
    });
    const { pieceCount } = this.layout;
    const have = new Bitfield(pieceCount);
    const storage = new MemoryStorage(options, this.clock, this.#random, (piece) => this.piece(piece));
    for (let piece = 0; piece < pieceCount; piece++) {
      if (options.have !== "all" && !options.have?.includes(piece)) continue;
      have.add(piece);
      storage.pieces.set(piece, this.piece(piece));
    }
    const { slots, wanted, maxPeers, bufferBytes } = options;
    const hash = infoHash(new Uint8Array(20).fill(7));
    const torrent = session.add({
      infoHash: hash,
      ...(options.token !== undefined && { prove: proverOf(options.token, hash) }),
      layout: this.layout,
      pieceHashes: this.#hashes,
      private: options.private ?? false,
      unlisted: options.unlisted ?? false,
      storage,
      have,
      ...(slots !== undefined && { slots }),
      ...(wanted !== undefined && { wanted }),
      ...(maxPeers !== undefined && { maxPeers }),
      ...(bufferBytes !== undefined && { bufferBytes }),
    });
    const node: SimNode = {
      name,
      host,
      address: { host: name, port: PORT },
      session,
      torrent,
      storage,
      openings,
      completedAt: torrent.complete ? this.clock.now() : undefined,
    };
    torrent.on("verified", (piece) => this.#note(node, `verified ${piece}`));
    torrent.on("peerBanned", (address) => {
      this.banned.push(address.host);
      this.#note(node, `banned ${address.host}`);
    });
    torrent.on("complete", () => {
      node.completedAt = this.clock.now();
      this.#note(node, "complete");
    });
    this.nodes.push(node);
    return node;
  }

  /** Tells every node of every other one, as a tracker would. */
  introduceAll(): void {
    for (const node of this.nodes) {
      node.torrent.addPeers(
        this.nodes.filter((other) => other !== node).map((other) => other.address),
        "tracker",
      );
    }
  }

  /** Lets time pass until these nodes have everything, and checks that what they have is right. */
  async runUntilComplete(nodes: readonly SimNode[], limit: number): Promise<void> {
    try {
      await this.clock.runUntil(() => nodes.every((node) => node.completedAt !== undefined), limit);
    } catch (cause) {
      const state = nodes.map(
        (node) =>
          `${node.name}: ${node.torrent.have.count}/${this.layout.pieceCount} of ${node.torrent.stats().peers} peers`,
      );
      throw new Error(`seed ${this.#options.seed}: ${state.join("; ")}`, { cause });
    }
    for (const node of nodes) this.check(node);
  }

  /** @throws when a node has a bad piece, or says that it has one that isn't in its storage. */
  check(node: SimNode): void {
    for (const piece of node.torrent.have) {
      const stored = node.storage.pieces.get(piece);
      if (stored === undefined || toHex(sha1(stored)) !== toHex(sha1(this.piece(piece)))) {
        throw new Error(`seed ${this.#options.seed}: ${node.name} has a bad piece ${piece}`);
      }
    }
  }

  /** The process of `node` ends in good order. */
  async leave(node: SimNode): Promise<void> {
    await node.session.close();
    node.host.crash();
  }

  /** Ends everything, and checks that nothing is left: no timer, no connection. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.session.close()));
    await this.clock.advance(10_000);
    const connections = this.nodes.reduce((sum, node) => sum + node.host.connections, 0);
    const places = this.nodes.reduce((sum, node) => sum + node.session.connections, 0);
    if (this.clock.pending > 0 || connections > 0 || places !== 0) {
      throw new Error(
        `seed ${this.#options.seed}: left behind: ${this.clock.pending} timers, ${connections} connections, ${places} places`,
      );
    }
  }

  #note(node: SimNode, what: string): void {
    this.trace.push(`${this.clock.now().toFixed(3)} ${node.name} ${what}`);
  }
}
