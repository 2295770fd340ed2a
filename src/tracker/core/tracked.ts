/** One torrent that the tracker knows: who may ask about it, and what can be told. */
import { type InfoHash, peerId } from "../../protocol/ids.ts";
import { formatIp } from "../../protocol/ip-address.ts";
import type { Swarm } from "./swarm.ts";
import type { SwarmCounts, SwarmPeer } from "./swarm-types.ts";

export interface Tracked {
  readonly infoHash: InfoHash;
  readonly swarm: Swarm;
  readonly totalBytes: number;
  readonly seeder: Uint8Array | undefined;
  /** The IDs under which it is shared, and whether each is listed. */
  readonly shares: Map<string, boolean>;
}

/** By its ID when one is given; without one only what is listed. */
export function isVisible(tracked: Tracked, shareId: string | undefined): boolean {
  if (shareId !== undefined) return tracked.shares.has(shareId);
  for (const listed of tracked.shares.values()) if (listed) return true;
  return false;
}

export function countsOf({ swarm, seeder }: Tracked): SwarmCounts {
  const complete = swarm.seeders + (seeder === undefined ? 0 : 1);
  return { complete, downloaded: swarm.downloaded, incomplete: swarm.size - swarm.seeders };
}

export function snapshot(infoHash: InfoHash, swarm: Swarm, slot: number): SwarmPeer {
  const endpoints = swarm.v4.has(slot) ? swarm.v4 : swarm.v6;
  return {
    infoHash,
    peerId: peerId(swarm.peerId(slot).slice()),
    host: formatIp(endpoints.address(slot)),
    port: endpoints.port(slot),
    progress: swarm.progress(slot),
  };
}
