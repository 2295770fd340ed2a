import type { Dial } from "../platform/transport.ts";
import type { Clock, Random } from "../protocol/ambient.ts";
import type { PeerId } from "../protocol/ids.ts";
import type { ConnectionBudget } from "./connections.ts";
import type { Limiter } from "./limiter.ts";
import type { Obfuscation } from "./peers/obfuscation.ts";
import type { RunBuffers } from "./peers/run-buffers.ts";

/** The node of the distributed hash table that we are (BEP 5). */
export interface OwnNode {
  /** Over UDP. */
  readonly port: number;
  /** A peer says that it has a node there, too; `host` is an IP literal. */
  meet(host: string, port: number): void;
}

/** What all torrents of a session share. */
export interface TorrentEnvironment {
  readonly peerId: PeerId;
  /** What we say we are. */
  readonly client: string;
  readonly listenPort: number | undefined;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  readonly up: Limiter;
  readonly down: Limiter;
  readonly budget: ConnectionBudget;
  readonly obfuscation: Obfuscation;
  readonly runBuffers: RunBuffers;
  /** Connections of a torrent that doesn't say how many. */
  readonly maxPeers: number;
  /** Blocks that one peer is asked for at a time; undefined: what the link needs. */
  readonly requestQueue: number | undefined;
  /** Told to peers of open torrents; undefined: we are none. */
  readonly ownNode: OwnNode | undefined;
}
