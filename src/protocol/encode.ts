/**
 * Bencoding, the writing side (BEP 3, "bencoding"). Our own, because the npm encoders sort keys as UTF-16 or as lists
 * of numbers instead of raw bytes, and drop what they don't know without a word.
 */
import { fromLatin1 } from "./bytes.ts";

/** Bytes that are bencoded already and go out as they are: a raw `info` dictionary. */
export class RawBencode {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * What can be encoded. Strings become UTF-8. Dictionary keys are one character a byte, as the decoder gives them;
 * in a plain object, undefined values are left out, and so are they in a Map.
 */
export type Encodable =
  | number
  | bigint
  | string
  | Uint8Array
  | RawBencode
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable | undefined>
  | { readonly [key: string]: Encodable | undefined };

/**
 * Encodes with keys sorted as raw bytes, so equal values give equal bytes.
 * @returns fresh bytes, owned by the caller.
 * @throws {RangeError} on a number that is not a safe integer, or a key with a character above U+00FF: our mistake, never
 *   a stranger's.
 */
export function encodeBencode(value: Encodable): Uint8Array {
  const writer = new BencodeWriter();
  write(writer, value);
  return writer.finish().slice();
}

const utf8 = new TextEncoder();

function write(out: BencodeWriter, value: Encodable): void {
  if (typeof value === "string") out.text(value);
  else if (value instanceof Uint8Array) writeBytes(out, value);
  else if (typeof value === "number" || typeof value === "bigint") {
    if (typeof value === "number" && !Number.isSafeInteger(value)) {
      throw new RangeError(`${value} can't be bencoded: it is not a safe integer`);
    }
    out.ascii(`i${value}e`);
  } else if (value instanceof RawBencode) out.bytes(value.bytes);
  else if (isList(value)) {
    out.ascii("l");
    for (const item of value) write(out, item);
    out.ascii("e");
  } else writeDict(out, value instanceof Map ? value : new Map(Object.entries(value)));
}

function writeDict(out: BencodeWriter, dict: ReadonlyMap<string, Encodable | undefined>): void {
  out.ascii("d");
  // UTF-16 order is byte order here: every character is one byte.
  for (const key of [...dict.keys()].sort()) {
    const value = dict.get(key);
    if (value === undefined) continue;
    if (/[^\0-\xff]/.test(key))
      throw new RangeError(`key ${JSON.stringify(key)} is not one character a byte`);
    writeBytes(out, fromLatin1(key));
    write(out, value);
  }
  out.ascii("e");
}

function writeBytes(out: BencodeWriter, bytes: Uint8Array): void {
  out.ascii(`${bytes.length}:`);
  out.bytes(bytes);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: Encodable): value is readonly Encodable[] {
  return Array.isArray(value);
}

/** Bytes one after the other. Grows by doubling: one copy a byte on average, and no object per token. */
export class BencodeWriter {
  #buffer: Uint8Array;
  #length = 0;

  constructor(capacity = 512) {
    this.#buffer = new Uint8Array(capacity);
  }

  ascii(text: string): void {
    this.#reserve(text.length);
    this.#put(text);
  }

  /** A byte string: `text` as UTF-8 with its length in front. */
  text(text: string): void {
    const start = this.#length;
    this.ascii(`${text.length}:`);
    this.#reserve(text.length);
    if (this.#put(text)) return;
    const bytes = utf8.encode(text);
    this.#length = start;
    this.ascii(`${bytes.length}:`);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** @returns what was written, owned by the caller; the writer is done with. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A byte for each character; room is reserved. @returns false when one is not ASCII, what came before it is kept. */
  #put(text: string): boolean {
    // In variables: reading fields at each character takes twice as long.
    const buffer = this.#buffer;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      buffer[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
