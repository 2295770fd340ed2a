/** What a torrent is given, what it tells, and what it can be asked: the seam between the engine and `share.ts`. */
import type { PeerAddress } from "../platform/transport.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { InfoHash, PeerId, PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { Prove } from "./core/proof.ts";
import type { SeededTorrent } from "./core/web-seed-url.ts";
import type { FetchRange, WebSeedSource } from "./http/range-types.ts";
import type { PieceStorage } from "./storage/storage.ts";

/** Where an address came from. A private torrent takes peers from its tracker and the user only (BEP 27). */
export type PeerSource = "tracker" | "user" | "lan" | "pex" | "dht" | "incoming";

export interface TorrentOptions {
  readonly infoHash: InfoHash;
  readonly layout: PieceLayout;
  /** SHA-1 of each piece, end to end, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** BEP 27. */
  readonly private: boolean;
  /** Nobody is to hear of it who wasn't told: peers come from trackers and the user only, and are told of no others. */
  readonly unlisted?: boolean;
  /**
   * The info dictionary, byte for byte, for peers that have a magnet link only (BEP 9); of a private torrent nobody gets
   * it. Must not change.
   */
  readonly metadata?: Uint8Array;
  /** Peers must show that they know a token, as we do: without it they get nothing, and we take nothing from them. */
  readonly prove?: Prove;
  /** Not closed by the torrent: whoever opened it closes it, after `torrent.close()`. */
  readonly storage: PieceStorage;
  /** The pieces that are verified in `storage`. Copied. */
  readonly have: Bitfield;
  /** The pieces to download; all by default. Copied. */
  readonly wanted?: Bitfield;
  /** Web servers that have the files (BEP 19), and how they are asked; none by default. */
  readonly webSeeds?: {
    readonly sources: readonly WebSeedSource[];
    readonly torrent: SeededTorrent;
    readonly fetch: FetchRange;
    /** What they have is told by `torrent.learn`; everything by default. */
    readonly areGrowing?: boolean;
  };
  /**
   * Asked when every wanted piece is in the storage, before that is believed and told: what isn't there any more
   * after all can be told by `Torrent.lose` until it settles. When it rejects, the torrent fails.
   */
  readonly lastLook?: () => Promise<void>;
  /** Upload slots, 0 to upload nothing; by default as many as the uplink can use. */
  readonly slots?: number;
  /** Connections of this torrent; 100 by default. */
  readonly maxPeers?: number;
  /** Bytes of pieces that may be in memory unfinished or unwritten; 64 MiB by default, never less than two pieces. */
  readonly bufferBytes?: number;
}

/** Anybody may hear of it: it isn't private or unlisted, and needs no token. */
export function isOpen({ private: isPrivate, unlisted = false, prove }: TorrentOptions): boolean {
  return !isPrivate && !unlisted && prove === undefined;
}

/** Facts, in the order in which they happened. */
export interface TorrentEvents {
  /** A piece passed its hash and is in the storage. */
  readonly verified: [piece: PieceIndex];
  /** Every wanted piece is verified and in the storage. Once; never for a torrent that began complete. */
  readonly complete: [];
  /** A peer finished its handshake. `client` is its name so far, from its peer id. */
  readonly peerJoined: [peer: PeerStats];
  /** A peer that was not complete has every piece now. */
  readonly peerCompleted: [peer: PeerStats];
  /** A peer that had joined is gone. */
  readonly peerLeft: [peer: PeerStats, reason: Error | undefined];
  /** A peer was proven to have sent bad data and is not talked to again. */
  readonly peerBanned: [address: PeerAddress, piece: PieceIndex];
  /** A web seed isn't asked any more: it sent bad data, or doesn't do what it must. */
  readonly webSeedDropped: [url: string, reason: string];
  /** A piece failed its hash and is fetched again. */
  readonly corrupt: [piece: PieceIndex];
  /** A piece can't be read any more, and is no longer offered. */
  readonly unreadable: [piece: PieceIndex, error: Error];
  /** The storage failed; the torrent has stopped and must be closed. */
  readonly failed: [error: Error];
}

/** One connected peer, at one moment. */
export interface PeerStats {
  /** From its handshake. */
  readonly peerId: PeerId;
  readonly address: PeerAddress;
  readonly source: PeerSource;
  /** As the peer says, not escaped; else from its peer id. */
  readonly client: string;
  /** Bytes of blocks a second. */
  readonly downRate: number;
  readonly upRate: number;
  /** Bytes of blocks since the connection began. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** The part of the torrent that it has, 0 to 1. */
  readonly progress: number;
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  readonly snubbed: boolean;
}

/** One torrent, at one moment. Bytes, and bytes a second. */
export interface TorrentStats {
  /** In verified pieces, wanted or not. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Missing from the wanted pieces. */
  readonly bytesLeft: number;
  /** Blocks sent to and received from peers in this run, duplicates and bad ones included. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Of `downloaded`: thrown away because it was double, unasked for or bad. */
  readonly wasted: number;
  readonly upRate: number;
  readonly downRate: number;
  /** Connected peers, and how many of them have everything. */
  readonly peers: number;
  readonly seeders: number;
  /** Web seeds that are being asked. */
  readonly webSeeds: number;
  /** Distributed copies among the peers and ourselves: whole copies, and the part of the pieces that has one more. */
  readonly copies: number;
  /** Until the wanted pieces are there at this rate; null when nothing comes, 0 when done. */
  readonly etaSeconds: number | null;
}
