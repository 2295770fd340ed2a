/** Datagrams of BEP 15, written from its tables byte by byte. */

export const MAGIC = [0x00, 0x00, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80] as const;

export function connectRequest(transaction = 0x01020304): Uint8Array {
  return Uint8Array.from([...MAGIC, ...u32(0), ...u32(transaction)]);
}

export interface AnnounceFields {
  readonly connection: Uint8Array;
  readonly infoHash: Uint8Array;
  readonly peerId?: Uint8Array;
  readonly transaction?: number;
  readonly left?: number;
  readonly event?: number;
  readonly key?: number;
  readonly numwant?: number;
  readonly port?: number;
  readonly options?: readonly number[];
}

export function announceRequest(fields: AnnounceFields): Uint8Array {
  return Uint8Array.from([
    ...fields.connection,
    ...u32(1),
    ...u32(fields.transaction ?? 0x0a0b0c0d),
    ...fields.infoHash,
    ...(fields.peerId ?? new Uint8Array(20).fill(0x70)),
    ...u64(11),
    ...u64(fields.left ?? 1000),
    ...u64(33),
    ...u32(fields.event ?? 2),
    ...[9, 9, 9, 9],
    ...u32(fields.key ?? 0xabcdef01),
    ...u32(fields.numwant ?? 0xffffffff),
    ...u16(fields.port ?? 7000),
    ...(fields.options ?? []),
  ]);
}

export function scrapeRequest(
  connection: Uint8Array,
  hashes: readonly Uint8Array[],
  transaction = 7,
): Uint8Array {
  return Uint8Array.from([
    ...connection,
    ...u32(2),
    ...u32(transaction),
    ...hashes.flatMap((hash) => [...hash]),
  ]);
}

/** BEP 41: the URL's path and query. */
export function urlData(text: string): number[] {
  return [2, text.length, ...new TextEncoder().encode(text)];
}

export function u16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function u32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function u64(value: number): number[] {
  return [...u32(Math.floor(value / 2 ** 32)), ...u32(value)];
}
