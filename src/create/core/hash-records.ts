/**
 * The file that remembers the hashes of a share's pieces: what a piece is made of (a key, see `piece-keys.ts`) and the
 * SHA-1 of it. A version, the number of records, their keys end to end, their hashes end to end, a check over all of it.
 */
import { bytesEqual } from "../../protocol/bytes.ts";

/** Bytes of a key, and of a SHA-1. */
export const KEY_BYTES = 16;
export const HASH_BYTES = 20;
const RECORD_BYTES = KEY_BYTES + HASH_BYTES;
const CHECK_BYTES = 16;
/** ASCII; the number goes up when keys or layout change. */
const VERSION = Uint8Array.from("boojum hashes 1\n", (character) => character.charCodeAt(0));
const HEADER_BYTES = VERSION.length + 4;

type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Records in order; `keys` and `hashes` have as many entries. */
export interface HashRecords {
  readonly keys: Uint8Array;
  readonly hashes: Uint8Array;
}

export const NO_RECORDS: HashRecords = { keys: new Uint8Array(0), hashes: new Uint8Array(0) };

export function encodeRecords({ keys, hashes }: HashRecords, sha256: Sha256): Uint8Array {
  const count = keys.length / KEY_BYTES;
  const bytes = new Uint8Array(HEADER_BYTES + count * RECORD_BYTES + CHECK_BYTES);
  bytes.set(VERSION);
  new DataView(bytes.buffer).setUint32(VERSION.length, count);
  bytes.set(keys, HEADER_BYTES);
  bytes.set(hashes, HEADER_BYTES + keys.length);
  const end = bytes.length - CHECK_BYTES;
  bytes.set(sha256(bytes.subarray(0, end)).subarray(0, CHECK_BYTES), end);
  return bytes;
}

/** @returns undefined when `bytes` are damaged, cut short, or of another version; else views of them. */
export function decodeRecords(bytes: Uint8Array, sha256: Sha256): HashRecords | undefined {
  const end = bytes.length - CHECK_BYTES;
  if (end < HEADER_BYTES || !bytesEqual(bytes.subarray(0, VERSION.length), VERSION)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(VERSION.length);
  if (end !== HEADER_BYTES + count * RECORD_BYTES) return undefined;
  if (!bytesEqual(sha256(bytes.subarray(0, end)).subarray(0, CHECK_BYTES), bytes.subarray(end)))
    return undefined;
  const middle = HEADER_BYTES + count * KEY_BYTES;
  return { keys: bytes.subarray(HEADER_BYTES, middle), hashes: bytes.subarray(middle, end) };
}

/**
 * Finds each wanted key. What is asked for in the order in which it was kept is found without an index.
 * @param found told the index of the wanted key and its hash.
 */
export function findRecords(
  records: HashRecords,
  wanted: Uint8Array,
  found: (index: number, hash: Uint8Array) => void,
): void {
  const count = records.keys.length / KEY_BYTES;
  let index: Map<string, number> | undefined;
  for (let i = 0; i < wanted.length / KEY_BYTES; i++) {
    const key = keyAt(wanted, i);
    let at: number | undefined = i;
    if (i >= count || !bytesEqual(key, keyAt(records.keys, i))) {
      index ??= indexOf(records.keys);
      at = index.get(nameOf(key));
    }
    if (at !== undefined) found(i, records.hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  }
}

/**
 * The records of `fresh`, then those of `old` that it lacks, as long as there is room: a file that is changed back, or
 * two folders that take turns, find theirs again.
 */
export function mergeRecords(fresh: HashRecords, old: HashRecords, most: number): HashRecords {
  const known = indexOf(fresh.keys);
  const freshCount = fresh.keys.length / KEY_BYTES;
  const kept: number[] = [];
  for (let i = 0; i < old.keys.length / KEY_BYTES && freshCount + kept.length < most; i++) {
    if (!known.has(nameOf(keyAt(old.keys, i)))) kept.push(i);
  }
  const keys = new Uint8Array((freshCount + kept.length) * KEY_BYTES);
  const hashes = new Uint8Array((freshCount + kept.length) * HASH_BYTES);
  keys.set(fresh.keys);
  hashes.set(fresh.hashes);
  for (const [i, from] of kept.entries()) {
    keys.set(keyAt(old.keys, from), (freshCount + i) * KEY_BYTES);
    hashes.set(
      old.hashes.subarray(from * HASH_BYTES, (from + 1) * HASH_BYTES),
      (freshCount + i) * HASH_BYTES,
    );
  }
  return { keys, hashes };
}

function keyAt(keys: Uint8Array, index: number): Uint8Array {
  return keys.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES);
}

function indexOf(keys: Uint8Array): Map<string, number> {
  const index = new Map<string, number>();
  for (let i = 0; i < keys.length / KEY_BYTES; i++) index.set(nameOf(keyAt(keys, i)), i);
  return index;
}

/** A key as something that a Map compares by value. */
function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
