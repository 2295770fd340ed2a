import type { Random } from "../../protocol/ambient.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { KEY_LENGTH, type KeyPair } from "./key-exchange.ts";
import {
  type Agreement,
  type CryptoMethods,
  cipher,
  ciphered,
  encodeOffer,
  indexOf,
  MAX_PADDING,
  type MseHandshake,
  type MseStep,
  marker,
  PLAINTEXT,
  RC4,
  type Sha1,
  VC_LENGTH,
  xor,
} from "./mse.ts";
import { padding } from "./mse-padding.ts";
import type { Rc4 } from "./rc4.ts";

const HASH_LENGTH = 20;

export interface MseAnswererOptions {
  /** Which torrent has that hash of "req2" and its info hash; undefined when none has. */
  readonly torrentOf: (hash: Uint8Array) => InfoHash | undefined;
  /** The methods that may be chosen, the better first. */
  readonly accepted: readonly CryptoMethods[];
  readonly keys: KeyPair;
  readonly random: Random;
  readonly sha1: Sha1;
}

/** How far it is: each phase waits for so many bytes. */
type Phase =
  | { readonly name: "key" }
  | { readonly name: "search"; readonly secret: Uint8Array; readonly expected: Uint8Array }
  | { readonly name: "torrent"; readonly secret: Uint8Array }
  | { readonly name: "offer"; readonly ciphers: Ciphers }
  | {
      readonly name: "padding";
      readonly ciphers: Ciphers;
      readonly offered: CryptoMethods;
      readonly length: number;
    };

interface Ciphers {
  readonly infoHash: InfoHash;
  readonly in: Rc4;
  readonly out: Rc4;
}

/** The obfuscated handshake of whoever was called ("B"). */
export class MseAnswerer implements MseHandshake {
  readonly #options: MseAnswererOptions;
  #received: Uint8Array = new Uint8Array(0);
  #phase: Phase = { name: "key" };

  constructor(options: MseAnswererOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): MseStep {
    this.#received = concatBytes([this.#received, bytes]);
    const sent: Uint8Array[] = [];
    for (;;) {
      const step = this.#step();
      if (step?.send !== undefined) sent.push(step.send);
      if (step === undefined || step.agreed !== undefined) {
        const send = concatBytes(sent);
        return { ...(send.length > 0 && { send }), ...(step?.agreed && { agreed: step.agreed }) };
      }
    }
  }

  /** @returns undefined when more must arrive first. */
  #step(): MseStep | undefined {
    const phase = this.#phase;
    switch (phase.name) {
      case "key":
        return this.#readKey();
      case "search":
        return this.#search(phase.secret, phase.expected);
      case "torrent":
        return this.#readTorrent(phase.secret);
      case "offer":
        return this.#readOffer(phase.ciphers);
      case "padding":
        return this.#finish(phase.ciphers, phase.offered, phase.length);
      default:
        return phase satisfies never;
    }
  }

  #readKey(): MseStep | undefined {
    const { keys, random, sha1 } = this.#options;
    const key = this.#take(KEY_LENGTH);
    if (key === undefined) return undefined;
    const secret = keys.secretWith(key);
    this.#phase = { name: "search", secret, expected: marker(sha1, "req1", secret) };
    return { send: concatBytes([keys.publicKey, padding(random)]) };
  }

  #search(secret: Uint8Array, expected: Uint8Array): MseStep | undefined {
    const at = indexOf(this.#received, expected, 0);
    if (at > MAX_PADDING || (at < 0 && this.#received.length >= MAX_PADDING + HASH_LENGTH)) {
      throw new ProtocolError("the peer speaks nothing that is known here");
    }
    if (at < 0) return undefined;
    this.#take(at + HASH_LENGTH);
    this.#phase = { name: "torrent", secret };
    return {};
  }

  #readTorrent(secret: Uint8Array): MseStep | undefined {
    const { sha1, torrentOf } = this.#options;
    const mixed = this.#take(HASH_LENGTH);
    if (mixed === undefined) return undefined;
    const infoHash = torrentOf(xor(mixed, marker(sha1, "req3", secret)));
    if (infoHash === undefined) throw new ProtocolError("the peer wants a torrent that isn't here");
    const ciphers = {
      infoHash,
      in: cipher(sha1, "A", secret, infoHash),
      out: cipher(sha1, "B", secret, infoHash),
    };
    this.#phase = { name: "offer", ciphers };
    return {};
  }

  #readOffer(ciphers: Ciphers): MseStep | undefined {
    const taken = this.#take(VC_LENGTH + 6);
    if (taken === undefined) return undefined;
    const bytes = ciphered(ciphers.in, taken);
    const view = new DataView(bytes.buffer);
    if (bytes.subarray(0, VC_LENGTH).some((byte) => byte !== 0)) {
      throw new ProtocolError("the peer's obfuscation is damaged");
    }
    const length = view.getUint16(VC_LENGTH + 4);
    if (length > MAX_PADDING) throw new ProtocolError(`the peer announces ${length} bytes of padding`);
    this.#phase = { name: "padding", ciphers, offered: view.getUint32(VC_LENGTH), length };
    return {};
  }

  #finish(ciphers: Ciphers, offered: CryptoMethods, length: number): MseStep | undefined {
    const taken = this.#take(length + 2);
    if (taken === undefined) return undefined;
    const [high = 0, low = 0] = ciphered(ciphers.in, taken).subarray(length);
    const method = this.#options.accepted.find((each) => (each & offered) !== 0);
    if (method === undefined) throw new ProtocolError("the peer offers no encryption that is wanted here");
    const send = ciphered(ciphers.out, encodeOffer(method, padding(this.#options.random)));
    const agreed: Agreement = {
      infoHash: ciphers.infoHash,
      encipher: method === RC4 ? ciphers.out : undefined,
      decipher: ciphers.in,
      // The initial payload is a part of the stream: it needs no memory, however long it is.
      enciphered: method === PLAINTEXT ? (high << 8) | low : Number.POSITIVE_INFINITY,
      rest: this.#received,
    };
    return { send, agreed };
  }

  #take(count: number): Uint8Array | undefined {
    if (this.#received.length < count) return undefined;
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }
}
