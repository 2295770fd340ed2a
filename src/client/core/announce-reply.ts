/** Reads a tracker's reply to an announce (BEP 3, BEP 7, BEP 23). Its numbers are wishes, kept within sane bounds. */
import {
  type BencodeDict,
  type BencodeValue,
  bytesAt,
  decodeBencode,
  integerAt,
  textAt,
} from "../../protocol/bencode.ts";
import { toLatin1 } from "../../protocol/bytes.ts";
import { decodeCompactPeers, decodeCompactPeers6 } from "../../protocol/compact-peers.ts";
import { BoojumError } from "../../protocol/errors.ts";
import { formatIp, parseIp } from "../../protocol/ip-address.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import type { AnnounceReply } from "./announce-types.ts";

export type ParsedReply<T = AnnounceReply> =
  | { readonly ok: true; readonly reply: T }
  /** `refused`: the tracker's own words; else what is wrong with its reply. */
  | {
      readonly ok: false;
      readonly refused: boolean;
      readonly reason: string;
      /** Seconds (BEP 31); Infinity: never. */
      readonly retryIn?: number;
    };

/** Seconds. A tracker that asks to be hammered is not; one that asks for silence is asked once a day. */
const SHORTEST_INTERVAL = 10;
const LONGEST_INTERVAL = 24 * 3600;
const DEFAULT_INTERVAL = 1800;
const DEFAULT_MIN_INTERVAL = 300;
/** No tracker gives more than a few hundred; what is beyond is not worth the memory. */
const MAX_PEERS = 2000;
const MAX_TEXT = 200;

/** @param body the whole reply, as decoded from HTTP. */
export function parseAnnounceReply(body: Uint8Array): ParsedReply {
  return parseReply(body, replyOf);
}

/**
 * Any reply: what is no dictionary, or is a refusal, is the same for all.
 * @param read what the dictionary says; may throw a {@link BoojumError}.
 */
export function parseReply<T>(body: Uint8Array, read: (dict: BencodeDict) => T): ParsedReply<T> {
  let dict: BencodeValue;
  try {
    dict = decodeBencode(body, { maxDepth: 10, maxTokens: 100_000, allowTrailingWhitespace: true });
  } catch (error) {
    if (!(error instanceof BoojumError)) throw error;
    return { ok: false, refused: false, reason: `what it sent is no tracker's reply, ${error.message}` };
  }
  if (!(dict instanceof Map)) return { ok: false, refused: false, reason: "what it sent is no dictionary" };
  if (dict.has("failure reason"))
    return {
      ok: false,
      refused: true,
      reason: shortText(dict, "failure reason") ?? "no reason given",
      ...retryOf(dict),
    };
  try {
    return { ok: true, reply: read(dict) };
  } catch (error) {
    if (!(error instanceof BoojumError)) throw error;
    return { ok: false, refused: false, reason: error.message };
  }
}

/** What is asked of us, within bounds; seconds. */
export function saneIntervals(
  interval: number,
  minInterval: number,
): Pick<AnnounceReply, "interval" | "minInterval"> {
  const sane = clamp(interval, SHORTEST_INTERVAL, LONGEST_INTERVAL);
  return { interval: sane, minInterval: clamp(minInterval, SHORTEST_INTERVAL, sane) };
}

/** Minutes, as a number or as text, or "never" (BEP 31). */
function retryOf(dict: BencodeDict): { readonly retryIn?: number } {
  const text = shortText(dict, "retry in");
  if (text === "never") return { retryIn: Number.POSITIVE_INFINITY };
  const minutes = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : integerAt(dict, "retry in");
  return minutes === undefined ? {} : { retryIn: clamp(minutes * 60, SHORTEST_INTERVAL, LONGEST_INTERVAL) };
}

function replyOf(dict: BencodeDict): AnnounceReply {
  const seeders = integerAt(dict, "complete");
  const leechers = integerAt(dict, "incomplete");
  const trackerId = bytesAt(dict, "tracker id");
  const warning = shortText(dict, "warning message");
  return {
    ...saneIntervals(
      integerAt(dict, "interval") ?? DEFAULT_INTERVAL,
      integerAt(dict, "min interval") ?? DEFAULT_MIN_INTERVAL,
    ),
    peers: [
      ...peersOf(dict.get("peers")),
      ...decodeCompactPeers6(bytesAt(dict, "peers6") ?? new Uint8Array()),
    ].slice(0, MAX_PEERS),
    ...(seeders === undefined || seeders < 0 ? {} : { seeders }),
    ...(leechers === undefined || leechers < 0 ? {} : { leechers }),
    // It goes back in a URL: a long one is not worth it.
    ...(trackerId === undefined || trackerId.length > MAX_TEXT ? {} : { trackerId: toLatin1(trackerId) }),
    ...(warning === undefined ? {} : { warning }),
  };
}

function peersOf(value: BencodeValue | undefined): PeerAddress[] {
  if (value instanceof Uint8Array) return decodeCompactPeers(value);
  return Array.isArray(value) ? value.flatMap(peerOf) : [];
}

/** One dictionary of the long form. A name instead of an address is passed over: we resolve nothing for strangers. */
function peerOf(value: BencodeValue): PeerAddress[] {
  if (!(value instanceof Map)) return [];
  const ip = parseIp(textAt(value, "ip") ?? "");
  const port = integerAt(value, "port") ?? 0;
  return ip !== undefined && port > 0 && port <= 65535 ? [{ host: formatIp(ip), port }] : [];
}

function shortText(dict: BencodeDict, key: string): string | undefined {
  const bytes = bytesAt(dict, key);
  if (bytes === undefined) return undefined;
  return new TextDecoder().decode(bytes.subarray(0, MAX_TEXT));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
