import type { Random } from "../../protocol/ambient.ts";
import { giveUp, NO_NUMBERS } from "./columns.ts";

/**
 * A hash index from keys to slots, where the keys themselves lie in the owner's columns: 8 bytes a slot instead of
 * the hundred that a Map of strings takes. Chained, so that several slots may share a hash.
 */
export class SlotIndex {
  /** First slot of each bucket, and the next one after each slot; -1 ends a chain. */
  #heads = NO_NUMBERS;
  #next = NO_NUMBERS;

  /** Forgets everything and makes room; the owner inserts its slots again. `capacity` is a power of two. */
  reset(capacity: number): void {
    giveUp(this.#heads);
    giveUp(this.#next);
    this.#heads = new Int32Array(capacity).fill(-1);
    this.#next = new Int32Array(capacity).fill(-1);
  }

  /** The first slot that may have this hash; others follow by {@link after}, and -1 ends them. */
  first(hash: number): number {
    return this.#heads[hash & (this.#heads.length - 1)] ?? -1;
  }

  after(slot: number): number {
    return this.#next[slot] ?? -1;
  }

  insert(slot: number, hash: number): void {
    const bucket = hash & (this.#heads.length - 1);
    this.#next[slot] = this.#heads[bucket] ?? -1;
    this.#heads[bucket] = slot;
  }

  remove(slot: number, hash: number): void {
    const bucket = hash & (this.#heads.length - 1);
    let at = this.#heads[bucket] ?? -1;
    if (at === slot) {
      this.#heads[bucket] = this.after(slot);
      return;
    }
    while (at >= 0 && this.after(at) !== slot) at = this.after(at);
    if (at >= 0) this.#next[at] = this.after(slot);
  }
}

/**
 * Mixes `length` bytes from `at` into `seed`. The seed is secret and random, so a stranger cannot choose keys that
 * collide; it is no cryptographic hash, because nothing that it gives is ever told.
 */
export function mixBytes(bytes: Uint8Array, at: number, length: number, seed: number): number {
  let hash = seed | 0;
  for (let i = at; i < at + length; i++) {
    hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return finish(hash ^ length);
}

/** As {@link mixBytes} for a string of bytes, one character each. */
export function mixText(text: string, seed: number): number {
  let hash = seed | 0;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return finish(hash ^ text.length);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}

/** A seed for {@link mixBytes}. */
export function drawSeed(random: Random): number {
  return new DataView(random.bytes(4).buffer).getInt32(0);
}
