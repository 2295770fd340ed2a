import type { Random } from "../../protocol/ambient.ts";
import { type IpScope, ipScope } from "../../protocol/ip-address.ts";
import { mixBytes, SlotIndex } from "./slot-index.ts";

const SCOPES: readonly IpScope[] = ["unspecified", "loopback", "linkLocal", "private", "multicast", "public"];
const LOOPBACK = SCOPES.indexOf("loopback");

/**
 * Where the peers of one swarm listen, for one address family. Columns of numbers, one row (slot) a peer, so that
 * 100,000 peers cost megabytes, not a hundred; the swarm owns the numbering.
 *
 * Peers that can be told to others lie in `order`: leechers first, then seeders. Sampling shuffles a prefix of each
 * part in place (Fisher-Yates), so it is uniform, needs no copy and costs what is asked for, whatever the swarm's size.
 */
export class Endpoints {
  /** Bytes of an address: 4 or 16. */
  readonly width: number;
  readonly #seed: number;
  #capacity = 0;
  #addresses = new Uint8Array(0);
  #ports = new Uint16Array(0);
  #scopes = new Uint8Array(0);
  /** When the peer was last heard of from this address, in seconds from 1; 0: no address in this family. */
  #seen = new Uint32Array(0);
  readonly #byAddress = new SlotIndex();
  #order = new Uint32Array(0);
  /** Where each slot stands in `order`; -1: nowhere. */
  #position = new Int32Array(0);
  #listed = 0;
  #leechers = 0;

  constructor(width: 4 | 16, seed: number) {
    this.width = width;
    this.#seed = seed;
  }

  has(slot: number): boolean {
    return this.seen(slot) > 0;
  }

  /** It has an address in this family that can be told. */
  isListed(slot: number): boolean {
    return (this.#position[slot] ?? -1) >= 0;
  }

  /** Seconds; 0 when the peer has no address in this family. */
  seen(slot: number): number {
    return this.#seen[slot] ?? 0;
  }

  port(slot: number): number {
    return this.#ports[slot] ?? 0;
  }

  scope(slot: number): IpScope {
    return SCOPES[this.#scopes[slot] ?? 0] ?? "unspecified";
  }

  /** All addresses, that of `slot` at `slot * width`; valid until the next change. */
  get addresses(): Uint8Array {
    return this.#addresses;
  }

  /** A view of the address; valid until the next change. */
  address(slot: number): Uint8Array {
    return this.#addresses.subarray(slot * this.width, (slot + 1) * this.width);
  }

  /** Sets or moves a peer's address. A peer with port 0 is kept but told to nobody. */
  put(slot: number, address: Uint8Array, port: number, seeder: boolean, seconds: number): void {
    if (slot >= this.#capacity) this.#grow(slot + 1);
    if (this.has(slot)) {
      this.#seen[slot] = seconds;
      if (this.#isAt(slot, address, port)) return;
      this.remove(slot);
    }
    this.#addresses.set(address, slot * this.width);
    this.#ports[slot] = port;
    this.#scopes[slot] = SCOPES.indexOf(ipScope(address));
    this.#seen[slot] = seconds;
    this.#byAddress.insert(slot, this.#hash(slot));
    if (port !== 0) this.#list(slot, seeder);
  }

  remove(slot: number): void {
    if (!this.has(slot)) return;
    this.#unlist(slot);
    this.#byAddress.remove(slot, this.#hash(slot));
    this.#seen[slot] = 0;
  }

  setSeeder(slot: number, seeder: boolean): void {
    const at = this.#position[slot] ?? -1;
    if (at < 0 || at >= this.#leechers === seeder) return;
    if (seeder) this.#swap(at, --this.#leechers);
    else this.#swap(at, this.#leechers++);
  }

  /** The peer that listens at this address and port, or -1. Port 0 is nowhere. */
  find(address: Uint8Array, port: number): number {
    if (this.#capacity === 0 || port === 0) return -1;
    let slot = this.#byAddress.first(this.#hashOf(address, 0, port, isLoopback(address)));
    while (slot >= 0 && !this.#isAt(slot, address, port)) slot = this.#byAddress.after(slot);
    return slot;
  }

  /** How many peers announced from this address. Not for loopback, see `#hashOf`. */
  countFrom(address: Uint8Array): number {
    if (this.#capacity === 0) return 0;
    let count = 0;
    let slot = this.#byAddress.first(this.#hashOf(address, 0, 0, false));
    for (; slot >= 0; slot = this.#byAddress.after(slot)) if (this.#hasAddress(slot, address)) count++;
    return count;
  }

  /** Draws peers at random, each once at most, until `take` says that it wants no more. */
  sample(random: Random, leechersOnly: boolean, draws: number, take: (slot: number) => boolean): void {
    const leechers = this.#leechers;
    const seeders = leechersOnly ? 0 : this.#listed - leechers;
    let drawnLeechers = 0;
    let drawnSeeders = 0;
    for (let i = Math.min(draws, leechers + seeders); i > 0; i--) {
      const left = leechers - drawnLeechers;
      const pick = Math.floor(random.next() * (left + seeders - drawnSeeders));
      const to = pick < left ? drawnLeechers++ : leechers + drawnSeeders++;
      this.#swap(pick < left ? to + pick : to + pick - left, to);
      if (!take(this.#order[to] ?? 0)) return;
    }
  }

  #isAt(slot: number, address: Uint8Array, port: number): boolean {
    return this.#ports[slot] === port && this.#hasAddress(slot, address);
  }

  #hasAddress(slot: number, address: Uint8Array): boolean {
    const at = slot * this.width;
    for (let i = 0; i < this.width; i++) if (this.#addresses[at + i] !== address[i]) return false;
    return true;
  }

  #hash(slot: number): number {
    const loopback = this.#scopes[slot] === LOOPBACK;
    return this.#hashOf(this.#addresses, slot * this.width, this.port(slot), loopback);
  }

  /**
   * By address without the port, so that one chain serves to find a peer and to count an address; the count's limit
   * keeps it short. Loopback has no limit (all peers of one machine share it), so there the port is mixed in.
   */
  #hashOf(bytes: Uint8Array, at: number, port: number, loopback: boolean): number {
    return mixBytes(bytes, at, this.width, loopback ? this.#seed ^ Math.imul(port, 0x9e3779b1) : this.#seed);
  }

  #list(slot: number, seeder: boolean): void {
    const at = this.#listed++;
    this.#order[at] = slot;
    this.#position[slot] = at;
    if (!seeder) this.#swap(at, this.#leechers++);
  }

  #unlist(slot: number): void {
    this.setSeeder(slot, true);
    const at = this.#position[slot] ?? -1;
    if (at < 0) return;
    this.#swap(at, --this.#listed);
    this.#position[slot] = -1;
  }

  #swap(a: number, b: number): void {
    const slotA = this.#order[a] ?? 0;
    const slotB = this.#order[b] ?? 0;
    this.#order[a] = slotB;
    this.#order[b] = slotA;
    this.#position[slotA] = b;
    this.#position[slotB] = a;
  }

  #grow(least: number): void {
    let capacity = Math.max(8, this.#capacity);
    while (capacity < least) capacity *= 2;
    const before = this.#capacity;
    this.#capacity = capacity;
    this.#addresses = grown(this.#addresses, new Uint8Array(capacity * this.width));
    this.#ports = grown(this.#ports, new Uint16Array(capacity));
    this.#scopes = grown(this.#scopes, new Uint8Array(capacity));
    this.#seen = grown(this.#seen, new Uint32Array(capacity));
    this.#order = grown(this.#order, new Uint32Array(capacity));
    this.#position = grown(this.#position, new Int32Array(capacity).fill(-1));
    this.#byAddress.reset(capacity);
    for (let slot = 0; slot < before; slot++)
      if (this.has(slot)) this.#byAddress.insert(slot, this.#hash(slot));
  }
}

function isLoopback(address: Uint8Array): boolean {
  return ipScope(address) === "loopback";
}

/** Copies a column into a longer one. */
export function grown<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
