import type { PeerAddress } from "../platform/transport.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { InfoHash } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { PeerSource, PeerStats, TorrentEvents, TorrentOptions, TorrentStats } from "./torrent-types.ts";

/** Sole owner of one torrent's state. Made by {@link Session.add}. */
export interface Torrent {
  readonly infoHash: InfoHash;
  readonly layout: PieceLayout;
  /** The verified pieces: live, not to be changed. */
  readonly have: Bitfield;
  /** Every wanted piece is verified and stored. */
  readonly complete: boolean;
  on<K extends keyof TorrentEvents>(event: K, listener: (...args: TorrentEvents[K]) => void): () => void;
  /** Learns of peers; connects to them when it can use more. Known, banned and own addresses are skipped. */
  addPeers(addresses: readonly PeerAddress[], source: PeerSource): void;
  stats(): TorrentStats;
  peers(): PeerStats[];
  /** Stops downloading and starting uploads; settles when blocks that were asked for are sent, or after `graceMs`. */
  finish(graceMs: number): Promise<void>;
  /** Drops every peer; settles when no write is under way. Call `storage.close()` after it. */
  close(): Promise<void>;
}

export type { TorrentOptions };
