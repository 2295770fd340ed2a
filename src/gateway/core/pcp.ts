/** The Port Control Protocol (RFC 6887): asking a gateway to map a port, and its answer. */
import { ipScope, unmapIp } from "../../protocol/ip-address.ts";
import type { Answer, MapRequest } from "./mapping.ts";

const VERSION = 2;
const MAP = 1;
const RESPONSE = 0x80;
/** Header and MAP body (7.1, 11.1); options of ours there are none. */
const LENGTH = 60;
const NONCE_AT = 24;
const PROTOCOL_AT = 36;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** 7.4. */
const REFUSALS: readonly string[] = [
  "",
  "it doesn't speak this version",
  "not authorized",
  "malformed request",
  "mapping is not supported",
  "an option is not supported",
  "malformed option",
  "it has no network itself",
  "it has no ports left",
  "the protocol is not supported",
  "this machine has too many ports open",
  "it can't give that port",
  "another router stands between us",
  "too many peers",
];

export interface PcpRequest extends MapRequest {
  /** 12 bytes, the same for all requests about one mapping: who doesn't know them can't touch it (11.2). */
  readonly nonce: Uint8Array;
  /** The address of ours that the request leaves from: 4 or 16 bytes. */
  readonly client: Uint8Array;
}

/** @returns a request to make or renew a mapping, or, with a lifetime of 0, to end it (15). */
export function encodePcpMap({ nonce, client, protocol, port, wanted, lifetime }: PcpRequest): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes[1] = MAP;
  view.setUint32(4, lifetime);
  putAddress(bytes, 8, client);
  bytes.set(nonce, NONCE_AT);
  bytes[PROTOCOL_AT] = PROTOCOLS[protocol];
  view.setUint16(40, port);
  // Of a mapping that ends, port and address must be zero.
  view.setUint16(42, lifetime === 0 ? 0 : wanted);
  // Any address of that family.
  if (client.length === 4) putAddress(bytes, 44, new Uint8Array(4));
  return bytes;
}

/** @returns undefined for what is no answer to `request`. */
export function readPcpMap(bytes: Uint8Array, request: PcpRequest): Answer | undefined {
  // A gateway that knows only NAT-PMP says so in its own way (RFC 6886, 3.5).
  if (bytes.length >= 4 && bytes[0] === 0 && (bytes[1] ?? 0) >= RESPONSE) {
    return { kind: "refused", reason: REFUSALS[1] ?? "" };
  }
  if (bytes.length < LENGTH || bytes[0] !== VERSION || bytes[1] !== (RESPONSE | MAP)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isOurs =
    request.nonce.every((byte, i) => bytes[NONCE_AT + i] === byte) &&
    bytes[PROTOCOL_AT] === PROTOCOLS[request.protocol] &&
    view.getUint16(40) === request.port;
  if (!isOurs) return undefined;
  const result = bytes[3] ?? 0;
  const address = unmapIp(bytes.slice(44, 60));
  if (result !== 0) {
    const reason = REFUSALS[result] ?? `result ${result}`;
    // What we said ourselves may come back: any address.
    return { kind: "refused", reason, ...(ipScope(address) !== "unspecified" && { address }) };
  }
  return {
    kind: "mapped",
    lifetime: view.getUint32(4),
    port: view.getUint16(42),
    address,
  };
}

/** IPv4 goes as an IPv4-mapped IPv6 address (5). */
function putAddress(bytes: Uint8Array, at: number, address: Uint8Array): void {
  if (address.length === 16) {
    bytes.set(address, at);
    return;
  }
  bytes.set([0xff, 0xff], at + 10);
  bytes.set(address, at + 12);
}
