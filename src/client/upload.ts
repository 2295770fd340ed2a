import type { Clock } from "../protocol/ambient.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { PieceStorage } from "./storage.ts";
import type { Wire } from "./wire.ts";
import type { BlockRef } from "./wire-types.ts";

/** How many requests of one peer we queue; said in our extension handshake as `reqq` (BEP 10). */
export const REQUEST_QUEUE = 2000;

/** Shares a rate between many takers: first come, first served. */
export interface RateLimiter {
  /** No more than this should be taken at once, in bytes, so that all takers move evenly. */
  readonly grain: number;
  /**
   * Spends `bytes`.
   * @returns true when granted at once; else `granted` is called later, once, when they are spent.
   */
  take(bytes: number, granted: () => void): boolean;
  /** Takes back a waiting `take` with this very `granted`. */
  forget(granted: () => void): void;
}

/** Gives and takes back the buffers in which blocks travel from disk to socket; one for all peers. */
export declare class RunBuffers {
  /** `keep`: how many idle buffers of about 128 KiB are kept for reuse. */
  constructor(keep?: number);
}

export interface UploadOptions {
  readonly wire: Wire;
  readonly storage: Pick<PieceStorage, "read">;
  readonly clock: Clock;
  readonly buffers: RunBuffers;
  readonly limiter?: RateLimiter;
  /** The data of `piece` can't be read; its requests are rejected already (BEP 6) or dropped. */
  onReadError(piece: PieceIndex, error: unknown): void;
}

/**
 * Serves the requests of one peer: from disk to socket, in order, never more in memory than the socket drains.
 * The torrent forwards what its WireHandler is told, and checks that it has the piece.
 */
export declare class Upload {
  /** Requests that wait. */
  readonly queued: number;

  constructor(options: UploadOptions);
  /** From `onRequest`. Rejects it (BEP 6), or drops it, while we choke the peer or when its queue is full. */
  request(block: BlockRef): void;
  /** From `onCancel`. */
  cancel(block: BlockRef): void;
  /** Tells the peer, and empties the queue; what a fast peer waits for is rejected, but for allowed-fast pieces. */
  choke(): void;
  /** Tells the peer. */
  unchoke(): void;
  /** Serves `piece` even while the peer is choked, and tells it (BEP 6, "allowed fast"). */
  allowFast(piece: PieceIndex): void;
  /** From `onDrain`. */
  drained(): void;
  /** From `onClose`. */
  close(): void;
}
