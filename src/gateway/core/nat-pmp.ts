/** The NAT Port Mapping Protocol (RFC 6886), PCP's forerunner; IPv4 only. */
import type { MapRequest, Refused } from "./mapping.ts";

/** Gateways listen there for PCP and NAT-PMP, told apart by the version. */
export const GATEWAY_PORT = 5351;

const RESPONSE = 0x80;
const OPCODES = { udp: 1, tcp: 2 } as const;
/** 3.5. */
const REFUSALS: readonly string[] = [
  "",
  "it doesn't speak this version",
  "not authorized",
  "it has no network itself",
  "it has no ports left",
  "mapping is not supported",
];

export type NatPmpAnswer =
  | { readonly kind: "address"; readonly address: Uint8Array }
  | { readonly kind: "mapped"; readonly port: number; readonly lifetime: number }
  | Refused;

/** What is the address on the other side (3.2)? */
export function encodeAddressRequest(): Uint8Array {
  return new Uint8Array(2);
}

/** @returns a request to make or renew a mapping (3.3), or, with a lifetime of 0, to end it (3.4). */
export function encodeNatPmpMap({ protocol, port, wanted, lifetime }: MapRequest): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  bytes[1] = OPCODES[protocol];
  view.setUint16(4, port);
  view.setUint16(6, lifetime === 0 ? 0 : wanted);
  view.setUint32(8, lifetime);
  return bytes;
}

/** @returns undefined for what is no answer to a request for the address. */
export function readAddressReply(bytes: Uint8Array): NatPmpAnswer | undefined {
  const refused = refusal(bytes, 0);
  if (refused !== "none") return refused;
  return bytes.length < 12 ? undefined : { kind: "address", address: bytes.slice(8, 12) };
}

/** @returns undefined for what is no answer to `request`. */
export function readNatPmpMap(
  bytes: Uint8Array,
  request: Pick<MapRequest, "protocol" | "port">,
): NatPmpAnswer | undefined {
  const refused = refusal(bytes, OPCODES[request.protocol]);
  if (refused !== "none") return refused;
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(8) !== request.port) return undefined;
  return { kind: "mapped", port: view.getUint16(10), lifetime: view.getUint32(12) };
}

/** "none" when it is an answer to `opcode` that refuses nothing. */
function refusal(bytes: Uint8Array, opcode: number): Refused | "none" | undefined {
  if (bytes.length < 4 || bytes[1] !== (RESPONSE | opcode)) return undefined;
  const result = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  // Whoever speaks only PCP answers in its own version.
  if (bytes[0] !== 0) return { kind: "refused", reason: REFUSALS[1] ?? "" };
  return result === 0 ? "none" : { kind: "refused", reason: REFUSALS[result] ?? `result ${result}` };
}
