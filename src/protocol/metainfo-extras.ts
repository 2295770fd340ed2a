/**
 * What a torrent says outside the file list: trackers, web seeds, comments. All of it is optional, so what has the wrong
 * type or can't be used is left out instead of condemning the torrent.
 */
import {
  type BencodeDict,
  type BencodeValue,
  bytesAt,
  dictAt,
  integerAt,
  listAt,
  textAt,
} from "./bencode.ts";
import type { Metainfo } from "./metainfo.ts";
import { decodeText } from "./metainfo-files.ts";
import { isTrackerUrl, isWebSeedUrl } from "./urls.ts";

/** More are noise, or an attempt to make us knock at many doors. */
const MAX_URLS = 200;

/** `announce-list`, or `announce` when that has nothing to use (BEP 12). No URL comes twice. */
export function readTrackers(dict: BencodeDict): string[][] {
  const seen = new Set<string>();
  const tiers: string[][] = [];
  for (const tier of listAt(dict, "announce-list") ?? []) {
    // Some writers forget the inner list.
    const urls = usable(Array.isArray(tier) ? tier : [tier], isTrackerUrl, seen);
    if (urls.length > 0) tiers.push(urls);
  }
  if (tiers.length > 0) return tiers;
  const announce = usable([dict.get("announce")], isTrackerUrl, seen);
  return announce.length > 0 ? [announce] : [];
}

/** `url-list`: one URL or a list of them (BEP 19). */
export function readWebSeeds(dict: BencodeDict): string[] {
  const list = dict.get("url-list");
  return usable(Array.isArray(list) ? list : [list], isWebSeedUrl, new Set());
}

function usable(
  values: readonly (BencodeValue | undefined)[],
  test: (url: string) => boolean,
  seen: Set<string>,
): string[] {
  const urls: string[] = [];
  for (const value of values) {
    if (seen.size >= MAX_URLS) break;
    if (!(value instanceof Uint8Array)) continue;
    const url = decodeText(value).trim();
    if (seen.has(url) || !test(url)) continue;
    seen.add(url);
    urls.push(url);
  }
  return urls;
}

/** Who made it, when and why. */
export function readCreation(
  dict: BencodeDict,
  info: BencodeDict,
): Pick<Metainfo, "comment" | "createdBy" | "creationDate" | "source"> {
  const comment = textAt(dict, "comment.utf-8") ?? textAt(dict, "comment");
  const createdBy = textAt(dict, "created by");
  const creationDate = integerAt(dict, "creation date");
  const source = bytesAt(info, "source");
  return {
    ...(comment !== undefined && { comment }),
    ...(createdBy !== undefined && { createdBy }),
    ...(creationDate !== undefined && creationDate >= 0 && { creationDate }),
    ...(source && { source: decodeText(source) }),
  };
}

const MAX_TOKEN = 64;

/** Our own key; see `Metainfo.token`. */
export function readToken(dict: BencodeDict): string | undefined {
  const ours = dictAt(dict, "boojum");
  const token = ours && textAt(ours, "token");
  return token !== undefined && token.length > 0 && token.length <= MAX_TOKEN ? token : undefined;
}

/** Our own key; see `Metainfo.unlisted`. */
export function readUnlisted(dict: BencodeDict): boolean {
  const ours = dictAt(dict, "boojum");
  return ours !== undefined && (integerAt(ours, "unlisted") ?? 0) !== 0;
}
