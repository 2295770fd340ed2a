/** Gets the bytes of a torrent, wherever they are. */
import { open } from "node:fs/promises";
import { readProxyRules } from "../../client/core/proxy-choice.ts";
import { fetchTorrent, PasswordError, type Unfinished } from "../../client/http/fetch-torrent.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { staggered } from "../../platform/staggered.ts";
import { toHex } from "../../protocol/bytes.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { Magnet } from "../../protocol/magnet.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import {
  type AskPassword,
  type FoundSource,
  OtherTorrentError,
  type Source,
  SourceReadError,
} from "../source.ts";
import { userAgent } from "../version.ts";
import type { Foothold } from "./foothold.ts";
import { type MagnetOptions, readMagnet } from "./magnet.ts";

/** Readers of torrents refuse larger ones; bytes. */
export const MAX_TORRENT_BYTES = 10_000_000;

const MAX_ASKED = 3;
/** Publishers of one share, on the local network. */
const ASKED_AT_ONCE = 8;

export interface ReadOptions {
  readonly onUnfinished: (status: Unfinished | undefined) => void;
  /** See `FetchTorrentOptions.meanwhile`. */
  readonly meanwhile?: ((url: string, authorization: string | undefined) => Promise<void>) | undefined;
  /** See `FetchTorrentOptions.patience`. */
  readonly patience?: number | undefined;
  /** See `TrafficOptions`. */
  readonly httpTimeoutSeconds?: number | undefined;
  readonly password?: string | undefined;
  /** Asked when one is needed and none was given; undefined: there is none. */
  readonly askPassword?: AskPassword | undefined;
  /** How to ask a swarm, for magnet links. */
  readonly swarm: Omit<MagnetOptions, "fetchTorrent">;
}

export interface SourceRead {
  /** A `.torrent`. */
  readonly bytes: Uint8Array;
  /** Where it came from after redirects, when it came from a URL. */
  readonly url?: string;
  /** That is, or was on the way, a server that isn't on a local network. */
  readonly fromPublic?: boolean;
  readonly magnet?: Magnet;
  /** `HOST:PORT` of peers that have it, by what was announced. */
  readonly peers?: readonly string[];
  /** Of a magnet link, when peers were asked: to be taken over or closed. */
  readonly foothold?: Foothold;
}

export async function readSource(
  source: Source,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<SourceRead> {
  switch (source.kind) {
    case "torrent":
      return { bytes: await readTorrentFile(source.path) };
    case "url":
      return await readUrl(source.url, options, signal);
    case "magnet": {
      const fetchTorrent = (url: string, until: AbortSignal) => readUrl(url, options, until);
      return await readMagnet(source.link, { ...options.swarm, fetchTorrent }, signal);
    }
    case "found":
      return await readFound(source, options, signal);
    default:
      return source satisfies never;
  }
}

/** From whichever publisher is the first to show what was announced: one that is gone delays nobody. */
async function readFound(
  source: FoundSource,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<SourceRead> {
  // A publisher that hashes again may have something else, which is known when it is done. What is announced has no
  // password, and whoever says that it has one isn't to learn it.
  const { meanwhile: _, password: __, askPassword: ___, ...how } = options;
  const ask = (url: string) => async (until: AbortSignal) => {
    const read = await readUrl(url, how, until);
    const { infoHash } = parseMetainfo(read.bytes, nodeHashes);
    if (infoHash !== undefined && toHex(infoHash) === source.infoHash) return read;
    throw new OtherTorrentError(
      `${url} has something else than what was announced as "${source.name}". Nothing was downloaded.`,
    );
  };
  if (source.urls.length === 0) throw new OtherTorrentError(`Nobody has "${source.name}".`);
  const race = { clock: systemClock, delay: 0, most: ASKED_AT_ONCE, discard: () => {} };
  try {
    return { ...(await staggered(source.urls.map(ask), race, signal)), peers: source.peers };
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const troubles: readonly unknown[] = error.errors;
    // Worse than one who doesn't answer is one who lies.
    throw troubles.find((trouble) => trouble instanceof OtherTorrentError) ?? troubles[0];
  }
}

async function readUrl(
  url: string,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array; readonly url: string; readonly fromPublic?: boolean }> {
  const { onUnfinished, meanwhile, patience, askPassword, httpTimeoutSeconds } = options;
  const timeout = httpTimeoutSeconds === undefined ? undefined : httpTimeoutSeconds * 1_000;
  let { password } = options;
  const proxies = readProxyRules(process.env);
  const mayAsk = password === undefined && askPassword !== undefined;
  for (let asked = 0; ; asked++) {
    try {
      const how = { userAgent, clock: systemClock, onUnfinished, meanwhile, patience, password, proxies };
      return await fetchTorrent(url, { ...how, timeout }, signal);
    } catch (error) {
      if (!(error instanceof PasswordError) || !mayAsk || asked === MAX_ASKED) throw error;
      password = await askPassword(error.wrong);
      if (password === undefined) throw error;
    }
  }
}

/** Reads no more than a torrent may have, however large the file claims to be. */
async function readTorrentFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size > MAX_TORRENT_BYTES) {
        throw new SourceReadError(`${path} has ${size} bytes, too many for a torrent (10 MB at the most).`);
      }
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BoojumError) throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new SourceReadError(`${path} can't be read: ${said}.`, { cause });
  }
}
