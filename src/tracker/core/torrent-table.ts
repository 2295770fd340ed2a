import { grown } from "./columns.ts";
import { mixBytes, SlotIndex } from "./slot-index.ts";

const HASH_LENGTH = 20;

/**
 * Values by info hash. A Map would want each hash as a string, and making that string would cost more than all else
 * about finding the swarm of an announce.
 */
export class TorrentTable<Value> {
  readonly #seed: number;
  readonly #index = new SlotIndex();
  #hashes = new Uint8Array(0);
  #values: (Value | undefined)[] = [];
  readonly #free: number[] = [];
  #capacity = 0;

  /** @param seed secret, as {@link mixBytes} wants it. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#values.length - this.#free.length;
  }

  get(infoHash: Uint8Array): Value | undefined {
    const slot = this.#find(infoHash);
    return slot < 0 ? undefined : this.#values[slot];
  }

  set(infoHash: Uint8Array, value: Value): void {
    const known = this.#find(infoHash);
    if (known >= 0) {
      this.#values[known] = value;
      return;
    }
    const slot = this.#free.pop() ?? this.#values.length;
    if (slot >= this.#capacity) this.#grow();
    this.#hashes.set(infoHash, slot * HASH_LENGTH);
    this.#values[slot] = value;
    this.#index.insert(slot, this.#hash(infoHash, 0));
  }

  delete(infoHash: Uint8Array): void {
    const slot = this.#find(infoHash);
    if (slot < 0) return;
    this.#index.remove(slot, this.#hash(infoHash, 0));
    this.#values[slot] = undefined;
    this.#free.push(slot);
  }

  clear(): void {
    this.#capacity = 0;
    this.#hashes = new Uint8Array(0);
    this.#values = [];
    this.#free.length = 0;
  }

  /** In no order; entries may be deleted meanwhile. */
  *values(): Generator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  #find(infoHash: Uint8Array): number {
    if (this.#capacity === 0) return -1;
    let slot = this.#index.first(this.#hash(infoHash, 0));
    while (slot >= 0 && !this.#isAt(slot, infoHash)) slot = this.#index.after(slot);
    return slot;
  }

  #isAt(slot: number, infoHash: Uint8Array): boolean {
    const at = slot * HASH_LENGTH;
    for (let i = 0; i < HASH_LENGTH; i++) if (this.#hashes[at + i] !== infoHash[i]) return false;
    return true;
  }

  #hash(bytes: Uint8Array, at: number): number {
    return mixBytes(bytes, at, HASH_LENGTH, this.#seed);
  }

  #grow(): void {
    this.#capacity = Math.max(8, 2 * this.#capacity);
    this.#hashes = grown(this.#hashes, new Uint8Array(this.#capacity * HASH_LENGTH));
    this.#index.reset(this.#capacity);
    // None is free: that is why it grows.
    for (let slot = 0; slot < this.#values.length; slot++)
      this.#index.insert(slot, this.#hash(this.#hashes, slot * HASH_LENGTH));
  }
}
