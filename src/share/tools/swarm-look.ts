/** How a torrent's swarm is: what its trackers count, and which pieces the peers they name have. */
import { randomBytes } from "node:crypto";
import type { AnnounceReply } from "../../client/core/announce-types.ts";
import { TrackerError } from "../../client/core/announce-types.ts";
import type { SwarmCounts } from "../../client/core/scrape.ts";
import { type PieceSurvey, surveyPieces } from "../../client/metadata/piece-survey.ts";
import { systemClock } from "../../platform/clock.ts";
import { dialTcp } from "../../platform/tcp.ts";
import { type InfoHash, peerId } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { formatPeerAddress, type PeerAddress } from "../../protocol/peer-address.ts";
import { trackersToTell } from "../get/own-trackers.ts";
import { resolvePeer } from "../get/peer-names.ts";
import { proverOf } from "../token.ts";
import { version } from "../version.ts";
import { TrackerCalls } from "./tracker-call.ts";

/** Public API: one tracker's answer in `share info --swarm --json`. */
export interface TrackerState {
  /** Its announce URL. */
  readonly tracker: string;
  /** Peers that have everything, and that haven't; null when it doesn't say. */
  readonly seeders: number | null;
  readonly leechers: number | null;
  /** How many have completed the torrent as far as it knows; null when it doesn't say. */
  readonly completed: number | null;
  /** Why it doesn't say. Foreign text: escape it before it is shown. */
  readonly error?: string;
}

export interface SwarmState {
  /** In the torrent's order. */
  readonly trackers: readonly TrackerState[];
  readonly pieces: PieceSurvey;
}

/** More are noise, or an attempt to make us knock at many doors. */
const MAX_TRACKERS = 50;

/**
 * Asks all trackers at once for their counts (BEP 48), and for peers, which are connected to for a moment. The trackers
 * are told that we are gone right afterwards. A tracker without scrape counts in its reply to the announce.
 * @param peers `HOST:PORT` to look at besides.
 */
export async function lookAtSwarm(
  metainfo: Metainfo & { readonly infoHash: InfoHash },
  peers: readonly string[],
  signal: AbortSignal,
): Promise<SwarmState> {
  const { infoHash, token } = metainfo;
  const own = peerId(Buffer.concat([Buffer.from("-BJ0100-"), randomBytes(12)]));
  const urls = [...new Set(trackersToTell(metainfo).flat())].slice(0, MAX_TRACKERS);
  const calls = new TrackerCalls(metainfo.length, infoHash, own);
  const asked = await Promise.all(urls.map((url) => ask(url, calls, signal)));
  const named = await Promise.all(peers.map(resolvePeer));
  const addresses = new Map<string, PeerAddress>();
  for (const address of [...named.flat(), ...asked.flatMap(({ peers: told }) => told)])
    addresses.set(formatPeerAddress(address), address);
  const pieces = await surveyPieces(
    [...addresses.values()],
    {
      infoHash,
      peerId: own,
      layout: new PieceLayout(
        metainfo.files.map((file) => file.length),
        metainfo.pieceLength,
      ),
      dial: dialTcp,
      clock: systemClock,
      client: `Boojum ${version}`,
      prove: token === undefined ? undefined : proverOf(token, infoHash),
    },
    signal,
  );
  return { trackers: asked.map(({ state }) => state), pieces };
}

interface Asked {
  readonly state: TrackerState;
  readonly peers: readonly PeerAddress[];
}

async function ask(url: string, calls: TrackerCalls, signal: AbortSignal): Promise<Asked> {
  // First the counts: afterwards we would be in them.
  const counts = await settled(calls.scrape(url, signal));
  const reply = await settled(calls.announce(url, signal));
  signal.throwIfAborted();
  if (counts.ok) return { state: stateOf(url, counts.value), peers: reply.ok ? reply.value.peers : [] };
  if (!reply.ok) return { state: { ...UNKNOWN, tracker: url, error: reasonOf(reply.error) }, peers: [] };
  return { state: stateOf(url, withoutUs(reply.value)), peers: reply.value.peers };
}

const UNKNOWN = { seeders: null, leechers: null, completed: null };

function stateOf(tracker: string, counts: Partial<SwarmCounts>): TrackerState {
  const { seeders = null, leechers = null, completed = null } = counts;
  return { tracker, seeders, leechers, completed };
}

/** Most trackers count the asker, who has nothing, among the leechers. */
function withoutUs({ seeders, leechers }: AnnounceReply): Partial<SwarmCounts> {
  return {
    ...(seeders !== undefined && { seeders }),
    ...(leechers !== undefined && { leechers: Math.max(0, leechers - 1) }),
  };
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TrackerError) return error.reason;
  return error instanceof Error ? error.message : String(error);
}
