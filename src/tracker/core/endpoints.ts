import type { Random } from "../../protocol/ambient.ts";
import { ipScope } from "../../protocol/ip-address.ts";
import { grown, NO_BYTES, NO_NUMBERS } from "./columns.ts";
import { mixBytes, SlotIndex } from "./slot-index.ts";

/**
 * Where the peers of one swarm listen, for one address family. Columns of numbers, so that 100,000 peers cost
 * megabytes, not a hundred; the swarm numbers the peers (slots).
 *
 * Addresses and ports lie side by side as they go out, in three parts: leechers, seeders, and those that can't be told
 * (port 0). Each part is kept in random order: a newcomer goes to a random position, and so does whoever announces. So
 * neighbours are a random sample, and telling fifty peers reads five cache lines instead of hundreds.
 */
export class Endpoints {
  /** Bytes of an address: 4 or 16. */
  readonly width: 4 | 16;
  /** Bytes of an address and a port. */
  readonly recordLength: number;
  readonly #seed: number;
  #capacity = 0;
  /** By position. */
  #records: Uint8Array = NO_BYTES;
  #slots = NO_NUMBERS;
  /** By slot; -1: the peer has no address in this family. */
  #positions = NO_NUMBERS;
  /** By slot: when the peer was last heard of from this address, in seconds from 1. */
  #seen = NO_NUMBERS;
  readonly #byAddress = new SlotIndex();
  #size = 0;
  #listed = 0;
  #leechers = 0;

  constructor(width: 4 | 16, seed: number) {
    this.width = width;
    this.recordLength = width + 2;
    this.#seed = seed;
  }

  has(slot: number): boolean {
    return this.position(slot) >= 0;
  }

  /** How many can be told; their positions begin with 0, leechers first. */
  get listed(): number {
    return this.#listed;
  }

  get leechers(): number {
    return this.#leechers;
  }

  /** It has an address in this family that can be told. */
  isListed(slot: number): boolean {
    const at = this.position(slot);
    return at >= 0 && at < this.#listed;
  }

  /** Where its record is until the next change; -1: nowhere. */
  position(slot: number): number {
    return this.#positions[slot] ?? -1;
  }

  slotAt(position: number): number {
    return this.#slots[position] ?? -1;
  }

  /** All records, that of a position at `position * recordLength`; valid until the next change. */
  get records(): Uint8Array {
    return this.#records;
  }

  /** Seconds; 0 when the peer has no address in this family. */
  seen(slot: number): number {
    return this.has(slot) ? (this.#seen[slot] ?? 0) : 0;
  }

  port(slot: number): number {
    return this.has(slot) ? this.#portAt(this.position(slot)) : 0;
  }

  /** A view of the address; valid until the next change. */
  address(slot: number): Uint8Array {
    const at = this.position(slot) * this.recordLength;
    return this.#records.subarray(at, at + this.width);
  }

  /** Sets or moves a peer's address. A peer with port 0 is kept but told to nobody. */
  put(slot: number, address: Uint8Array, port: number, seeder: boolean, seconds: number): void {
    if (slot >= this.#capacity) this.#grow(slot + 1);
    if (this.has(slot)) {
      this.#seen[slot] = seconds;
      if (this.#isAt(this.position(slot), address, port)) return;
      this.remove(slot);
    }
    const at = this.#size++;
    this.#records.set(address, at * this.recordLength);
    this.#records[at * this.recordLength + this.width] = port >> 8;
    this.#records[at * this.recordLength + this.width + 1] = port;
    this.#slots[at] = slot;
    this.#positions[slot] = at;
    this.#seen[slot] = seconds;
    this.#byAddress.insert(slot, this.#hash(at));
    if (port === 0) return;
    this.#swap(at, this.#listed++);
    if (!seeder) this.setSeeder(slot, false);
  }

  remove(slot: number): void {
    const from = this.position(slot);
    if (from < 0) return;
    this.#byAddress.remove(slot, this.#hash(from));
    this.setSeeder(slot, true);
    if (this.isListed(slot)) this.#swap(this.position(slot), --this.#listed);
    this.#swap(this.position(slot), --this.#size);
    this.#positions[slot] = -1;
  }

  setSeeder(slot: number, seeder: boolean): void {
    const at = this.position(slot);
    if (!this.isListed(slot) || at >= this.#leechers === seeder) return;
    if (seeder) this.#swap(at, --this.#leechers);
    else this.#swap(at, this.#leechers++);
  }

  /** Gives a peer a random position in its part. */
  shuffle(slot: number, random: Random): void {
    const at = this.position(slot);
    if (at < 0 || at >= this.#listed) return;
    const first = at < this.#leechers ? 0 : this.#leechers;
    const last = at < this.#leechers ? this.#leechers : this.#listed;
    this.#swap(at, first + Math.floor(random.next() * (last - first)));
  }

  /** The peer that listens at this address and port, or -1. Port 0 is nowhere. */
  find(address: Uint8Array, port: number): number {
    if (this.#capacity === 0 || port === 0) return -1;
    let slot = this.#byAddress.first(this.#hashOf(address, 0, port));
    while (slot >= 0 && !this.#isAt(this.position(slot), address, port)) slot = this.#byAddress.after(slot);
    return slot;
  }

  /** How many peers announced from this address. Not for loopback, see `#hashOf`. */
  countFrom(address: Uint8Array): number {
    if (this.#capacity === 0) return 0;
    let count = 0;
    let slot = this.#byAddress.first(this.#hashOf(address, 0, 0));
    for (; slot >= 0; slot = this.#byAddress.after(slot))
      if (this.#hasAddress(this.position(slot), address)) count++;
    return count;
  }

  #portAt(position: number): number {
    const at = position * this.recordLength + this.width;
    return ((this.#records[at] ?? 0) << 8) | (this.#records[at + 1] ?? 0);
  }

  #isAt(position: number, address: Uint8Array, port: number): boolean {
    return this.#portAt(position) === port && this.#hasAddress(position, address);
  }

  #hasAddress(position: number, address: Uint8Array): boolean {
    const at = position * this.recordLength;
    for (let i = 0; i < this.width; i++) if (this.#records[at + i] !== address[i]) return false;
    return true;
  }

  #hash(position: number): number {
    return this.#hashOf(this.#records, position * this.recordLength, this.#portAt(position));
  }

  /**
   * By address without the port, so that one chain serves to find a peer and to count an address; the count's limit
   * keeps it short. Loopback has no limit (all peers of one machine share it), so there the port is mixed in.
   */
  #hashOf(bytes: Uint8Array, at: number, port: number): number {
    const seed = this.isLoopback(bytes, at) ? this.#seed ^ Math.imul(port, 0x9e3779b1) : this.#seed;
    return mixBytes(bytes, at, this.width, seed);
  }

  /** As `ipScope` says, but in the middle of an array. */
  isLoopback(bytes: Uint8Array, at: number): boolean {
    if (this.width === 4) return bytes[at] === 127;
    if (bytes[at] !== 0 || bytes[at + 15] !== 1) return false;
    return ipScope(bytes.subarray(at, at + 16)) === "loopback";
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const slotA = this.#slots[a] ?? 0;
    const slotB = this.#slots[b] ?? 0;
    this.#slots[a] = slotB;
    this.#slots[b] = slotA;
    this.#positions[slotA] = b;
    this.#positions[slotB] = a;
    const records = this.#records;
    const [fromA, fromB] = [a * this.recordLength, b * this.recordLength];
    for (let i = 0; i < this.recordLength; i++) {
      const byte = records[fromA + i] ?? 0;
      records[fromA + i] = records[fromB + i] ?? 0;
      records[fromB + i] = byte;
    }
  }

  #grow(least: number): void {
    let capacity = Math.max(8, this.#capacity);
    while (capacity < least) capacity *= 2;
    this.#capacity = capacity;
    this.#records = grown(this.#records, new Uint8Array(capacity * this.recordLength));
    this.#slots = grown(this.#slots, new Int32Array(capacity));
    this.#positions = grown(this.#positions, new Int32Array(capacity).fill(-1));
    this.#seen = grown(this.#seen, new Int32Array(capacity));
    this.#byAddress.reset(capacity);
    for (let at = 0; at < this.#size; at++) this.#byAddress.insert(this.slotAt(at), this.#hash(at));
  }
}
