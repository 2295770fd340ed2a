/** What is odd about a torrent that may be used all the same. */
import type { Metainfo } from "../../protocol/metainfo.ts";

/** Public API: `code` is for programs, `message` for people. Holds foreign text: escape it before it is shown. */
export interface TorrentWarning {
  readonly code:
    | "v2-only"
    | "no-sources"
    | "private-without-tracker"
    | "renamed"
    | "piece-length"
    | "many-pieces"
    | "future-date"
    | "token";
  readonly message: string;
}

/** More pieces make a torrent that is large itself, and slow for everybody. */
const MANY_PIECES = 100_000;

/** @param now seconds since 1970 */
export function warningsOf(metainfo: Metainfo, now: number): readonly TorrentWarning[] {
  return [
    ...versionWarnings(metainfo),
    ...sourceWarnings(metainfo),
    ...nameWarnings(metainfo),
    ...pieceWarnings(metainfo),
    ...((metainfo.creationDate ?? 0) > now + 86_400
      ? [warning("future-date", "It says it was made in the future: the date means nothing.")]
      : []),
    ...(metainfo.token !== undefined
      ? [warning("token", "It belongs to a share with a password: whoever has this file can get the data.")]
      : []),
  ];
}

function warning(code: TorrentWarning["code"], message: string): TorrentWarning {
  return { code, message };
}

function versionWarnings({ version }: Metainfo): TorrentWarning[] {
  return version === "v2" ? [warning("v2-only", "It has only a v2 part: many clients can't use it.")] : [];
}

function sourceWarnings({ trackers, webSeeds, private: isPrivate }: Metainfo): TorrentWarning[] {
  if (trackers.length === 0 && isPrivate) {
    const message = "It is private and names no tracker: peers must not be found in other ways.";
    return [warning("private-without-tracker", message)];
  }
  if (trackers.length === 0 && webSeeds.length === 0) {
    const message = "It names no tracker and no web seed that can be asked: peers must be known otherwise.";
    return [warning("no-sources", message)];
  }
  return [];
}

/** Those that `get` will write under other names. */
function nameWarnings({ files, name, rawName }: Metainfo): TorrentWarning[] {
  const renamed = files.filter(({ path, rawPath, pad }) => !pad && path.join("/") !== rawPath.join("/"));
  const [first] = renamed;
  if (first === undefined && name === rawName) return [];
  const example =
    first === undefined
      ? `"${rawName}" becomes "${name}"`
      : `"${first.rawPath.join("/")}" becomes "${first.path.join("/")}"`;
  const count = Math.max(1, renamed.length);
  return [warning("renamed", `${count} of its names can't be used everywhere: ${example}.`)];
}

function pieceWarnings({ pieceLength, pieceCount }: Metainfo): TorrentWarning[] {
  const found: TorrentWarning[] = [];
  if (pieceLength < 16_384 || (pieceLength & (pieceLength - 1)) !== 0) {
    const message = `Its pieces have ${pieceLength} bytes, no power of two from 16 KiB on: some clients refuse that.`;
    found.push(warning("piece-length", message));
  }
  if (pieceCount > MANY_PIECES) found.push(warning("many-pieces", `It has ${pieceCount} pieces, a lot.`));
  return found;
}
