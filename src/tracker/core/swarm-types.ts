/** What the tracker is told about shares, and what it tells about their swarms. */
import type { InfoHash, PeerId } from "../../protocol/ids.ts";

/** A share of ours whose swarm is tracked. */
export interface ShareEntry {
  /** As in `/announce/ID`; of a share with a password `ID/TOKEN`, without which nobody finds it. */
  readonly id: string;
  readonly infoHash: InfoHash;
  /** False: unknown to an announce or a scrape that does not carry the ID. */
  readonly listed: boolean;
  /** Bytes of the torrent; what `progress` is a part of. */
  readonly totalBytes: number;
  /** The appliance's own seeder, told to leechers at the address by which they reach us; absent when there is none. */
  readonly seeder?: PeerId;
}

/** One peer of a swarm, at the moment of an event. Byte arrays are owned by the receiver. */
export interface SwarmPeer {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** An IP literal without brackets, and the port where the peer listens (0: nowhere). */
  readonly host: string;
  readonly port: number;
  /** 0 to 1, as the peer last said. */
  readonly progress: number;
}

/** Facts about peers other than ourselves, told when the store has taken the whole change in. */
export interface SwarmEvents {
  joined?(peer: SwarmPeer): void;
  /** Once a peer: it had not everything when it joined, and has now. */
  completed?(peer: SwarmPeer): void;
  /** It said `stopped`, or was not heard of for longer than twice the interval. */
  left?(peer: SwarmPeer): void;
}

/** The counts of a scrape (BEP 48): peers that have everything (ourselves included), downloads finished, other peers. */
export interface SwarmCounts {
  readonly complete: number;
  readonly downloaded: number;
  readonly incomplete: number;
}
