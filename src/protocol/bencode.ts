/**
 * Bencoding (BEP 3, "bencoding"), strictly: one value has one spelling, but for the order of dictionary keys, which
 * torrents in the wild get wrong. Iterative and linear: no input makes it recurse, and nothing is allocated ahead.
 */
import { bytesEqual, toLatin1 } from "./bytes.ts";
import { BencodeError } from "./errors.ts";

/** Keys are byte strings, one character a byte ({@link toLatin1}), in the order in which they came. */
export type BencodeDict = Map<string, BencodeValue>;

/**
 * A decoded value. Integers are numbers when safe, else bigints; never rounded. Byte strings are views into the
 * input, which must not change while they are in use.
 */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

export interface BencodeOptions {
  /** Containers inside containers; 100 unless told. */
  readonly maxDepth?: number;
  /** Values and dictionary keys together; 3,000,000 unless told. */
  readonly maxTokens?: number;
  /** Spaces, tabs and line ends may follow the value, as in some `.torrent` files. Not on the wire. */
  readonly allowTrailingWhitespace?: boolean;
}

/** Where something lies in the input: bytes from its start, `end` exclusive. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Decodes exactly one value that fills `bytes`.
 * @throws {BencodeError} on anything malformed, trailing bytes, a repeated key, an integer outside 64 bits, or a limit.
 */
export function decodeBencode(bytes: Uint8Array, options: BencodeOptions = {}): BencodeValue {
  const decoder = new Decoder(bytes, options, undefined);
  const value = decoder.value();
  decoder.finish();
  return value;
}

/**
 * Decodes a dictionary that fills `bytes` and tells where the value of its own `key` lies, byte for byte.
 * @returns `span` undefined when the dictionary has no such key.
 * @throws {BencodeError} as {@link decodeBencode}, and when the value is not a dictionary.
 */
export function decodeBencodeDict(
  bytes: Uint8Array,
  key: string,
  options: BencodeOptions = {},
): { readonly dict: BencodeDict; readonly span: ByteSpan | undefined } {
  const decoder = new Decoder(bytes, options, key);
  const dict = decoder.value();
  decoder.finish();
  if (!(dict instanceof Map)) throw new BencodeError("expected a dictionary", 0);
  return { dict, span: decoder.span };
}

/**
 * Decodes the value at the start of `bytes`; anything may follow it (BEP 9 puts data behind a dictionary).
 * @returns the value and how many bytes it took.
 * @throws {BencodeError} as {@link decodeBencode}, but for trailing bytes.
 */
export function decodeBencodePrefix(
  bytes: Uint8Array,
  options: BencodeOptions = {},
): { readonly value: BencodeValue; readonly length: number } {
  const decoder = new Decoder(bytes, options, undefined);
  const value = decoder.value();
  return { value, length: decoder.at };
}

/** The integer under `key`; undefined when there is none, or none that a number holds exactly. */
export function integerAt(dict: BencodeDict, key: string): number | undefined {
  const value = dict.get(key);
  return typeof value === "number" ? value : undefined;
}

/** The byte string under `key`, a view; undefined when there is none. */
export function bytesAt(dict: BencodeDict, key: string): Uint8Array | undefined {
  const value = dict.get(key);
  return value instanceof Uint8Array ? value : undefined;
}

/** The byte string under `key` as UTF-8, malformed sequences replaced; undefined when there is none. */
export function textAt(dict: BencodeDict, key: string): string | undefined {
  const value = dict.get(key);
  return value instanceof Uint8Array ? utf8.decode(value) : undefined;
}

/** The list under `key`; undefined when there is none. */
export function listAt(dict: BencodeDict, key: string): readonly BencodeValue[] | undefined {
  const value = dict.get(key);
  return Array.isArray(value) ? value : undefined;
}

/** The dictionary under `key`; undefined when there is none. */
export function dictAt(dict: BencodeDict, key: string): BencodeDict | undefined {
  const value = dict.get(key);
  return value instanceof Map ? value : undefined;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const MAX_DEPTH = 100;
const MAX_TOKENS = 3_000_000;
/** Digits that always fit a safe integer. */
const SAFE_DIGITS = 15;
/** Digits of 2^63; a longer integer need not be read to its end. */
const MAX_DIGITS = 19;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const COLON = 0x3a;
const DICT = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;

/** A container that has not ended yet; the key waits for its value. */
interface Open {
  readonly list: BencodeValue[] | undefined;
  readonly dict: BencodeDict | undefined;
  key: string | undefined;
}

class Decoder {
  at = 0;
  /** Where the value of the wanted key lies, once the outermost dictionary has been read. */
  span: ByteSpan | undefined;
  readonly #bytes: Uint8Array;
  readonly #options: BencodeOptions;
  readonly #wanted: string | undefined;
  #tokensLeft: number;
  #wantedStart = -1;
  /** Recent short keys, by a hash of theirs. */
  readonly #knownKeys: { readonly bytes: Uint8Array; readonly text: string }[] = [];

  constructor(bytes: Uint8Array, options: BencodeOptions, wanted: string | undefined) {
    this.#bytes = bytes;
    this.#options = options;
    this.#wanted = wanted;
    this.#tokensLeft = options.maxTokens ?? MAX_TOKENS;
  }

  value(): BencodeValue {
    const stack: Open[] = [];
    const maxDepth = this.#options.maxDepth ?? MAX_DEPTH;
    for (;;) {
      let done: BencodeValue;
      const open = stack[stack.length - 1];
      const byte = this.#bytes[this.at];
      if (byte === END && open !== undefined) {
        if (open.key !== undefined) throw this.#error(`key ${quote(open.key)} has no value`);
        this.at++;
        stack.pop();
        done = open.list ?? (open.dict as BencodeDict); // one of the two is always there
      } else {
        if (open?.dict !== undefined && open.key === undefined) {
          this.#key(open, stack.length);
          continue;
        }
        this.#spend();
        if (byte === LIST || byte === DICT) {
          if (stack.length >= maxDepth)
            throw this.#error(`more than ${maxDepth} containers inside each other`);
          this.at++;
          stack.push(
            byte === LIST
              ? { list: [], dict: undefined, key: undefined }
              : { list: undefined, dict: new Map(), key: undefined },
          );
          continue;
        }
        done = byte === INTEGER ? this.#integer() : this.#string();
      }
      const parent = stack[stack.length - 1];
      if (parent === undefined) return done;
      if (parent.list !== undefined) parent.list.push(done);
      else this.#store(parent, done, stack.length);
    }
  }

  /** Checks what follows the one value. */
  finish(): void {
    if (this.#options.allowTrailingWhitespace === true) {
      while (isWhitespace(this.#bytes[this.at])) this.at++;
    }
    if (this.at < this.#bytes.length) throw this.#error("something follows the end of the value");
  }

  #key(open: Open, depth: number): void {
    this.#spend();
    const start = this.at;
    const key = this.#keyText(this.#string());
    if (open.dict?.has(key) === true) {
      this.at = start;
      throw this.#error(`key ${quote(key)} is there twice`);
    }
    open.key = key;
    if (depth === 1 && key === this.#wanted) this.#wantedStart = this.at;
  }

  /** A torrent of 100,000 files says "length" and "path" as often: they are made into text once. */
  #keyText(bytes: Uint8Array): string {
    const length = bytes.length;
    if (length === 0 || length > 16) return toLatin1(bytes);
    const slot = (length * 64 + (bytes[0] ?? 0) * 8 + (bytes[length - 1] ?? 0)) & 255;
    const known = this.#knownKeys[slot];
    if (known && bytesEqual(known.bytes, bytes)) return known.text;
    const text = toLatin1(bytes);
    this.#knownKeys[slot] = { bytes, text };
    return text;
  }

  #store(parent: Open, value: BencodeValue, depth: number): void {
    const key = parent.key ?? "";
    parent.dict?.set(key, value);
    parent.key = undefined;
    if (depth === 1 && key === this.#wanted) this.span = { start: this.#wantedStart, end: this.at };
  }

  #integer(): number | bigint {
    const bytes = this.#bytes;
    const start = this.at++;
    const negative = bytes[this.at] === MINUS;
    if (negative) this.at++;
    const first = this.at;
    let value = 0;
    while (isDigit(bytes[this.at])) {
      if (this.at - first === MAX_DIGITS) throw this.#errorAt(start, "an integer does not fit 64 bits");
      value = value * 10 + (bytes[this.at] ?? 0) - ZERO;
      this.at++;
    }
    const digits = this.at - first;
    if (bytes[this.at] !== END) throw this.#error(this.#unexpected("a digit or the end of an integer"));
    if (digits === 0) throw this.#errorAt(start, "an integer has no digits");
    if (bytes[first] === ZERO && (digits > 1 || negative)) {
      throw this.#errorAt(start, "an integer has a leading zero or is a negative zero");
    }
    this.at++;
    if (digits <= SAFE_DIGITS) return negative ? -value : value;
    const exact = BigInt(toLatin1(bytes.subarray(negative ? first - 1 : first, this.at - 1)));
    if (exact < INT64_MIN || exact > INT64_MAX) throw this.#errorAt(start, "an integer does not fit 64 bits");
    const rounded = Number(exact);
    return Number.isSafeInteger(rounded) ? rounded : exact;
  }

  #string(): Uint8Array {
    const bytes = this.#bytes;
    const start = this.at;
    let length = 0;
    while (isDigit(bytes[this.at])) {
      length = length * 10 + (bytes[this.at] ?? 0) - ZERO;
      // No digit more is read once the length can't be true: neither time nor precision is lost on it.
      if (length > bytes.length) throw this.#errorAt(start, "a string is longer than the input");
      this.at++;
    }
    if (this.at === start) throw this.#error(this.#unexpected("a value"));
    if (bytes[this.at] !== COLON) throw this.#error(this.#unexpected("the colon of a string"));
    if (bytes[start] === ZERO && this.at - start > 1) {
      throw this.#errorAt(start, "a string's length has a leading zero");
    }
    const from = this.at + 1;
    if (length > bytes.length - from) throw this.#errorAt(start, "a string is longer than the input");
    this.at = from + length;
    return bytes.subarray(from, this.at);
  }

  #spend(): void {
    if (this.#tokensLeft-- <= 0) throw this.#error("too many values");
  }

  #unexpected(wanted: string): string {
    const byte = this.#bytes[this.at];
    if (byte === undefined) return `the input ends where ${wanted} is expected`;
    return `expected ${wanted}, found ${byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte ${byte}`}`;
  }

  #error(message: string): BencodeError {
    return new BencodeError(message, this.at);
  }

  #errorAt(offset: number, message: string): BencodeError {
    return new BencodeError(message, offset);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** A key for a message: printable ASCII, and not much of it. */
function quote(key: string): string {
  const shown = key.length > 40 ? `${key.slice(0, 40)}...` : key;
  return `"${shown.replace(/[^\x20-\x7e]/g, "?")}"`;
}
