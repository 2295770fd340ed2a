import type { Clock, Random } from "../../protocol/ambient.ts";
import { SipHash } from "./sip-hash.ts";

/** Seconds in which an id is made from the same time; it is accepted for two to three times as long (BEP 15: two minutes). */
const SLOT_SECONDS = 60;
const OLDEST_SLOTS = 2;
const ID_BYTES = 8;

/**
 * Connection ids (BEP 15): they prove that a sender receives what is sent to its address. Each is a keyed hash of that
 * address and the time, so nothing is kept for a sender, however many there are.
 *
 * The first byte is 0, so that a later request begins like `connect` and unlike what else might come to this port
 * (DHT: `d`; uTP: a version in its low bits). The second is the time it was made, the others are of the hash.
 */
export class ConnectionIds {
  readonly #clock: Clock;
  readonly #hash: SipHash;
  /** Slot and address, of each family: one for all, since this is done for every datagram. */
  readonly #message4 = new Uint8Array(4 + 4);
  readonly #message6 = new Uint8Array(4 + 16);
  readonly #id = new Uint8Array(ID_BYTES);

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#hash = new SipHash(random.bytes(16));
  }

  /** @returns 8 bytes for a sender at `address`, 4 or 16 bytes; valid until the next call. */
  issue(address: Uint8Array): Uint8Array {
    return this.#make(address, this.#slot());
  }

  /** Whether the 8 bytes that `datagram` begins with were made for `address`, and lately. */
  accepts(datagram: Uint8Array, address: Uint8Array): boolean {
    const now = this.#slot();
    const age = (now - (datagram[1] ?? 0)) & 0xff;
    if (age > OLDEST_SLOTS) return false;
    const id = this.#make(address, now - age);
    for (let i = 0; i < ID_BYTES; i++) if (datagram[i] !== id[i]) return false;
    return true;
  }

  #slot(): number {
    return Math.floor(this.#clock.now() / 1000 / SLOT_SECONDS);
  }

  #make(address: Uint8Array, slot: number): Uint8Array {
    const message = address.length === 4 ? this.#message4 : this.#message6;
    for (let i = 0; i < 4; i++) message[i] = slot >>> (8 * i);
    message.set(address, 4);
    this.#hash.hash(message, this.#id, 0);
    this.#id[0] = 0;
    this.#id[1] = slot;
    return this.#id;
  }
}
