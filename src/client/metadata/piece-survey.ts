/** A look at a swarm from outside: which pieces its peers have. */
import type { PeerAddress } from "../../platform/transport.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { toLatin1 } from "../../protocol/bytes.ts";
import { type PeerVisit, type PeerVisitOptions, visitPeer } from "./peer-visit.ts";

/** What the peers showed that answered. */
export interface PieceSurvey {
  /** Peers that answered, however little they have. */
  readonly peers: number;
  /** Those of them that have every piece. */
  readonly complete: number;
  /**
   * Distributed copies: how often the rarest piece is there, and, as a fraction, how many pieces are there more often.
   * Below 1 these peers can't complete the torrent.
   */
  readonly copies: number;
}

const AT_ONCE = 30;
/** More tell little that these don't. */
const MAX_PEERS = 120;

/**
 * Connects to each peer until it has said what it has; asks for nothing and gives nothing.
 */
export async function surveyPieces(
  addresses: readonly PeerAddress[],
  options: Omit<PeerVisitOptions, "choose">,
  signal: AbortSignal,
): Promise<PieceSurvey> {
  const waiting = addresses.slice(0, MAX_PEERS);
  // By peer id: one that was named by several of its addresses is one.
  const seen = new Map<string, Bitfield>();
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const met = await look(next, options, signal);
      if (met === undefined) continue;
      const key = toLatin1(met.peerId);
      // The second connection of one peer is hung up before it shows anything.
      const known = seen.get(key);
      if (known === undefined || known.count < met.pieces.count) seen.set(key, met.pieces);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, worker));
  signal.throwIfAborted();
  const found = [...seen.values()];
  return {
    peers: found.length,
    complete: found.filter((pieces) => pieces.isComplete).length,
    copies: countCopies(found, options.layout.pieceCount),
  };
}

/** See {@link PieceSurvey.copies}. */
export function countCopies(found: readonly Bitfield[], pieceCount: number): number {
  const counts = new Uint32Array(pieceCount);
  for (const pieces of found) for (const piece of pieces) counts[piece] = (counts[piece] ?? 0) + 1;
  let rarest = Number.POSITIVE_INFINITY;
  for (const count of counts) rarest = Math.min(rarest, count);
  if (rarest === Number.POSITIVE_INFINITY) return 0;
  let more = 0;
  for (const count of counts) if (count > rarest) more++;
  return rarest + more / pieceCount;
}

/** @returns undefined when nobody of this torrent is there. */
async function look(
  address: PeerAddress,
  options: PeerVisitOptions,
  signal: AbortSignal,
): Promise<PeerVisit | undefined> {
  try {
    return await visitPeer(address, options, signal);
  } catch {
    return undefined;
  }
}
