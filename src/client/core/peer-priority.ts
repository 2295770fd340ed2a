/** Canonical peer priority (BEP 40): both ends of a connection rank it alike, and nobody can choose its rank. */
import { parseIp } from "../../protocol/ip-address.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";

/** Polynomial of CRC-32C, reversed. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 255] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The rank of a connection between two listening addresses, higher is better.
 * @returns undefined when they aren't of one family, or no addresses.
 */
export function peerPriority(a: PeerAddress, b: PeerAddress): number | undefined {
  const [one, other] = [parseIp(a.host), parseIp(b.host)];
  if (one === undefined || other === undefined || one.length !== other.length) return undefined;
  if (one.every((byte, i) => byte === other[i])) return crc32c(inOrder(portOf(a), portOf(b)));
  const known = one.length === 4 ? [2, 3] : [6, 7];
  // Every further byte of the network that they share makes the mask a byte longer.
  const [first = 0, second = 0] = known;
  const shares = (length: number) => one.subarray(0, length).every((byte, i) => byte === other[i]);
  const whole = first + Number(shares(first)) + Number(shares(second));
  const mask = (bytes: Uint8Array) => bytes.map((byte, i) => (i < whole ? byte : byte & 0x55));
  return crc32c(inOrder(mask(one), mask(other)));
}

/** Both end to end, the lower first. */
function inOrder(a: Uint8Array, b: Uint8Array): Uint8Array {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  const isLower = at < 0 || (a[at] ?? 0) < (b[at] ?? 0);
  return Uint8Array.from(isLower ? [...a, ...b] : [...b, ...a]);
}

function portOf({ port }: PeerAddress): Uint8Array {
  return Uint8Array.of(port >> 8, port & 255);
}
