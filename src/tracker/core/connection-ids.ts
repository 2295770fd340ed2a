import type { Clock, Random } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import type { Hashes } from "../../protocol/hashes.ts";

/** Seconds in which an id is made from the same time; it is accepted for two to three times as long (BEP 15: two minutes). */
const SLOT_SECONDS = 60;
const OLDEST_SLOTS = 2;
const SECRET_LENGTH = 32;

/**
 * Connection ids (BEP 15): they prove that a sender receives what is sent to its address. Each is a keyed hash of that
 * address and the time, so nothing is kept for a sender, however many there are.
 *
 * The first byte is 0, so that a later request begins like `connect` and unlike what else might come to this port
 * (DHT: `d`; uTP: a version in its low bits). The second is the time it was made, the others are the hash.
 */
export class ConnectionIds {
  readonly #clock: Clock;
  readonly #sha256: Hashes["sha256"];
  /** Secret, slot, address: one buffer for all, hashing being most of what a request costs. */
  readonly #message: Uint8Array;

  constructor(clock: Clock, random: Random, sha256: Hashes["sha256"]) {
    this.#clock = clock;
    this.#sha256 = sha256;
    this.#message = new Uint8Array(SECRET_LENGTH + 4 + 1 + 16);
    this.#message.set(random.bytes(SECRET_LENGTH));
  }

  /** @returns 8 bytes for a sender at `address`, 4 or 16 bytes. */
  issue(address: Uint8Array): Uint8Array {
    return this.#make(address, this.#slot());
  }

  /** Whether `id` was made for `address`, and lately. */
  accepts(id: Uint8Array, address: Uint8Array): boolean {
    const now = this.#slot();
    const age = (now - (id[1] ?? 0)) & 0xff;
    return age <= OLDEST_SLOTS && bytesEqual(id, this.#make(address, now - age));
  }

  #slot(): number {
    return Math.floor(this.#clock.now() / 1000 / SLOT_SECONDS);
  }

  #make(address: Uint8Array, slot: number): Uint8Array {
    const message = this.#message;
    new DataView(message.buffer).setUint32(SECRET_LENGTH, slot >>> 0);
    message[SECRET_LENGTH + 4] = address.length;
    message.fill(0, SECRET_LENGTH + 5);
    message.set(address, SECRET_LENGTH + 5);
    const id = this.#sha256(message).slice(0, 8);
    id[0] = 0;
    id[1] = slot & 0xff;
    return id;
  }
}
