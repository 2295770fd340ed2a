/** Compact peer lists of trackers and peer exchange: 6 bytes a peer (BEP 23), 18 for IPv6 (BEP 7). */
import { concatBytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { formatIp, parseIp, unmapIp } from "./ip-address.ts";
import type { PeerAddress } from "./peer-address.ts";

/**
 * Packs one endpoint: address, then port, big-endian. An IPv4-mapped IPv6 address becomes IPv4.
 * @returns 6 or 18 bytes, owned by the caller; undefined when `host` is not an IP literal.
 */
export function packPeer(peer: PeerAddress): Uint8Array | undefined {
  const ip = parseIp(peer.host);
  return ip && packEndpoint(ip, peer.port);
}

/** As {@link packPeer}, for an address of 4 or 16 bytes. */
export function packEndpoint(ip: Uint8Array, port: number): Uint8Array {
  const packed = new Uint8Array(ip.length + 2);
  packed.set(ip);
  packed[ip.length] = port >>> 8;
  packed[ip.length + 1] = port & 0xff;
  return packed;
}

/** Both lists for a tracker's reply; peers whose host is not an IP literal are left out. */
export function encodeCompactPeers(peers: Iterable<PeerAddress>): {
  readonly peers: Uint8Array;
  readonly peers6: Uint8Array;
} {
  const four: Uint8Array[] = [];
  const six: Uint8Array[] = [];
  for (const peer of peers) {
    const packed = packPeer(peer);
    if (packed) (packed.length === 6 ? four : six).push(packed);
  }
  return { peers: concatBytes(four), peers6: concatBytes(six) };
}

/**
 * Reads `peers` (BEP 23). Entries with port 0 are left out: there is nobody to reach.
 * @throws {ProtocolError} when the length is not a multiple of 6.
 */
export function decodeCompactPeers(bytes: Uint8Array): PeerAddress[] {
  return decode(bytes, 4);
}

/**
 * Reads `peers6` (BEP 7); hosts are canonical, IPv4-mapped ones given as IPv4. Entries with port 0 are left out.
 * @throws {ProtocolError} when the length is not a multiple of 18.
 */
export function decodeCompactPeers6(bytes: Uint8Array): PeerAddress[] {
  return decode(bytes, 16);
}

function decode(bytes: Uint8Array, ipLength: 4 | 16): PeerAddress[] {
  const size = ipLength + 2;
  if (bytes.length % size !== 0) {
    throw new ProtocolError(`a compact peer list is a multiple of ${size} bytes, not ${bytes.length}`);
  }
  const peers: PeerAddress[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const port = ((bytes[at + ipLength] ?? 0) << 8) | (bytes[at + ipLength + 1] ?? 0);
    if (port !== 0) peers.push({ host: formatIp(unmapIp(bytes.subarray(at, at + ipLength))), port });
  }
  return peers;
}
