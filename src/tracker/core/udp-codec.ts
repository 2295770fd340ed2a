/**
 * The datagrams of the UDP tracker protocol as a tracker sees them (BEP 15; options: BEP 41). All numbers are
 * big-endian; replies are fresh bytes, owned by the caller.
 */
import { toLatin1 } from "../../protocol/bytes.ts";
import { type InfoHash, infoHash, peerId } from "../../protocol/ids.ts";
import type { AnnounceQuery } from "./query.ts";
import type { SwarmCounts } from "./swarm-types.ts";

/** The first 8 bytes of `connect`, which has no connection id yet. */
const PROTOCOL_ID = [0x00, 0x00, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80] as const;
const CONNECT = 0;
const ANNOUNCE = 1;
const SCRAPE = 2;
const ERROR = 3;

const HEADER = 16;
const ANNOUNCE_LENGTH = 98;
/** As many as fit into a datagram (BEP 15). */
export const MAX_SCRAPE_UDP = 74;
/** What passes every IPv6 link without fragments: 1280 bytes less the headers of IPv6 and UDP. */
const MAX_REPLY = 1232;
const ALL_ONES = 0xffff_ffff;

const EVENTS = ["none", "completed", "started", "stopped"] as const;

/** What a request begins with: 8 bytes of connection id, then these. */
export interface UdpHeader {
  readonly action: "connect" | "announce" | "scrape";
  readonly transaction: number;
}

export interface UdpAnnounce {
  readonly query: AnnounceQuery;
  /** Path and query of the announce URL, one character a byte (BEP 41); "" when the client sends none. */
  readonly urlData: string;
}

/** @returns undefined for everything that is no request, a truncated one included: it gets no answer. */
export function readHeader(datagram: Uint8Array): UdpHeader | undefined {
  const { length } = datagram;
  if (length < HEADER) return undefined;
  const transaction = uint32(datagram, 12);
  switch (uint32(datagram, 8)) {
    case CONNECT:
      return PROTOCOL_ID.every((byte, i) => datagram[i] === byte)
        ? { action: "connect", transaction }
        : undefined;
    case ANNOUNCE:
      return length < ANNOUNCE_LENGTH ? undefined : { action: "announce", transaction };
    case SCRAPE:
      return length === HEADER || (length - HEADER) % 20 !== 0
        ? undefined
        : { action: "scrape", transaction };
    default:
      return undefined;
  }
}

/**
 * Reads an announce that {@link readHeader} has recognised; hash and id are views of it. The address that a client wishes for is not in it, the
 * datagram's is used. The key becomes the text that libtorrent and Transmission send over HTTP, so that a client
 * which uses both stays one peer; 0 is none.
 */
export function readAnnounce(datagram: Uint8Array): UdpAnnounce {
  const key = uint32(datagram, 88);
  const numwant = uint32(datagram, 92) | 0;
  // All ones stands for "don't know", as -1 does.
  const isUnknown = uint32(datagram, 64) === ALL_ONES && uint32(datagram, 68) === ALL_ONES;
  return {
    query: {
      ok: true,
      infoHash: infoHash(datagram.subarray(16, 36)),
      peerId: peerId(datagram.subarray(36, 56)),
      downloaded: uint64(datagram, 56),
      left: isUnknown ? undefined : uint64(datagram, 64),
      uploaded: uint64(datagram, 72),
      event: EVENTS[uint32(datagram, 80)] ?? "none",
      key: key === 0 ? "" : key.toString(16).toUpperCase(),
      numwant: numwant < 0 ? undefined : numwant,
      port: uint32(datagram, 94) & 0xffff,
      compact: true,
      noPeerId: true,
    },
    urlData: datagram.length === ANNOUNCE_LENGTH ? "" : readUrlData(datagram.subarray(ANNOUNCE_LENGTH)),
  };
}

/** The info hashes of a scrape that {@link readHeader} has recognised, in their order. */
export function readScrape(datagram: Uint8Array): InfoHash[] {
  const hashes: InfoHash[] = [];
  for (let at = HEADER; at + 20 <= datagram.length; at += 20) {
    hashes.push(infoHash(datagram.slice(at, at + 20)));
  }
  return hashes;
}

/** BEP 41: 0 ends the options, 1 is padding, 2 is a length and that much of the URL; several make one. */
function readUrlData(options: Uint8Array): string {
  let url = "";
  for (let at = 0; at < options.length; ) {
    const type = options[at++];
    if (type === 0) break;
    if (type === 1) continue;
    const length = options[at++] ?? 0;
    // Cut off: what is missing can't be guessed.
    if (at + length > options.length) break;
    if (type === 2) url += toLatin1(options.subarray(at, at + length));
    at += length;
  }
  return url;
}

/** @returns 16 bytes: action, transaction, connection id. */
export function encodeConnectReply(transaction: number, connection: Uint8Array): Uint8Array {
  const reply = begin(CONNECT, transaction, 16);
  reply.set(connection, 8);
  return reply;
}

export interface UdpAnnounceAnswer {
  readonly transaction: number;
  /** Seconds. */
  readonly interval: number;
  readonly counts: SwarmCounts;
  /** 6 bytes a peer for an asker over IPv4, 18 over IPv6: the reply itself doesn't say which. */
  readonly peers: Uint8Array;
}

/** How many peers a reply has room for. */
export function maxPeersUdp(width: 4 | 16): number {
  return Math.floor((MAX_REPLY - 20) / (width + 2));
}

/** @returns 20 bytes and the peers. */
export function encodeAnnounceReply({ transaction, interval, counts, peers }: UdpAnnounceAnswer): Uint8Array {
  const reply = begin(ANNOUNCE, transaction, 20 + peers.length);
  putUint32(reply, 8, interval);
  putUint32(reply, 12, counts.incomplete);
  putUint32(reply, 16, counts.complete);
  reply.set(peers, 20);
  return reply;
}

/** @returns 8 bytes and 12 for each swarm, in the order of the request; zeros for one that is not known. */
export function encodeScrapeReply(
  transaction: number,
  swarms: readonly (SwarmCounts | undefined)[],
): Uint8Array {
  const reply = begin(SCRAPE, transaction, 8 + 12 * swarms.length);
  for (const [i, swarm] of swarms.entries()) {
    putUint32(reply, 8 + 12 * i, swarm?.complete ?? 0);
    putUint32(reply, 12 + 12 * i, swarm?.downloaded ?? 0);
    putUint32(reply, 16 + 12 * i, swarm?.incomplete ?? 0);
  }
  return reply;
}

/** @returns 8 bytes and the message, cut so that the reply has `limit` bytes at most. */
export function encodeError(transaction: number, message: string, limit: number): Uint8Array {
  const text = new TextEncoder().encode(message).subarray(0, Math.max(0, limit - 8));
  const reply = begin(ERROR, transaction, 8 + text.length);
  reply.set(text, 8);
  return reply;
}

function begin(action: number, transaction: number, length: number): Uint8Array {
  const reply = new Uint8Array(length);
  putUint32(reply, 0, action);
  putUint32(reply, 4, transaction);
  return reply;
}

// By hand: a DataView for each datagram would cost more than the reading.

/** Above 2^53 it is rounded, which harms no count of ours. */
function uint64(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) * 2 ** 32 + uint32(bytes, at + 4);
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return ((high << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

function putUint32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (24 - 8 * i);
}
