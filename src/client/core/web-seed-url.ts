/** Where a web server has the files of a torrent (BEP 19). */
import type { Metainfo } from "../../protocol/metainfo.ts";

/** What of a torrent decides about the paths of its files. */
export type SeededTorrent = Pick<Metainfo, "rawName" | "singleFile" | "files">;

/**
 * The URL of each file of a torrent at the web seed `base`: one file is `base` itself, or NAME below a `base` that ends
 * with a slash; a folder's are NAME/PATH below it. Names go as the torrent has them, not as they are stored.
 */
export function webSeedUrl(base: string, torrent: SeededTorrent, file: number): string {
  const { rawName, singleFile, files } = torrent;
  if (singleFile) return base.endsWith("/") ? base + encodeName(rawName) : base;
  const path = [rawName, ...(files[file]?.rawPath ?? [])].map(encodeName).join("/");
  // Some writers forget the slash of a folder.
  return base.endsWith("/") ? base + path : `${base}/${path}`;
}

/** All but what RFC 3986 calls unreserved. A name that URLs would take for a step up is escaped, too. */
function encodeName(name: string): string {
  if (/^\.{1,2}$/.test(name)) return name.replaceAll(".", "%2E");
  const escaped = encodeURIComponent(name.replace(/\p{Surrogate}/gu, "\ufffd"));
  return escaped.replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
}
