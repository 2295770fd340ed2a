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

export interface MseDiallerOptions {
  readonly infoHash: InfoHash;
  readonly offered: CryptoMethods;
  readonly keys: KeyPair;
  readonly random: Random;
  readonly sha1: Sha1;
  /** What is to be said first, 64 KiB at the most: it goes along, so that it costs no time. Asked for once. */
  initialPayload(): Uint8Array;
}

/** The obfuscated handshake of whoever dialled ("A"). */
export class MseDialler implements MseHandshake {
  readonly opening: Uint8Array;
  readonly #options: MseDiallerOptions;
  #received: Uint8Array = new Uint8Array(0);
  /** Once the other's key is known. */
  #ciphers: { readonly out: Rc4; readonly in: Rc4; readonly expected: Uint8Array } | undefined;
  /** Once the answer was found. */
  #selected: { readonly method: CryptoMethods; readonly padding: number } | undefined;

  constructor(options: MseDiallerOptions) {
    this.#options = options;
    this.opening = concatBytes([options.keys.publicKey, padding(options.random)]);
  }

  push(bytes: Uint8Array): MseStep {
    this.#received = concatBytes([this.#received, bytes]);
    const isKeyHere = this.#ciphers === undefined && this.#received.length >= KEY_LENGTH;
    const send = isKeyHere ? this.#ask() : undefined;
    const agreed = this.#answered();
    return { ...(send && { send }), ...(agreed && { agreed }) };
  }

  /** @returns which torrent, which methods, and the initial payload. */
  #ask(): Uint8Array {
    const { infoHash, offered, keys, random, sha1 } = this.#options;
    const secret = keys.secretWith(this.#take(KEY_LENGTH));
    const out = cipher(sha1, "A", secret, infoHash);
    const into = cipher(sha1, "B", secret, infoHash);
    // The answer begins with zeros, enciphered: what to look for behind padding of unknown length.
    this.#ciphers = { out, in: into, expected: ciphered(into, new Uint8Array(VC_LENGTH)) };
    const payload = this.#options.initialPayload();
    const length = new Uint8Array([payload.length >> 8, payload.length & 255]);
    const offer = concatBytes([encodeOffer(offered, padding(random)), length, payload]);
    return concatBytes([
      marker(sha1, "req1", secret),
      xor(marker(sha1, "req2", infoHash), marker(sha1, "req3", secret)),
      ciphered(out, offer),
    ]);
  }

  #answered(): Agreement | undefined {
    const ciphers = this.#ciphers;
    if (ciphers === undefined) return undefined;
    if (this.#selected === undefined) {
      const at = indexOf(this.#received, ciphers.expected, 0);
      if (at < 0 && this.#received.length >= MAX_PADDING + VC_LENGTH) {
        throw new ProtocolError("the peer doesn't answer in an obfuscated way");
      }
      if (at < 0 || this.#received.length < at + VC_LENGTH + 6) return undefined;
      this.#take(at + VC_LENGTH);
      this.#selected = this.#readSelection(ciphers.in);
    }
    const { method, padding: length } = this.#selected;
    if (this.#received.length < length) return undefined;
    ciphers.in.skip(this.#take(length).length);
    const isRc4 = method === RC4;
    return {
      infoHash: this.#options.infoHash,
      encipher: isRc4 ? ciphers.out : undefined,
      decipher: ciphers.in,
      enciphered: isRc4 ? Number.POSITIVE_INFINITY : 0,
      rest: this.#received,
    };
  }

  #readSelection(into: Rc4): { readonly method: CryptoMethods; readonly padding: number } {
    const bytes = ciphered(into, this.#take(6));
    const view = new DataView(bytes.buffer);
    const method = view.getUint32(0);
    const length = view.getUint16(4);
    if ((method !== RC4 && method !== PLAINTEXT) || (method & this.#options.offered) === 0) {
      throw new ProtocolError(`the peer chose encryption ${method}, which it wasn't offered`);
    }
    if (length > MAX_PADDING) throw new ProtocolError(`the peer announces ${length} bytes of padding`);
    return { method, padding: length };
  }

  #take(count: number): Uint8Array {
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }
}
