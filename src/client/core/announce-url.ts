/** The request line of an announce (BEP 3, BEP 7, BEP 23): raw bytes escaped as RFC 3986 says, nothing else. */
import { fromLatin1 } from "../../protocol/bytes.ts";
import type { AnnounceParams } from "./announce-types.ts";

/**
 * Path and query for `params`. A query that the tracker's URL has is kept and comes first: some trackers know their
 * users by it.
 */
export function announcePath(url: URL, params: AnnounceParams): string {
  const { infoHash, peerId, port, uploaded, downloaded, left, numwant, key, ip, event, trackerId } = params;
  const query = [
    ...(url.search.length > 1 ? [url.search.slice(1)] : []),
    `info_hash=${escapeBytes(infoHash)}`,
    `peer_id=${escapeBytes(peerId)}`,
    `port=${port}`,
    `uploaded=${uploaded}`,
    `downloaded=${downloaded}`,
    `left=${left}`,
    "compact=1",
    `numwant=${numwant}`,
    `key=${key}`,
    ...(ip === undefined ? [] : [`ip=${encodeURIComponent(ip)}`]),
    ...(event === undefined ? [] : [`event=${event}`]),
    ...(trackerId === undefined ? [] : [`trackerid=${escapeBytes(fromLatin1(trackerId))}`]),
  ];
  return `${url.pathname}?${query.join("&")}`;
}

/** All bytes but the unreserved ones of RFC 3986, 2.3, as `%XX`. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[\w.~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  }
  return text;
}
