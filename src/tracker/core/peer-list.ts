import { formatIp } from "../../protocol/ip-address.ts";

export interface ListedPeer {
  /** An IP literal without brackets. */
  readonly host: string;
  readonly port: number;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
}

const ID_LENGTH = 20;

/** The peers of one reply, kept as they go out: 6 bytes a peer (BEP 23), or 18 for IPv6 (BEP 7). */
export class PeerList {
  readonly #capacity: number;
  readonly #peers4: PackedPeers;
  readonly #peers6: PackedPeers;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#peers4 = new PackedPeers(4, capacity);
    this.#peers6 = new PackedPeers(16, capacity);
  }

  get isFull(): boolean {
    return this.#peers4.count + this.#peers6.count >= this.#capacity;
  }

  /** Copies what it is given; does nothing when the list is full. */
  add(ip: Uint8Array, port: number, peerId: Uint8Array): void {
    if (!this.isFull) (ip.length === 4 ? this.#peers4 : this.#peers6).add(ip, port, peerId);
  }

  /** `peers` (BEP 23). */
  compact4(): Uint8Array {
    return this.#peers4.compact();
  }

  /** `peers6` (BEP 7). */
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
  readonly #capacity: number;
  #endpoints = new Uint8Array(0);
  #ids = new Uint8Array(0);

  constructor(width: 4 | 16, capacity: number) {
    this.#width = width;
    this.#capacity = capacity;
  }

  add(ip: Uint8Array, port: number, peerId: Uint8Array): void {
    if (this.count === 0) {
      this.#endpoints = new Uint8Array(this.#capacity * (this.#width + 2));
      this.#ids = new Uint8Array(this.#capacity * ID_LENGTH);
    }
    const at = this.count * (this.#width + 2);
    this.#endpoints.set(ip, at);
    this.#endpoints[at + this.#width] = port >> 8;
    this.#endpoints[at + this.#width + 1] = port;
    this.#ids.set(peerId, this.count * ID_LENGTH);
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
