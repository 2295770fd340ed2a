/**
 * The DHT over IPv6 (BEP 32) for a library that knows IPv4 alone: each IPv6 address gets a stand-in of the reserved block
 * 240.0.0.0/4, which never leaves this process. What comes in is rewritten to what BEP 5 says over IPv4, and back on its way out.
 */
import { type BencodeDict, type BencodeValue, decodeBencode } from "../../protocol/bencode.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { encodeBencode } from "../../protocol/encode.ts";
import { BencodeError } from "../../protocol/errors.ts";
import { formatIp, parseIp } from "../../protocol/ip-address.ts";

const ID = 20;
/** Address and port. */
const FOUR = 6;
const SIX = 18;
/** Addresses that are known at a time; the one unused for longest goes first. */
const MAX_ADDRESSES = 20_000;
/** No message is longer, see krpc.ts. */
const MAX_LENGTH = 1500;

export class SixAsFour {
  readonly #standIns = new Map<string, Uint8Array>();
  readonly #real = new Map<string, string>();
  #next = 0;

  /** @param host an IPv6 literal, canonical */
  standIn(host: string): string {
    return formatIp(this.#standIn(host));
  }

  /** @returns undefined for what is no stand-in, or one of an address that is forgotten. */
  real(standIn: string): string | undefined {
    return this.#real.get(standIn);
  }

  /** @returns what came over IPv6 as it would be over IPv4; undefined when it is no message. */
  toFour(bytes: Uint8Array): Uint8Array | undefined {
    return rewritten(bytes, (result) => {
      const nodes = result.get("nodes6");
      result.delete("nodes6");
      result.delete("nodes");
      if (nodes instanceof Uint8Array)
        result.set(
          "nodes",
          this.#each(nodes, ID, SIX, (six) => this.#four(six)),
        );
      const values = result.get("values");
      if (Array.isArray(values))
        result.set(
          "values",
          convert(values, SIX, (six) => this.#four(six)),
        );
    });
  }

  /** @returns the library's message as it goes over IPv6. */
  toSix(bytes: Uint8Array): Uint8Array | undefined {
    return rewritten(bytes, (result) => {
      const nodes = result.get("nodes");
      result.delete("nodes");
      if (nodes instanceof Uint8Array)
        result.set(
          "nodes6",
          this.#each(nodes, ID, FOUR, (four) => this.#six(four)),
        );
      const values = result.get("values");
      if (Array.isArray(values))
        result.set(
          "values",
          convert(values, FOUR, (four) => this.#six(four)),
        );
    });
  }

  /** Records of `before` bytes and an endpoint each; those that can't be translated, or cut short, are left out. */
  #each(
    bytes: Uint8Array,
    before: number,
    width: number,
    translate: (endpoint: Uint8Array) => Uint8Array | undefined,
  ): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0; at + before + width <= bytes.length; at += before + width) {
      const endpoint = translate(bytes.subarray(at + before, at + before + width));
      if (endpoint !== undefined) parts.push(bytes.subarray(at, at + before), endpoint);
    }
    return concatBytes(parts);
  }

  #four(six: Uint8Array): Uint8Array | undefined {
    const host = six.subarray(0, 16);
    // An IPv4 address in IPv6's clothes would lead elsewhere than the node says.
    return parseIp(formatIp(host))?.length === 16
      ? concatBytes([this.#standIn(formatIp(host)), six.subarray(16)])
      : undefined;
  }

  #six(four: Uint8Array): Uint8Array | undefined {
    const host = parseIp(this.real(formatIp(four.subarray(0, 4))) ?? "");
    return host && concatBytes([host, four.subarray(4)]);
  }

  #standIn(host: string): Uint8Array {
    const known = this.#standIns.get(host);
    if (known !== undefined) {
      this.#standIns.delete(host);
      this.#standIns.set(host, known);
      return known;
    }
    for (const [oldest, standIn] of this.#standIns) {
      if (this.#standIns.size < MAX_ADDRESSES) break;
      this.#standIns.delete(oldest);
      this.#real.delete(formatIp(standIn));
    }
    // Not given again for long: 2^28 of them.
    const number = this.#next++ % 2 ** 28;
    const made = Uint8Array.of(
      0xf0 | (number >>> 24),
      (number >>> 16) & 0xff,
      (number >>> 8) & 0xff,
      number & 0xff,
    );
    this.#standIns.set(host, made);
    this.#real.set(formatIp(made), host);
    return made;
  }
}

function rewritten(bytes: Uint8Array, change: (result: BencodeDict) => void): Uint8Array | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  try {
    const message = decodeBencode(bytes, { maxDepth: 4, maxTokens: 400 });
    if (!(message instanceof Map)) return undefined;
    const result = message.get("r");
    if (result instanceof Map) change(result);
    return encodeBencode(message);
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
}

function convert(
  values: readonly BencodeValue[],
  width: number,
  translate: (endpoint: Uint8Array) => Uint8Array | undefined,
): BencodeValue[] {
  return values.flatMap((value) => {
    const endpoint = value instanceof Uint8Array && value.length === width ? translate(value) : undefined;
    return endpoint === undefined ? [] : [endpoint];
  });
}
