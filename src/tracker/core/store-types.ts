/** What the tracker's store takes and gives. */
import type { Clock, Random } from "../../protocol/ambient.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { PeerList } from "./peer-list.ts";
import type { AnnounceQuery } from "./query.ts";
import type { OwnEndpoint } from "./select.ts";
import type { SavedPeer } from "./swarm.ts";
import type { SwarmCounts, SwarmEvents } from "./swarm-types.ts";

export interface TrackerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly events?: SwarmEvents;
  /**
   * Seconds between a peer's announces; 300 by default. libtorrent announces no more often than that, so a shorter
   * interval would let its peers expire in between.
   */
  readonly interval?: number;
  /** Seconds before a peer that needs more peers may ask again; 30 by default. */
  readonly minInterval?: number;
  /** Peers of one swarm; 100,000 by default, about 10 MB. */
  readonly maxPeers?: number;
  /** Peers of one swarm from one address, loopback excepted; 256 by default. */
  readonly maxPerAddress?: number;
  /** Peers of all swarms; 1,000,000 by default, about 100 MB. */
  readonly maxTotalPeers?: number;
  /** Any torrent is tracked, not only registered ones, up to so many; absent: only those. */
  readonly openTo?: number | undefined;
}

export interface AnnounceRequest {
  readonly query: AnnounceQuery;
  /** 4 or 16 bytes: where the request came from. */
  readonly address: Uint8Array;
  /** The ID of `/announce/ID`; absent for `/announce`. */
  readonly shareId: string | undefined;
  /** The address by which the asker reached us. */
  readonly reachedAs: OwnEndpoint;
}

export type AnnounceOutcome =
  | { readonly ok: true; readonly counts: SwarmCounts; readonly peers: PeerList; readonly warning?: string }
  | {
      readonly ok: false;
      readonly reason: string;
      /** Minutes until it may be worth asking again (BEP 31). */
      readonly retryIn?: number;
    };

/** What has been asked since the start. */
export interface TrackerCounters {
  readonly announces: number;
  readonly refused: number;
  readonly scrapes: number;
}

export interface ScrapedSwarm {
  readonly infoHash: InfoHash;
  readonly counts: SwarmCounts;
}

/** A swarm as it is kept while no tracker runs. */
export interface SavedSwarm {
  readonly infoHash: InfoHash;
  /** Nobody registered it: it was tracked because the tracker was open to all. */
  readonly isStranger: boolean;
  readonly seed: number;
  readonly downloaded: number;
  /** What the seconds of its peers are measured against. */
  readonly now: number;
  readonly peers: Iterable<SavedPeer>;
}
