/** Whether trackers and web seeds of a torrent give what they should, and whether neighbours have it. */
import { type AnnounceReply, TrackerError } from "../../client/core/announce-types.ts";
import { webSeedUrl } from "../../client/core/web-seed-url.ts";
import { LanDiscovery } from "../../client/discovery/lan.ts";
import { systemClock } from "../../platform/clock.ts";
import { openMulticast } from "../../platform/multicast.ts";
import { systemRandom } from "../../platform/random.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import { trackersToTell } from "../get/own-trackers.ts";
import { lanIsForbidden } from "../lan-choice.ts";
import { TrackerCalls } from "../tools/tracker-call.ts";
import { openWebRanges } from "../web-ranges.ts";
import type { Checkup, Finding } from "./checkup.ts";
import { judgeSample, newPeerId, sampleOf, type Target } from "./target.ts";
import { messageOf } from "./way.ts";

interface StepOptions {
  /** For each step. */
  readonly stepSeconds: number;
}

/** @returns `PeerAddress`es that the trackers named */
export async function checkTrackers(
  checkup: Checkup,
  { metainfo }: Pick<Target, "metainfo">,
  { stepSeconds }: StepOptions,
  signal: AbortSignal,
): Promise<readonly PeerAddress[]> {
  const urls = [...new Set(trackersToTell(metainfo).flat())].slice(0, MAX_TRACKERS);
  if (urls.length === 0) checkup.skip("tracker", "none", "the torrent names no tracker.");
  const calls = new TrackerCalls(Math.max(1, metainfo.length), metainfo.infoHash, newPeerId());
  const asked = await Promise.all(
    urls.map(async (url) => {
      const begin = performance.now();
      const late = AbortSignal.timeout(stepSeconds * 1_000);
      const answer = await calls
        .announce(url, AbortSignal.any([signal, late]))
        .catch((error: unknown) => ({ error }));
      return { url, answer, took: performance.now() - begin };
    }),
  );
  signal.throwIfAborted();
  const someWork = asked.some(({ answer }) => !("error" in answer));
  for (const { url, answer, took } of asked) {
    const finding = "error" in answer ? silentTracker(answer.error, someWork) : judgeReply(answer);
    checkup.note("tracker", shownTracker(url), finding, took);
  }
  return asked.flatMap(({ answer }) => ("error" in answer ? [] : answer.peers));
}

/** More are noise. */
const MAX_TRACKERS = 10;

/** Paths have what only those may know who were told: passkeys, and what stands for a password. */
function shownTracker(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function silentTracker(error: unknown, someWork: boolean): Finding {
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  const reason = isLate
    ? "no answer in time"
    : error instanceof TrackerError
      ? error.reason
      : messageOf(error);
  return {
    verdict: someWork ? "warn" : "fail",
    message: `doesn't help: ${reason}`,
    advice: "Does it run, and can this machine reach it? Without one, peers are found by --peer HOST:PORT.",
  };
}

function judgeReply({ peers, seeders, leechers, warning }: AnnounceReply): Finding {
  const count = (n: number | undefined, what: string) => `${n ?? "?"} ${what}`;
  // Most trackers count the asker, who has nothing.
  const getting = leechers === undefined ? undefined : Math.max(0, leechers - 1);
  const message = `answers: ${count(seeders, "seeding")}, ${count(getting, "getting it")}, ${peers.length} named`;
  if (warning === undefined) return { verdict: "ok", message };
  return { verdict: "warn", message: `${message}; it warns: ${warning}` };
}

/** Milliseconds in which neighbours answer; the longest that BEP 14 leaves them, and a bit. */
const NEIGHBOURS = 2_500;

/** Asks the local network for peers (BEP 14), of torrents that may be told of there. */
export async function findNeighbours(
  checkup: Checkup,
  { metainfo }: Target,
  signal: AbortSignal,
): Promise<readonly PeerAddress[]> {
  if (metainfo.private || metainfo.unlisted || metainfo.token !== undefined || lanIsForbidden()) return [];
  const found: PeerAddress[] = [];
  await checkup.check("find", "neighbours", async (): Promise<Finding> => {
    const lan = new LanDiscovery({
      // We take none; whoever calls is refused.
      port: 1,
      clock: systemClock,
      random: systemRandom,
      open: (groups, onDatagram) => openMulticast({ groups, onDatagram }),
    });
    try {
      await lan.start();
      lan.seek(metainfo.infoHash, (address) => found.push(address));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, NEIGHBOURS);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
    } finally {
      await lan.close();
    }
    signal.throwIfAborted();
    const isHeard = found.length > 0;
    return {
      verdict: isHeard ? "ok" : "warn",
      message: isHeard
        ? `${found.length} peers of it answer on this network`
        : "no peer of it answers on this network; some do once a minute at most",
    };
  });
  return found;
}

/** @returns whether one gives what it should. */
export async function checkWebSeeds(
  checkup: Checkup,
  target: Target,
  { stepSeconds }: StepOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { webSeeds } = target.metainfo;
  if (webSeeds.length === 0)
    checkup.skip("webSeed", "none", "the torrent names no web server that has the files.");
  let works = false;
  for (const url of webSeeds.slice(0, MAX_WEB_SEEDS)) {
    const late = AbortSignal.timeout(stepSeconds * 1_000);
    const { verdict } = await checkup.check("webSeed", new URL(url).host, async (): Promise<Finding> => {
      try {
        const sample = await fetchSample(target, url, AbortSignal.any([signal, late]));
        return judgeSample(target, sample);
      } catch (error) {
        signal.throwIfAborted();
        const message = late.aborted ? "no answer in time" : messageOf(error);
        return { verdict: "warn", message: `gives nothing: ${message}`, advice: "Then peers have to." };
      }
    });
    works ||= verdict === "ok";
  }
  return works;
}

const MAX_WEB_SEEDS = 3;

async function fetchSample(
  target: Target,
  url: string,
  signal: AbortSignal,
): Promise<{ readonly piece: number; readonly bytes: Uint8Array }> {
  const { layout, metainfo, fromPublic } = target;
  const { piece, length } = sampleOf(target, Bitfield.full(layout.pieceCount)) ?? { piece: 0, length: 0 };
  const ranges = openWebRanges({}, fromPublic);
  const bytes = new Uint8Array(length);
  let at = 0;
  try {
    for (const { file, offset, length: part } of layout.spans(piece, 0, length)) {
      const { pad, length: fileLength } = metainfo.files[file] ?? { pad: true, length: 0 };
      const end = at + part;
      // Pad files are zeros, which are there already.
      if (!pad) {
        const range = { url: webSeedUrl(url, metainfo, file), offset, length: part, fileLength };
        await ranges.fetch(
          range,
          (got) => {
            bytes.set(got, at);
            at += got.length;
            return undefined;
          },
          signal,
        );
      }
      at = end;
    }
    return { piece, bytes };
  } finally {
    ranges.close();
  }
}
