/**
 * Reads the query of an announce or scrape (BEP 3 "trackers", BEP 7, BEP 23, BEP 48) from its raw text, because
 * `info_hash` and `peer_id` are bytes: whatever takes the query for UTF-8 corrupts them.
 */
import { type InfoHash, infoHash, type PeerId, peerId } from "../../protocol/ids.ts";

type AnnounceEvent = "started" | "completed" | "stopped" | "none";

/** An announce as the client wrote it; a wish for an address (`ip=`) is not in it, the socket's is used. */
export interface AnnounceQuery {
  readonly ok: true;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** 0 to 65535; 0 means that the peer takes no connections. */
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes missing; undefined when the peer does not know (it has only a magnet link). */
  readonly left: number | undefined;
  readonly event: AnnounceEvent;
  /** How many peers are wanted, from 0; undefined when the client leaves it to us. */
  readonly numwant: number | undefined;
  /** `compact=0`: a list of dictionaries is wanted instead (BEP 23). */
  readonly compact: boolean;
  readonly noPeerId: boolean;
  /** Percent-decoded, one character a byte; "" when absent. */
  readonly key: string;
}

/** Why a request is refused; for the `failure reason` of the reply. */
export interface BadQuery {
  readonly ok: false;
  readonly reason: string;
}

/** No client asks for more torrents at once; a longer list is cut by the HTTP server's limit on headers anyway. */
const MAX_SCRAPE = 100;
/** Longer keys than any client's; what is beyond is somebody's attempt to make us remember things. */
const MAX_KEY = 64;

function bad(reason: string): BadQuery {
  return { ok: false, reason };
}

/** The values of an announce as they were written, before they are judged. */
interface Written {
  infoHash?: string;
  peerId?: string;
  port?: string;
  uploaded?: string;
  downloaded?: string;
  left?: string;
  event?: string;
  numwant?: string;
  compact?: string;
  noPeerId?: string;
  key?: string;
}

/** The parameters that we read. */
const FIELDS = new Map<string, keyof Written>([
  ["info_hash", "infoHash"],
  ["peer_id", "peerId"],
  ["port", "port"],
  ["uploaded", "uploaded"],
  ["downloaded", "downloaded"],
  ["left", "left"],
  ["event", "event"],
  ["numwant", "numwant"],
  ["compact", "compact"],
  ["no_peer_id", "noPeerId"],
  ["key", "key"],
]);

/** @param query what follows `?`, raw; "" when there is none. */
export function parseAnnounce(query: string): AnnounceQuery | BadQuery {
  const values: Written = {};
  let equals = query.indexOf("=");
  for (let at = 0; at < query.length; ) {
    const end = endOfPair(query, at);
    // Not looked for again before it is passed: thousands of names without any would cost the square of them.
    if (equals >= 0 && equals < at) equals = query.indexOf("=", at);
    // A name without "=" is a flag with the empty value.
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const field = FIELDS.get(query.slice(at, nameEnd));
    // Of other names the last one counts: clients append to whatever query the announce URL had.
    if (field === "infoHash" && values.infoHash !== undefined) return bad("info_hash is given twice");
    if (field !== undefined) values[field] = query.slice(nameEnd + 1, end);
    at = end + 1;
  }

  const hash = decode20(values.infoHash);
  if (typeof hash === "string") return bad(`info_hash ${hash}`);
  const peer = decode20(values.peerId);
  if (typeof peer === "string") return bad(`peer_id ${peer}`);
  const port = naturalNumber(values.port);
  if (port === undefined || port > 65535) return bad("port is not a number from 0 to 65535");
  const key = decodeText(values.key ?? "", MAX_KEY);
  if (key === undefined) return bad(`key is badly escaped or longer than ${MAX_KEY} bytes`);
  return {
    ok: true,
    infoHash: infoHash(hash),
    peerId: peerId(peer),
    port,
    uploaded: naturalNumber(values.uploaded) ?? 0,
    downloaded: naturalNumber(values.downloaded) ?? 0,
    left: naturalNumber(values.left),
    event: eventOf(values.event),
    // -1 and other nonsense: ours to choose.
    numwant: naturalNumber(values.numwant),
    compact: values.compact !== "0",
    noPeerId: values.noPeerId === "1",
    key,
  };
}

/** A scrape names any number of info hashes; none means all (BEP 48). */
export interface ScrapeQuery {
  readonly ok: true;
  readonly infoHashes: readonly InfoHash[];
}

/** @param query what follows `?`, raw; "" when there is none. */
export function parseScrape(query: string): ScrapeQuery | BadQuery {
  const infoHashes: InfoHash[] = [];
  for (let at = 0; at < query.length; ) {
    const end = endOfPair(query, at);
    if (query.startsWith("info_hash=", at)) {
      const bytes = decode20(query.slice(at + "info_hash=".length, end));
      if (typeof bytes === "string") return bad(`info_hash ${bytes}`);
      if (infoHashes.length === MAX_SCRAPE) return bad(`more than ${MAX_SCRAPE} info hashes`);
      infoHashes.push(infoHash(bytes));
    }
    at = end + 1;
  }
  return { ok: true, infoHashes };
}

function endOfPair(query: string, at: number): number {
  const end = query.indexOf("&", at);
  return end < 0 ? query.length : end;
}

function eventOf(text: string | undefined): AnnounceEvent {
  // "paused" (BEP 21) and words yet to come are regular announces.
  return text === "started" || text === "completed" || text === "stopped" ? text : "none";
}

/** Up to 20 digits, which is any unsigned 64-bit number; above 2^53 it is rounded, which harms no count of ours. */
function naturalNumber(text: string | undefined): number | undefined {
  if (text === undefined || text.length === 0 || text.length > 20) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
  }
  return value;
}

/**
 * The byte at `at`: escaped, or as it is. Clients differ in what they leave unescaped, so every byte is taken that
 * the HTTP parser let through. `+` is a space: those that write it (form encoders in Go, Java and Python) mean
 * that, and nobody leaves a plus unescaped. -1: a `%` without two hexadecimal digits.
 */
function byteAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code === PLUS) return SPACE;
  if (code !== PERCENT) return code <= 0xff ? code : -1;
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

const SPACE = 0x20;
const PERCENT = 0x25;
const PLUS = 0x2b;

/** -1: none, or beyond the end of the text (NaN). */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Exactly 20 bytes, or what is wrong with them. */
function decode20(text: string | undefined): Uint8Array | string {
  if (text === undefined) return "is missing";
  const bytes = new Uint8Array(20);
  let length = 0;
  for (let at = 0; at < text.length; at += text.charCodeAt(at) === PERCENT ? 3 : 1) {
    const byte = byteAt(text, at);
    if (byte < 0) return "is badly escaped";
    // What is written beyond the end of a typed array is dropped.
    bytes[length++] = byte;
  }
  return length === 20 ? bytes : `has ${length} bytes, not 20`;
}

/** One character a byte; undefined when it is badly escaped or longer than `limit` bytes. */
function decodeText(text: string, limit: number): string | undefined {
  // Nearly every key is a few letters and digits.
  if (text.length <= limit && /^\w*$/.test(text)) return text;
  let decoded = "";
  for (let at = 0; at < text.length; at += text.charCodeAt(at) === PERCENT ? 3 : 1) {
    const byte = byteAt(text, at);
    if (byte < 0 || decoded.length === limit) return undefined;
    decoded += String.fromCharCode(byte);
  }
  return decoded;
}
