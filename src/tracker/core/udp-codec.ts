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

const EVENTS = ["none", "completed", "started", "stopped"] as const;

/** What every request begins with. */
export interface UdpHeader {
  readonly action: "connect" | "announce" | "scrape";
  /** The 8 bytes of the connection id, a view; of `connect` they are the protocol's own number. */
  readonly connection: Uint8Array;
  readonly transaction: number;
}

export interface UdpAnnounce {
  readonly query: AnnounceQuery;
  /** Path and query of the announce URL, one character a byte (BEP 41); "" when the client sends none. */
  readonly urlData: string;
}

/** @returns undefined for everything that is no request, a truncated one included: it gets no answer. */
export function readHeader(datagram: Uint8Array): UdpHeader | undefined {
  if (datagram.length < HEADER) return undefined;
  const view = viewOf(datagram);
  const connection = datagram.subarray(0, 8);
  const transaction = view.getUint32(12);
  switch (view.getUint32(8)) {
    case CONNECT:
      return PROTOCOL_ID.every((byte, i) => datagram[i] === byte)
        ? { action: "connect", connection, transaction }
        : undefined;
    case ANNOUNCE:
      return datagram.length < ANNOUNCE_LENGTH ? undefined : { action: "announce", connection, transaction };
    case SCRAPE:
      return datagram.length === HEADER || (datagram.length - HEADER) % 20 !== 0
        ? undefined
        : { action: "scrape", connection, transaction };
    default:
      return undefined;
  }
}

/**
 * Reads an announce that {@link readHeader} has recognised. The address that a client wishes for is not in it, the
 * datagram's is used. The key becomes the text that libtorrent and Transmission send over HTTP, so that a client
 * which uses both stays one peer; 0 is none.
 */
export function readAnnounce(datagram: Uint8Array): UdpAnnounce {
  const view = viewOf(datagram);
  const key = view.getUint32(88);
  const numwant = view.getInt32(92);
  return {
    query: {
      ok: true,
      infoHash: infoHash(datagram.slice(16, 36)),
      peerId: peerId(datagram.slice(36, 56)),
      downloaded: uint64(view, 56),
      // All ones stands for "don't know", as -1 does.
      left: view.getBigUint64(64) === 0xffff_ffff_ffff_ffffn ? undefined : uint64(view, 64),
      uploaded: uint64(view, 72),
      event: EVENTS[view.getUint32(80)] ?? "none",
      key: key === 0 ? "" : key.toString(16).toUpperCase(),
      numwant: numwant < 0 ? undefined : numwant,
      port: view.getUint16(96),
      compact: true,
      noPeerId: true,
    },
    urlData: readUrlData(datagram.subarray(ANNOUNCE_LENGTH)),
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
  const view = viewOf(reply);
  view.setUint32(8, interval);
  view.setUint32(12, counts.incomplete);
  view.setUint32(16, counts.complete);
  reply.set(peers, 20);
  return reply;
}

/** @returns 8 bytes and 12 for each swarm, in the order of the request; zeros for one that is not known. */
export function encodeScrapeReply(
  transaction: number,
  swarms: readonly (SwarmCounts | undefined)[],
): Uint8Array {
  const reply = begin(SCRAPE, transaction, 8 + 12 * swarms.length);
  const view = viewOf(reply);
  for (const [i, swarm] of swarms.entries()) {
    view.setUint32(8 + 12 * i, swarm?.complete ?? 0);
    view.setUint32(12 + 12 * i, swarm?.downloaded ?? 0);
    view.setUint32(16 + 12 * i, swarm?.incomplete ?? 0);
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
  const view = viewOf(reply);
  view.setUint32(0, action);
  view.setUint32(4, transaction);
  return reply;
}

/** Above 2^53 it is rounded, which harms no count of ours. */
function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
