import { lookup } from "node:dns/promises";
import type { Announce } from "../client/core/announce-types.ts";
import { readProxyRules } from "../client/core/proxy-choice.ts";
import type { Scrape } from "../client/core/scrape.ts";
import { Announcer } from "../client/discovery/announcer.ts";
import { createHttpScrape } from "../client/discovery/scrape-http.ts";
import { createHttpAnnounce } from "../client/discovery/tracker-http.ts";
import { type AskUdpOptions, createUdpAnnounce, createUdpScrape } from "../client/discovery/tracker-udp.ts";
import type { Session } from "../client/session.ts";
import type { PeerSource, TorrentStats } from "../client/torrent-types.ts";
import { systemClock } from "../platform/clock.ts";
import { datagramDialer } from "../platform/datagram-channel.ts";
import { systemRandom } from "../platform/random.ts";
import { anySource, type SourceFor } from "../platform/source-address.ts";
import type { InfoHash } from "../protocol/ids.ts";
import type { PeerAddress } from "../protocol/peer-address.ts";
import type { TrafficOptions } from "./traffic.ts";

/** A torrent, or what there is before it. */
export interface Announced {
  readonly infoHash: InfoHash;
  stats(): Pick<TorrentStats, "uploaded" | "downloaded" | "bytesTotal" | "bytesDone">;
  addPeers(addresses: readonly PeerAddress[], source: PeerSource): void;
}

export interface AnnouncingOptions {
  readonly torrent: Announced;
  readonly session: Session;
  /** Where we accept peers. */
  readonly port: number;
  readonly announce: Announce;
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  /** Bytes that were missing when the download began, should that be before the tracker was known; 0 by default. */
  readonly leftAtStart?: number;
  /** Holds foreign text: escape it before it is shown. */
  readonly onWarning: (message: string) => void;
}

export interface AskTrackersOptions extends Pick<TrafficOptions, "httpTimeoutSeconds" | "announceIp"> {
  /** Which address of ours announces leave from; by default the system chooses. */
  readonly sourceFor?: SourceFor;
}

/** Asks trackers over HTTP and UDP as this machine can. */
export function createAnnounce(options: AskTrackersOptions = {}): Announce {
  const { sourceFor = anySource, httpTimeoutSeconds, announceIp: ip } = options;
  const timeout = httpTimeoutSeconds === undefined ? undefined : httpTimeoutSeconds * 1_000;
  const http = createHttpAnnounce({ proxies: readProxyRules(process.env), sourceFor, timeout });
  const udp = createUdpAnnounce(udpOptions(sourceFor));
  return (url, params, signal) =>
    (/^udp:/i.test(url) ? udp : http)(url, ip === undefined ? params : { ...params, ip }, signal);
}

/** Like {@link createAnnounce}, for counts. */
export function createScrape(): Scrape {
  const http = createHttpScrape({ proxies: readProxyRules(process.env) });
  const udp = createUdpScrape(udpOptions(anySource));
  return (url, infoHash, signal) => (/^udp:/i.test(url) ? udp : http)(url, infoHash, signal);
}

function udpOptions(sourceFor: SourceFor): AskUdpOptions {
  return {
    clock: systemClock,
    random: systemRandom,
    dial: datagramDialer(sourceFor),
    resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  };
}

/** Joins a torrent with its trackers and starts to announce; undefined when it has none. */
export function announceTorrent(options: AnnouncingOptions): Announcer | undefined {
  const { torrent, session, port, trackers, leftAtStart = 0, onWarning, announce } = options;
  if (trackers.flat().length === 0) return undefined;
  const announcer = new Announcer({
    trackers,
    infoHash: torrent.infoHash,
    peerId: session.peerId,
    port,
    leftAtStart,
    stats: () => {
      const { uploaded, downloaded, bytesTotal, bytesDone } = torrent.stats();
      // Of the whole torrent, also when only some files are wanted: who lacks pieces is no seeder.
      return { uploaded, downloaded, left: bytesTotal - bytesDone };
    },
    onPeers: (peers) => torrent.addPeers(peers, "tracker"),
    onWarning: ({ message }) => onWarning(message),
    clock: systemClock,
    random: systemRandom,
    announce,
  });
  announcer.start();
  return announcer;
}
