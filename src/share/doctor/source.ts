/** Why this machine may not get a source: each step of the way to its first bytes. */
import { PasswordError, type Unfinished } from "../../client/http/fetch-torrent.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { type Magnet, parseMagnet } from "../../protocol/magnet.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { formatPeerAddress, type PeerAddress } from "../../protocol/peer-address.ts";
import { publisherIn } from "../get/magnet.ts";
import { resolvePeer } from "../get/peer-names.ts";
import { readSource, type SourceRead } from "../get/read-source.ts";
import type { AskPassword, Source } from "../source.ts";
import type { Checkup, Finding } from "./checkup.ts";
import { checkPeers } from "./peers.ts";
import { checkTrackers, checkWebSeeds, findNeighbours } from "./swarm.ts";
import { type Target, targetOf } from "./target.ts";
import { checkWay, messageOf } from "./way.ts";

export interface ProbeOptions {
  readonly password?: string | undefined;
  readonly askPassword?: AskPassword | undefined;
  /** `HOST:PORT` of peers to try besides. */
  readonly peers?: readonly string[] | undefined;
  /** For each step. */
  readonly stepSeconds: number;
}

export async function checkSource(
  checkup: Checkup,
  source: Source,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<void> {
  const works = await checkWays(checkup, waysTo(source), options, signal);
  // A link leads to the swarm all the same.
  if (!works && source.kind !== "magnet") {
    skipFrom(checkup, "torrent", "the server doesn't give it.");
    return;
  }
  const target = await checkTorrent(checkup, source, options, signal);
  if (target === undefined) {
    skipFrom(checkup, "tracker", "there is no torrent to go by.");
    return;
  }
  const named = await checkTrackers(checkup, target, options, signal);
  const told = (await Promise.all(target.peers.map(resolvePeer))).flat();
  let addresses: readonly PeerAddress[] = [...told, ...named];
  if (addresses.length === 0) addresses = await findNeighbours(checkup, target, signal);
  const webSeedWorks = await checkWebSeeds(checkup, target, options, signal);
  await checkPeers(checkup, target, addresses, { ...options, webSeedWorks }, signal);
}

const STEPS = ["torrent", "tracker", "webSeed", "peer", "block"] as const;

function skipFrom(checkup: Checkup, first: (typeof STEPS)[number], why: string): void {
  for (const step of STEPS.slice(STEPS.indexOf(first))) checkup.skip(step, "none", why);
}

/** URLs at which the torrent is asked for. */
function waysTo(source: Source): readonly string[] {
  switch (source.kind) {
    case "url":
      return [source.url];
    case "found":
      return source.urls;
    case "magnet": {
      const publisher = publisherIn(parseMagnet(source.link));
      return publisher === undefined ? [] : [publisher];
    }
    case "torrent":
      return [];
    default:
      return source satisfies never;
  }
}

/** @returns whether one of them leads there, or none is needed. */
async function checkWays(
  checkup: Checkup,
  urls: readonly string[],
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let works = urls.length === 0;
  for (const url of urls) works = (await checkWay(checkup, url, options, signal)) || works;
  return works;
}

/** The publisher still hashes. */
class Preparing extends Error {
  readonly status: Unfinished | undefined;

  constructor(status: Unfinished | undefined) {
    super("preparing");
    this.status = status;
  }
}

async function checkTorrent(
  checkup: Checkup,
  source: Source,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<Target | undefined> {
  let target: Target | undefined;
  await checkup.check("torrent", subjectOf(source), async (): Promise<Finding> => {
    try {
      const { foothold, ...read } = await readSource(source, readingOf(options), signal);
      await foothold?.close();
      const metainfo = parseMetainfo(read.bytes, nodeHashes);
      target = targetOf(metainfo, { peers: peersOf(read, options), fromPublic: read.fromPublic ?? false });
      return judgeTorrent(metainfo);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Preparing) return judgePreparing(error.status);
      const advice = error instanceof PasswordError ? undefined : adviceFor(source);
      return { verdict: "fail", message: messageOf(error), advice };
    }
  });
  return target;
}

function readingOf({ password, askPassword, peers, stepSeconds }: ProbeOptions) {
  const swarm = { peers, timeoutSeconds: stepSeconds, port: 0, onProgress: () => {}, onWarning: () => {} };
  const onUnfinished = (status: Unfinished | undefined) => {
    throw new Preparing(status);
  };
  return { password, askPassword, httpTimeoutSeconds: stepSeconds, onUnfinished, swarm };
}

function subjectOf(source: Source): string {
  switch (source.kind) {
    case "url":
      return new URL(source.url).host;
    case "found":
      return source.name;
    case "magnet":
      return "by the link";
    case "torrent":
      return source.path;
    default:
      return source satisfies never;
  }
}

function adviceFor({ kind }: Source): string | undefined {
  return kind === "magnet"
    ? "Nobody gave the list of files. Does the publisher still run? If you know where: --peer HOST:PORT."
    : undefined;
}

function peersOf({ magnet, peers = [] }: SourceRead, options: ProbeOptions): readonly string[] {
  const linked: Magnet["peers"] = magnet?.peers ?? [];
  return [...(options.peers ?? []), ...peers, ...linked.map(formatPeerAddress)];
}

function judgeTorrent(metainfo: Metainfo): Finding {
  const { infoHash, name, length, files, pieceCount, private: isPrivate, unlisted, token } = metainfo;
  const marks = [isPrivate && "private", unlisted && "unlisted", token !== undefined && "with a password"];
  const count = files.filter(({ pad }) => !pad).length;
  const parts = [`"${name}"`, `${length} bytes`, `files: ${count}`, `pieces: ${pieceCount}`];
  const message = [...parts, ...marks.filter((mark) => mark !== false)].join(", ");
  if (infoHash !== undefined) return { verdict: "ok", message: `${message}, ${toHex(infoHash)}` };
  return {
    verdict: "fail",
    message: `${message}: version 2 only, which can't be downloaded yet`,
    advice: "Ask for a hybrid or version 1 torrent of the same files.",
  };
}

function judgePreparing(status: Unfinished | undefined): Finding {
  const done = status === undefined || status.bytes === 0 ? 0 : status.bytesDone / status.bytes;
  return {
    verdict: "warn",
    message: `the publisher still hashes it (${Math.floor(100 * done)} %)`,
    advice: "share get begins all the same, and follows. Here, try again when it is ready.",
  };
}
