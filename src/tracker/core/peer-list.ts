import { formatIp } from "../../protocol/ip-address.ts";

export interface ListedPeer {
  /** An IP literal without brackets. */
  readonly host: string;
  readonly port: number;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
}

const ID_LENGTH = 20;

/**
 * The peers of one reply, kept as they go out: 6 bytes a peer (BEP 23), or 18 for IPv6 (BEP 7). One list serves all
 * replies, one after the other: making and collecting buffers would be most of what an announce costs.
 */
export class PeerList {
  readonly #peers4: PackedPeers;
  readonly #peers6: PackedPeers;
  #wanted = 0;

  constructor(capacity: number) {
    this.#peers4 = new PackedPeers(4, capacity);
    this.#peers6 = new PackedPeers(16, capacity);
  }

  get isFull(): boolean {
    return this.#peers4.count + this.#peers6.count >= this.#wanted;
  }

  /** Forgets all peers; `wanted` is the capacity at most. */
  reset(wanted: number): void {
    this.#wanted = wanted;
    this.#peers4.count = 0;
    this.#peers6.count = 0;
  }

  /**
   * Copies a peer whose address (`width` bytes) and id (20) lie in longer arrays; does nothing when the list is full.
   * Offsets instead of views, for the same reason as above.
   */
  add(
    width: number,
    addresses: Uint8Array,
    addressAt: number,
    port: number,
    ids: Uint8Array,
    idAt: number,
  ): void {
    if (this.isFull) return;
    (width === 4 ? this.#peers4 : this.#peers6).add(addresses, addressAt, port, ids, idAt);
  }

  /** `peers` (BEP 23); a view, valid until {@link reset}. */
  compact4(): Uint8Array {
    return this.#peers4.compact();
  }

  /** `peers6` (BEP 7); a view, valid until {@link reset}. */
  compact6(): Uint8Array {
    return this.#peers6.compact();
  }

  /** Both families, for the list of dictionaries (BEP 3). */
  entries(): ListedPeer[] {
    return [...this.#peers4.entries(), ...this.#peers6.entries()];
  }
}

class PackedPeers {
  count = 0;
  readonly #width: number;
  readonly #endpoints: Uint8Array<ArrayBuffer>;
  readonly #ids: Uint8Array;

  constructor(width: 4 | 16, capacity: number) {
    this.#width = width;
    this.#endpoints = new Uint8Array(capacity * (width + 2));
    this.#ids = new Uint8Array(capacity * ID_LENGTH);
  }

  add(addresses: Uint8Array, addressAt: number, port: number, ids: Uint8Array, idAt: number): void {
    const width = this.#width;
    const at = this.count * (width + 2);
    for (let i = 0; i < width; i++) this.#endpoints[at + i] = addresses[addressAt + i] ?? 0;
    this.#endpoints[at + width] = port >> 8;
    this.#endpoints[at + width + 1] = port;
    const idTo = this.count * ID_LENGTH;
    for (let i = 0; i < ID_LENGTH; i++) this.#ids[idTo + i] = ids[idAt + i] ?? 0;
    this.count++;
  }

  compact(): Uint8Array {
    return this.#endpoints.subarray(0, this.count * (this.#width + 2));
  }

  *entries(): Generator<ListedPeer> {
    const endpoints = new DataView(this.#endpoints.buffer);
    for (let i = 0; i < this.count; i++) {
      const at = i * (this.#width + 2);
      yield {
        host: formatIp(this.#endpoints.subarray(at, at + this.#width)),
        port: endpoints.getUint16(at + this.#width),
        peerId: this.#ids.slice(i * ID_LENGTH, (i + 1) * ID_LENGTH),
      };
    }
  }
}
