import type { Random } from "../../protocol/ambient.ts";
import { ipScope } from "../../protocol/ip-address.ts";
import { grown, NO_BYTES, NO_NUMBERS } from "./columns.ts";
import { Endpoints } from "./endpoints.ts";
import { drawSeed, mixBytes, mixText, SlotIndex } from "./slot-index.ts";

/** What one announce says about its sender. */
export interface PeerReport {
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Percent-decoded; "" when the client sends none. */
  readonly key: string;
  /** 4 or 16 bytes: where the announce came from. */
  readonly address: Uint8Array;
  readonly port: number;
  /** It has everything. */
  readonly seeder: boolean;
  /** 0 to 1. */
  readonly progress: number;
  /** It says that it has just finished. */
  readonly justCompleted: boolean;
}

export interface SwarmLimits {
  readonly maxPeers: number;
  /** Peers from one address; loopback has no such limit. */
  readonly maxPerAddress: number;
}

/** A peer as it is kept while no tracker runs. */
export interface SavedPeer {
  readonly peerId: Uint8Array;
  /** Means something only together with the swarm's seed. */
  readonly proof: number;
  readonly flags: number;
  readonly progress: number;
  /** One of each family at most. `seen` is in the swarm's seconds. */
  readonly endpoints: readonly {
    readonly address: Uint8Array;
    readonly port: number;
    readonly seen: number;
  }[];
}

/** Told of a fact in the middle of a change: the slot can be read, and only during the call. */
export type SwarmWatcher = (fact: "joined" | "completed" | "left", slot: number, swarm: Swarm) => void;

export const ID_LENGTH = 20;
const USED = 1;
const SEEDER = 2;
/** Its download was counted, or it came with everything: nothing more to count. */
const COUNTED = 4;

/**
 * The peers of one torrent. A peer is who it says it is, its peer id, and shows it by its key or, when it has none,
 * by its address: so it may move to another address and port, and nobody else can move or stop it. It may have an
 * IPv4 and an IPv6 address at once; it is still one peer.
 */
export class Swarm {
  readonly v4: Endpoints;
  readonly v6: Endpoints;
  readonly seed: number;
  readonly #limits: SwarmLimits;
  readonly #random: Random;
  readonly #watcher: SwarmWatcher;
  #capacity = 0;
  #ids: Uint8Array = NO_BYTES;
  /** The hash of the key or of the address, see `#proof`. */
  #proofs = NO_NUMBERS;
  #flags: Uint8Array = NO_BYTES;
  #progress = new Float64Array(0);
  readonly #byIdentity = new SlotIndex();
  /** Slots below `#top` that are free again. */
  readonly #free: number[] = [];
  #top = 0;
  #seeders = 0;
  #downloaded = 0;

  /** @param seed what a saved swarm had; a fresh one is drawn by default. */
  constructor(limits: SwarmLimits, random: Random, watcher: SwarmWatcher, seed = drawSeed(random)) {
    this.seed = seed;
    this.#limits = limits;
    this.#random = random;
    this.#watcher = watcher;
    this.v4 = new Endpoints(4, seed);
    this.v6 = new Endpoints(16, seed);
  }

  get size(): number {
    return this.#top - this.#free.length;
  }

  get seeders(): number {
    return this.#seeders;
  }

  /** Downloads finished, since the share is here. */
  get downloaded(): number {
    return this.#downloaded;
  }

  isSeeder(slot: number): boolean {
    return ((this.#flags[slot] ?? 0) & SEEDER) !== 0;
  }

  progress(slot: number): number {
    return this.#progress[slot] ?? 0;
  }

  /** All peer ids, that of `slot` at `slot * ID_LENGTH`; valid until the next change. */
  get ids(): Uint8Array {
    return this.#ids;
  }

  /** A view of the peer id; valid until the next change. */
  peerId(slot: number): Uint8Array {
    return this.#ids.subarray(slot * ID_LENGTH, (slot + 1) * ID_LENGTH);
  }

  /** The slot of the sender of `report`, or -1. */
  find(report: PeerReport): number {
    return this.#find(report.peerId, this.#proof(report));
  }

  /** Takes note of an announce. @returns the sender's slot, or -1 when it is new and a limit is reached. */
  update(report: PeerReport, seconds: number): number {
    const endpoints = report.address.length === 4 ? this.v4 : this.v6;
    let slot = this.find(report);
    const isNew = slot < 0;
    // Whoever was there before is gone: one port has one listener. A client that restarts has a new peer id.
    const former = endpoints.find(report.address, report.port);
    if (former >= 0 && former !== slot) this.#detach(former, endpoints);
    if (isNew) {
      if (this.#isFull(report, endpoints)) return -1;
      slot = this.#claim(report);
    }
    endpoints.put(slot, report.address, report.port, this.isSeeder(slot), seconds);
    if (isNew) this.#watcher("joined", slot, this);
    this.#record(slot, report);
    endpoints.shuffle(slot, this.#random);
    return slot;
  }

  /** Forgets a peer. */
  remove(slot: number): void {
    this.#watcher("left", slot, this);
    this.v4.remove(slot);
    this.v6.remove(slot);
    this.#byIdentity.remove(slot, this.#hash(slot));
    if (this.isSeeder(slot)) this.#seeders--;
    this.#flags[slot] = 0;
    this.#free.push(slot);
  }

  /** Forgets addresses that were not heard of since `seconds`, and peers without any. */
  expire(seconds: number): void {
    for (let slot = 0; slot < this.#top; slot++) {
      if (((this.#flags[slot] ?? 0) & USED) === 0) continue;
      const four = this.v4.has(slot) && this.v4.seen(slot) >= seconds;
      const six = this.v6.has(slot) && this.v6.seen(slot) >= seconds;
      if (!four && !six) this.remove(slot);
      else if (!four) this.v4.remove(slot);
      else if (!six) this.v6.remove(slot);
    }
  }

  /** What {@link restore} takes, for every peer. */
  *saved(): Generator<SavedPeer> {
    for (const slot of this.slots()) {
      yield {
        peerId: this.peerId(slot),
        proof: this.#proofs[slot] ?? 0,
        flags: this.#flags[slot] ?? 0,
        progress: this.progress(slot),
        endpoints: [this.v4, this.v6]
          .filter((endpoints) => endpoints.has(slot))
          .map((at) => ({ address: at.address(slot), port: at.port(slot), seen: at.seen(slot) })),
      };
    }
  }

  /** Puts peers back into an empty swarm with the seed they were saved with; nobody is told. */
  restore(downloaded: number, peers: Iterable<SavedPeer>): void {
    this.#downloaded = downloaded;
    for (const { peerId, proof, flags, progress, endpoints } of peers) {
      if (this.size >= this.#limits.maxPeers || this.#find(peerId, proof) >= 0) continue;
      const slot = this.#place(peerId, proof, USED | (flags & (SEEDER | COUNTED)), progress);
      for (const { address, port, seen } of endpoints) {
        const family = address.length === 4 ? this.v4 : this.v6;
        if (family.find(address, port) < 0) family.put(slot, address, port, this.isSeeder(slot), seen);
      }
    }
  }

  /** Every peer, for as long as nothing changes. */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#top; slot++) if (((this.#flags[slot] ?? 0) & USED) !== 0) yield slot;
  }

  #isFull(report: PeerReport, endpoints: Endpoints): boolean {
    if (this.size >= this.#limits.maxPeers) return true;
    if (ipScope(report.address) === "loopback") return false;
    return endpoints.countFrom(report.address) >= this.#limits.maxPerAddress;
  }

  #claim(report: PeerReport): number {
    const flags = USED | (report.seeder && !report.justCompleted ? SEEDER | COUNTED : 0);
    return this.#place(report.peerId, this.#proof(report), flags, report.progress);
  }

  #place(id: Uint8Array, proof: number, flags: number, progress: number): number {
    const slot = this.#free.pop() ?? this.#top++;
    if (slot >= this.#capacity) this.#grow();
    this.#ids.set(id, slot * ID_LENGTH);
    this.#proofs[slot] = proof;
    this.#flags[slot] = flags;
    this.#progress[slot] = progress;
    if (this.isSeeder(slot)) this.#seeders++;
    this.#byIdentity.insert(slot, this.#hash(slot));
    return slot;
  }

  #record(slot: number, report: PeerReport): void {
    this.#progress[slot] = report.progress;
    if (report.seeder !== this.isSeeder(slot)) {
      this.#flags[slot] = (this.#flags[slot] ?? 0) ^ SEEDER;
      this.#seeders += report.seeder ? 1 : -1;
      this.v4.setSeeder(slot, report.seeder);
      this.v6.setSeeder(slot, report.seeder);
    }
    // Some clients lose their `completed`; having everything says the same.
    if (!report.seeder || ((this.#flags[slot] ?? 0) & COUNTED) !== 0) return;
    this.#flags[slot] = (this.#flags[slot] ?? 0) | COUNTED;
    this.#downloaded++;
    this.#watcher("completed", slot, this);
  }

  #detach(slot: number, endpoints: Endpoints): void {
    const other = endpoints === this.v4 ? this.v6 : this.v4;
    if (other.has(slot)) endpoints.remove(slot);
    else this.remove(slot);
  }

  #find(id: Uint8Array, proof: number): number {
    if (this.#capacity === 0) return -1;
    let slot = this.#byIdentity.first(mixBytes(id, 0, ID_LENGTH, proof));
    while (slot >= 0 && !(this.#proofs[slot] === proof && this.#hasId(slot, id)))
      slot = this.#byIdentity.after(slot);
    return slot;
  }

  #hasId(slot: number, id: Uint8Array): boolean {
    const at = slot * ID_LENGTH;
    for (let i = 0; i < ID_LENGTH; i++) if (this.#ids[at + i] !== id[i]) return false;
    return true;
  }

  #proof({ key, address }: PeerReport): number {
    return key === "" ? mixBytes(address, 0, address.length, this.seed) : mixText(key, this.seed);
  }

  #hash(slot: number): number {
    return mixBytes(this.#ids, slot * ID_LENGTH, ID_LENGTH, this.#proofs[slot] ?? 0);
  }

  #grow(): void {
    const capacity = Math.max(8, 2 * this.#capacity);
    const before = this.#capacity;
    this.#capacity = capacity;
    this.#ids = grown(this.#ids, new Uint8Array(capacity * ID_LENGTH));
    this.#proofs = grown(this.#proofs, new Int32Array(capacity));
    this.#flags = grown(this.#flags, new Uint8Array(capacity));
    this.#progress = grown(this.#progress, new Float64Array(capacity));
    this.#byIdentity.reset(capacity);
    for (let slot = 0; slot < before; slot++)
      if (((this.#flags[slot] ?? 0) & USED) !== 0) this.#byIdentity.insert(slot, this.#hash(slot));
  }
}
