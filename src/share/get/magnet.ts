/** From a magnet link to a torrent: from the publisher itself when the link says where, else from the swarm. */
import { PasswordError } from "../../client/http/fetch-torrent.ts";
import { loadMetadata } from "../../client/storage/saved-metadata.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { MagnetError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { type Magnet, parseMagnet } from "../../protocol/magnet.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import { encodeTorrent } from "../../protocol/write-metainfo.ts";
import { NobodyHasItError } from "../peer-errors.ts";
import { type TrafficOptions, trafficOf } from "../traffic.ts";
import { UnsupportedError } from "../unsupported-error.ts";
import { Foothold } from "./foothold.ts";
import { trackersToTell } from "./own-trackers.ts";

/** `lan`: ask on the local network, too. */
export interface MagnetOptions extends TrafficOptions {
  /** A folder in which an interrupted download may have left the metadata. */
  readonly directory?: string | undefined;
  readonly port?: number | undefined;
  /** `HOST:PORT`, besides those in the link. */
  readonly peers?: readonly string[] | undefined;
  /** Give up after so long. */
  readonly timeoutSeconds: number;
  /** Bytes of metadata; `bytesTotal` is 0 while nobody says how many there are. */
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
  readonly onWarning: (code: string, message: string) => void;
  /** Gets a `.torrent` by HTTP. */
  readonly fetchTorrent: (
    url: string,
    signal: AbortSignal,
  ) => Promise<{ readonly bytes: Uint8Array; readonly fromPublic?: boolean }>;
}

export interface FromMagnet {
  /** A `.torrent`: what the link says, around the info dictionary that has its hash. */
  readonly bytes: Uint8Array;
  readonly magnet: Magnet;
  readonly fromPublic?: boolean;
  /** When peers were asked: to be taken over by the torrent, or closed. */
  readonly foothold?: Foothold;
}

/** The publisher gets so long to answer before the swarm is asked as well; milliseconds. */
const HEAD_START = 1_000;
const PROGRESS_INTERVAL = 500;
const SHARE_TORRENT = /^https?:\/\/[^?#]+\/s\/[\w-]+\.torrent$/i;

/** Where the link says that the torrent is. Only a share's own address is asked: a link from a stranger must not make us ask for anything else. */
export function publisherIn({ sources = [] }: Magnet): string | undefined {
  return sources.find((url) => SHARE_TORRENT.test(url));
}

/**
 * Gets the torrent that `link` names.
 * @throws {MagnetError} it is no link that can be used.
 * @throws {UnsupportedError} it names a v2-only torrent.
 * @throws {PasswordError} the publisher wants a password.
 * @throws {NobodyHasItError} nobody gave the metadata in time.
 * @throws {ListenError} the port can't be had.
 */
export async function readMagnet(
  link: string,
  options: MagnetOptions,
  signal: AbortSignal,
): Promise<FromMagnet> {
  const magnet = parseMagnet(link);
  const { infoHash } = magnet;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      "The link names a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.",
    );
  }
  const saved = options.directory && (await loadMetadata(options.directory, infoHash, nodeHashes.sha1));
  if (saved) return { bytes: torrentOf(magnet, saved), magnet };
  const source = publisherIn(magnet);
  if (source === undefined) return await fromSwarm(magnet, infoHash, options, signal);

  // Whoever is first; the other one is told to stop, and waited for.
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const byHttp = fromPublisher(magnet, source, options, both);
  if (await settlesEverything(byHttp)) return await byHttp;
  const bySwarm = fromSwarm(magnet, infoHash, options, both);
  const first = await Promise.race([
    bySwarm,
    byHttp.catch((error: unknown) => refusalOr(error, bySwarm)),
  ]).finally(() => over.abort());
  if (first.foothold === undefined) await bySwarm.then(({ foothold }) => foothold?.close()).catch(() => {});
  return first;
}

/** Without the password nobody in the swarm would give us anything either; any other trouble may be the publisher's alone. */
function refusalOr(error: unknown, otherwise: Promise<FromMagnet>): Promise<FromMagnet> {
  if (error instanceof PasswordError) throw error;
  return otherwise;
}

/** Waits for the publisher's head start. @returns whether there is nothing to ask the swarm for. */
function settlesEverything(byHttp: Promise<FromMagnet>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), HEAD_START);
    byHttp
      .then(
        () => resolve(true),
        (error: unknown) => resolve(error instanceof PasswordError),
      )
      .finally(() => clearTimeout(timer));
  });
}

/** @throws {MagnetError} something else is there. */
async function fromPublisher(
  magnet: Magnet,
  url: string,
  options: MagnetOptions,
  signal: AbortSignal,
): Promise<FromMagnet> {
  const { bytes, fromPublic } = await options.fetchTorrent(url, signal);
  const { infoHash } = parseMetainfo(bytes, nodeHashes);
  if (infoHash === undefined || magnet.infoHash === undefined || !bytesEqual(infoHash, magnet.infoHash)) {
    throw new MagnetError(`${url} has another torrent`);
  }
  return { bytes, magnet, ...(fromPublic !== undefined && { fromPublic }) };
}

async function fromSwarm(
  magnet: Magnet,
  infoHash: InfoHash,
  options: MagnetOptions,
  signal: AbortSignal,
): Promise<FromMagnet> {
  signal.throwIfAborted();
  const { port, lan = true, onProgress, onWarning, timeoutSeconds } = options;
  const foothold = await Foothold.open({
    port,
    ...trafficOf(options),
    lan: lan && magnet.unlisted !== true,
    dht: options.dht && magnet.unlisted !== true,
    infoHash,
    trackers: trackersToTell({ ...parts(magnet), unlisted: magnet.unlisted ?? false }),
    peers: [...magnet.peers.map(formatPeerAddress), ...(options.peers ?? [])],
    onWarning,
  });
  const { fetch } = foothold;
  const tick = () => onProgress(fetch.progress.bytesDone, fetch.progress.bytesTotal);
  tick();
  const ticker = setInterval(tick, PROGRESS_INTERVAL);
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new NobodyHasItError(timeoutSeconds, fetch.peers, "list of files")),
      timeoutSeconds * 1000,
    );
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    signal.throwIfAborted();
    const metadata = await Promise.race([fetch.metadata, givenUp]);
    return { bytes: torrentOf(magnet, metadata), magnet, foothold };
  } catch (error) {
    await foothold.close();
    throw error;
  } finally {
    clearInterval(ticker);
    clearTimeout(timer);
  }
}

function torrentOf(magnet: Magnet, info: Uint8Array): Uint8Array {
  return encodeTorrent({ info, ...parts(magnet), unlisted: magnet.unlisted ?? false });
}

/** Each tracker is a tier of its own, as in other clients. */
function parts({ trackers, webSeeds }: Magnet) {
  return { trackers: trackers.map((url) => [url]), webSeeds };
}
