/** The datagrams of the UDP tracker protocol as a client sees them (BEP 15; the URL's path: BEP 41). */
import { fromLatin1 } from "../../protocol/bytes.ts";
import { decodeCompactPeers, decodeCompactPeers6 } from "../../protocol/compact-peers.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { parseIp } from "../../protocol/ip-address.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import type { AnnounceParams } from "./announce-types.ts";
import type { SwarmCounts } from "./scrape.ts";

const PROTOCOL_ID = [0x00, 0x00, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80] as const;
const CONNECT = 0;
const ANNOUNCE = 1;
const SCRAPE = 2;
const ERROR = 3;
const ANNOUNCE_LENGTH = 98;
const EVENTS = { completed: 1, started: 2, stopped: 3 } as const;
/** An option's length is one byte. */
const MAX_OPTION = 255;
/** No tracker's URL is longer; a datagram must stay whole on every link. */
const MAX_URL = 1000;
const MAX_TEXT = 200;

/** @returns 16 bytes. */
export function encodeConnect(transaction: number): Uint8Array {
  const request = new Uint8Array(16);
  request.set(PROTOCOL_ID);
  viewOf(request).setUint32(12, transaction);
  return request;
}

export interface UdpAnnounceRequest {
  /** 8 bytes, from {@link UdpReply}. */
  readonly connection: Uint8Array;
  readonly transaction: number;
  readonly params: AnnounceParams;
  /** Path and query of the announce URL, ASCII; it is left out when there is none to speak of. */
  readonly urlData: string;
}

/** @returns 98 bytes and the options. */
export function encodeUdpAnnounce({
  connection,
  transaction,
  params,
  urlData,
}: UdpAnnounceRequest): Uint8Array {
  const options = encodeOptions(urlData);
  const request = new Uint8Array(ANNOUNCE_LENGTH + options.length);
  const view = viewOf(request);
  request.set(connection);
  view.setUint32(8, ANNOUNCE);
  view.setUint32(12, transaction);
  request.set(params.infoHash, 16);
  request.set(params.peerId, 36);
  view.setBigUint64(56, BigInt(params.downloaded));
  view.setBigUint64(64, BigInt(params.left));
  view.setBigUint64(72, BigInt(params.uploaded));
  view.setUint32(80, params.event === undefined ? 0 : EVENTS[params.event]);
  const ip = params.ip === undefined ? undefined : parseIp(params.ip);
  // There is room for IPv4 only. 0: the tracker takes the datagram's.
  if (ip?.length === 4) request.set(ip, 84);
  view.setUint32(88, /^[\da-f]{1,8}$/i.test(params.key) ? Number.parseInt(params.key, 16) : 0);
  view.setInt32(92, params.numwant);
  view.setUint16(96, params.port);
  request.set(options, ANNOUNCE_LENGTH);
  return request;
}

/** Asks for the counts of one torrent. @returns 36 bytes. */
export function encodeUdpScrape({
  connection,
  transaction,
  infoHash,
}: {
  /** 8 bytes, from {@link UdpReply}. */
  readonly connection: Uint8Array;
  readonly transaction: number;
  readonly infoHash: InfoHash;
}): Uint8Array {
  const request = new Uint8Array(36);
  const view = viewOf(request);
  request.set(connection);
  view.setUint32(8, SCRAPE);
  view.setUint32(12, transaction);
  request.set(infoHash, 16);
  return request;
}

function encodeOptions(urlData: string): number[] {
  if (urlData === "" || urlData === "/" || urlData.length > MAX_URL) return [];
  const options: number[] = [];
  for (let at = 0; at < urlData.length; at += MAX_OPTION) {
    const part = fromLatin1(urlData.slice(at, at + MAX_OPTION));
    options.push(2, part.length, ...part);
  }
  return [...options, 0];
}

/** What a tracker sends back. */
export type UdpReply =
  | { readonly action: "connect"; readonly connection: Uint8Array }
  | {
      readonly action: "announce";
      /** Seconds, as the tracker says. */
      readonly interval: number;
      readonly leechers: number;
      readonly seeders: number;
      readonly peers: readonly PeerAddress[];
    }
  /** Of the first torrent that was asked about. */
  | { readonly action: "scrape"; readonly counts: SwarmCounts }
  /** The tracker's own words: foreign text. */
  | { readonly action: "error"; readonly message: string };

/**
 * Reads a reply; which kind of address its peers have follows from the family it came over.
 * @returns undefined for what is no answer to `transaction`: a datagram of somebody else, cut off, or late.
 */
export function readUdpReply(datagram: Uint8Array, transaction: number, family: 4 | 6): UdpReply | undefined {
  if (datagram.length < 8) return undefined;
  const view = viewOf(datagram);
  if (view.getUint32(4) !== transaction) return undefined;
  switch (view.getUint32(0)) {
    case CONNECT:
      return datagram.length < 16 ? undefined : { action: "connect", connection: datagram.slice(8, 16) };
    case ANNOUNCE:
      return datagram.length < 20 ? undefined : announceReply(datagram, view, family);
    case SCRAPE:
      return datagram.length < 20 ? undefined : { action: "scrape", counts: scrapeCounts(view) };
    case ERROR:
      return { action: "error", message: new TextDecoder().decode(datagram.subarray(8, 8 + MAX_TEXT)) };
    default:
      return undefined;
  }
}

function announceReply(datagram: Uint8Array, view: DataView, family: 4 | 6): UdpReply {
  const list = datagram.subarray(20);
  // Some trackers pad their datagrams: what is no whole peer is not one.
  const whole = list.subarray(0, list.length - (list.length % (family === 4 ? 6 : 18)));
  return {
    action: "announce",
    interval: view.getUint32(8),
    leechers: view.getUint32(12),
    seeders: view.getUint32(16),
    peers: family === 4 ? decodeCompactPeers(whole) : decodeCompactPeers6(whole),
  };
}

/** In the order of BEP 15, which is not that of an announce's reply. */
function scrapeCounts(view: DataView): SwarmCounts {
  return { seeders: view.getUint32(8), completed: view.getUint32(12), leechers: view.getUint32(16) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
