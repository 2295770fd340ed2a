/** What both ends of an obfuscated handshake compute ("Message Stream Encryption", also called PE). */
import { concatBytes } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { Rc4 } from "./rc4.ts";

/** Longest padding that either side may send, each time. */
export const MAX_PADDING = 512;
/** Verification constant: eight zeros. */
export const VC_LENGTH = 8;
/** Of the key stream these many bytes are thrown away. */
const DISCARDED = 1024;

/** Bits of `crypto_provide` and `crypto_select`: what follows the handshake. */
export const PLAINTEXT = 1;
export const RC4 = 2;
/** One of those bits, or both. */
export type CryptoMethods = number;

export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** What both have agreed on. */
export interface Agreement {
  readonly infoHash: InfoHash;
  /** For what we send from now on; undefined when that is plain. */
  readonly encipher: Rc4 | undefined;
  readonly decipher: Rc4;
  /** So many of the bytes that come now are enciphered: all, which is Infinity, or only the initial payload. */
  readonly enciphered: number;
  /** Came behind the handshake already; not deciphered. */
  readonly rest: Uint8Array;
}

/** What one arrival leads to. */
export interface MseStep {
  readonly send?: Uint8Array;
  readonly agreed?: Agreement;
}

/** One end of the handshake. */
export interface MseHandshake {
  /** To be sent before anything arrives; undefined for who answers. */
  readonly opening?: Uint8Array;
  /** Takes what arrived. Not called any more after it agreed or threw. @throws {ProtocolError} the connection must end. */
  push(bytes: Uint8Array): MseStep;
}

export function marker(sha1: Sha1, name: "req1" | "req2" | "req3", data: Uint8Array): Uint8Array {
  return sha1(concatBytes([text(name), data]));
}

/** `A`: from who dialled to who answers; `B`: the other way. */
export function cipher(sha1: Sha1, direction: "A" | "B", secret: Uint8Array, infoHash: InfoHash): Rc4 {
  return new Rc4(sha1(concatBytes([text(`key${direction}`), secret, infoHash]))).skip(DISCARDED);
}

/** Where `pattern` begins in `bytes`, at `from` or later; -1 when it doesn't. */
export function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  for (let at = from; at + pattern.length <= bytes.length; at++) {
    let i = 0;
    while (i < pattern.length && bytes[at + i] === pattern[i]) i++;
    if (i === pattern.length) return at;
  }
  return -1;
}

export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

/** `apply` into memory of its own. */
export function ciphered(rc4: Rc4, bytes: Uint8Array): Uint8Array {
  const output = new Uint8Array(bytes.length);
  rc4.apply(bytes, output);
  return output;
}

/** VC, methods, the length of the padding and the padding: what both ends send enciphered. */
export function encodeOffer(methods: CryptoMethods, padding: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(VC_LENGTH + 6 + padding.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(VC_LENGTH, methods);
  view.setUint16(VC_LENGTH + 4, padding.length);
  bytes.set(padding, VC_LENGTH + 6);
  return bytes;
}

function text(word: string): Uint8Array {
  return Uint8Array.from(word, (letter) => letter.charCodeAt(0));
}
