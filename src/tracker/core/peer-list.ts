import { formatIp } from "../../protocol/ip-address.ts";

export interface ListedPeer {
  /** An IP literal without brackets. */
  readonly host: string;
  readonly port: number;
  /** 20 bytes; undefined when the reply goes without. */
  readonly peerId: Uint8Array | undefined;
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

  /** How many more are wanted. */
  get room(): number {
    return this.#wanted - this.#peers4.count - this.#peers6.count;
  }

  /** Forgets all peers; `wanted` is the capacity at most. */
  reset(wanted: number, withIds: boolean): void {
    this.#wanted = wanted;
    this.#peers4.reset(withIds);
    this.#peers6.reset(withIds);
  }

  /**
   * Copies a peer's address and port (`width` + 2 bytes, as they go out) and its id (20) from longer arrays; does
   * nothing when the list is full. Offsets instead of views, for the same reason as above.
   */
  addRecord(width: 4 | 16, records: Uint8Array, at: number, ids: Uint8Array, idAt: number): void {
    if (this.room > 0) (width === 4 ? this.#peers4 : this.#peers6).add(records, at, ids, idAt);
  }

  /** The same from an address of 4 or 16 bytes and a port. */
  add(ip: Uint8Array, port: number, ids: Uint8Array, idAt: number): void {
    const record = new Uint8Array(ip.length + 2);
    record.set(ip);
    record[ip.length] = port >> 8;
    record[ip.length + 1] = port;
    this.addRecord(ip.length === 4 ? 4 : 16, record, 0, ids, idAt);
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
  readonly #record: number;
  readonly #endpoints: Uint8Array<ArrayBuffer>;
  readonly #ids: Uint8Array;
  #count = 0;
  #withIds = false;

  constructor(width: 4 | 16, capacity: number) {
    this.#record = width + 2;
    this.#endpoints = new Uint8Array(capacity * this.#record);
    this.#ids = new Uint8Array(capacity * ID_LENGTH);
  }

  get count(): number {
    return this.#count;
  }

  reset(withIds: boolean): void {
    this.#count = 0;
    this.#withIds = withIds;
  }

  add(records: Uint8Array, from: number, ids: Uint8Array, idFrom: number): void {
    const length = this.#record;
    const at = this.#count * length;
    for (let i = 0; i < length; i++) this.#endpoints[at + i] = records[from + i] ?? 0;
    if (this.#withIds) {
      const idAt = this.#count * ID_LENGTH;
      for (let i = 0; i < ID_LENGTH; i++) this.#ids[idAt + i] = ids[idFrom + i] ?? 0;
    }
    this.#count++;
  }

  compact(): Uint8Array {
    return this.#endpoints.subarray(0, this.#count * this.#record);
  }

  *entries(): Generator<ListedPeer> {
    const endpoints = new DataView(this.#endpoints.buffer);
    const width = this.#record - 2;
    for (let i = 0; i < this.#count; i++) {
      const at = i * this.#record;
      yield {
        host: formatIp(this.#endpoints.subarray(at, at + width)),
        port: endpoints.getUint16(at + width),
        peerId: this.#withIds ? this.#ids.slice(i * ID_LENGTH, (i + 1) * ID_LENGTH) : undefined,
      };
    }
  }
}
