/** Bytes of files on web servers: what is asked for, and what may go wrong. Who asks doesn't know how. */
import type { PeerAddress } from "../../platform/transport.ts";

/** A URL of `url-list` (BEP 19). */
export interface WebSeedSource {
  readonly url: string;
  /** Where the same machine takes peers, if it does: its uplink is better used that way. */
  readonly peer?: PeerAddress | undefined;
}

/** Some bytes of one file. */
export interface FileRange {
  readonly url: string;
  readonly offset: number;
  /** Bytes, at least one. */
  readonly length: number;
  /** What the torrent says of the whole file. */
  readonly fileLength: number;
}

/**
 * - `absent`: this file isn't there, or isn't what the torrent says; others may be.
 * - `busy`: later, perhaps after `retryAfter` seconds.
 * - `failed`: the connection broke, stood still or couldn't be made; later.
 * - `useless`: it doesn't do what a web seed must.
 */
export type RangeVerdict = "absent" | "busy" | "failed" | "useless";

/** A range could not be had; the message says why, for people. */
export class RangeFailure extends Error {
  readonly verdict: RangeVerdict;
  /** Seconds, as the server asks. */
  readonly retryAfter: number | undefined;

  constructor(verdict: RangeVerdict, message: string, retryAfter?: number) {
    super(message);
    this.name = "RangeFailure";
    this.verdict = verdict;
    this.retryAfter = retryAfter;
  }
}

/**
 * Fetches a range. `onData` gets its bytes in order and must not keep them; while a promise that it returned isn't
 * settled, nothing more is read. Rejects with a {@link RangeFailure}, and when `signal` aborts.
 */
export type FetchRange = (
  range: FileRange,
  onData: (bytes: Uint8Array) => Promise<void> | undefined,
  signal: AbortSignal,
) => Promise<void>;
