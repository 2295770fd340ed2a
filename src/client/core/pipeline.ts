import type { Millis } from "../../protocol/ambient.ts";
import { BLOCK_LENGTH } from "./active-piece.ts";

/** What we ask for before anything is known, in blocks. */
const FIRST_DEPTH = 4;
/**
 * What we keep asked for at least: one under way and one waiting. No more, because of a busy seeder's fifty peers each
 * gets a fiftieth: what waits in its queue for seconds could come sooner from somebody else.
 */
export const MIN_DEPTH = 2;
/** What we ask for at most, whatever the peer takes: 32 MiB. */
const MAX_DEPTH = 2000;
/** Of a peer that doesn't say how many requests it queues. */
const DEFAULT_REQUEST_QUEUE = 250;
/** Time that the queue must last beyond the way there and back: our and the peer's scheduling. */
const SLACK: Millis = 100;
/**
 * The same for programs that are not ours, and the least that they are asked for: Transmission looks at its queue twice
 * a second only, so that a shallow one would be empty nearly all the time.
 */
const STRANGER_SLACK: Millis = 1_000;
const STRANGER_MIN_DEPTH = 16;
/** A shorter time says too little about the rate. */
const MIN_WINDOW: Millis = 50;
/** No request of a living peer takes longer. */
const MAX_PATIENCE: Millis = 60_000;
/** Not even a fast peer is given up sooner: its disk may have to start turning. */
const MIN_PATIENCE: Millis = 5_000;

/**
 * How many blocks to keep asked for at one peer, and how long to wait for one. Enough that the peer is never idle:
 * what it sends in twice the shortest way there and back and a bit. When the depth is what holds it up, the measured
 * rate is depth / latency, so the next depth is twice that, until something else holds it up.
 */
export class Pipeline {
  #limit = DEFAULT_REQUEST_QUEUE;
  readonly #most: number;
  #depth: number;
  #minDepth = MIN_DEPTH;
  #slack = SLACK;
  #latency: Millis = Number.POSITIVE_INFINITY;
  #windowStart: Millis;
  #windowBytes = 0;
  /** Bytes a millisecond, the better of the last two windows. */
  #rate = 0;
  #lastRate = 0;

  /** @param most blocks asked for at a time, whatever the link could take */
  constructor(now: Millis, most = MAX_DEPTH) {
    this.#windowStart = now;
    this.#most = most;
    this.#depth = Math.min(FIRST_DEPTH, most);
  }

  /** Blocks to keep asked for. */
  get depth(): number {
    return this.#depth;
  }

  /** Milliseconds until `outstanding` blocks are here, by what was measured; Infinity before anything was. */
  expected(outstanding: number): Millis {
    if (this.#rate === 0) return Number.POSITIVE_INFINITY;
    return this.#latency + (outstanding * BLOCK_LENGTH) / this.#rate;
  }

  /** Milliseconds: how long a request may take, with `outstanding` blocks asked for, before others are asked. */
  patience(outstanding: number): Millis {
    if (this.#rate === 0) return MAX_PATIENCE / 4;
    const expected = (outstanding * BLOCK_LENGTH) / this.#rate + 2 * Math.min(this.#latency, MAX_PATIENCE);
    return Math.min(MAX_PATIENCE, Math.max(MIN_PATIENCE, 4 * expected));
  }

  /** The peer says how many requests it queues (BEP 10, `reqq`). */
  setLimit(requestQueue: number): void {
    this.#limit = requestQueue;
    this.#adapt();
  }

  /** The peer's program is not ours: it may answer in turns of its own. */
  allowForTurns(): void {
    this.#slack = STRANGER_SLACK;
    this.#minDepth = STRANGER_MIN_DEPTH;
    this.#adapt();
  }

  /** `bytes` came at `now`, asked for at `askedAt`. */
  received(bytes: number, askedAt: Millis, now: Millis): void {
    this.#latency = Math.min(this.#latency, now - askedAt);
    this.#windowBytes += bytes;
    const elapsed = now - this.#windowStart;
    if (elapsed < Math.max(MIN_WINDOW, this.#latency)) return;
    const rate = this.#windowBytes / elapsed;
    this.#rate = Math.max(rate, this.#lastRate);
    this.#lastRate = rate;
    this.#windowStart = now;
    this.#windowBytes = 0;
    this.#adapt();
  }

  /** Nothing was asked for, so the time until now says nothing about the peer. */
  idleUntil(now: Millis): void {
    this.#windowStart = now;
    this.#windowBytes = 0;
  }

  #adapt(): void {
    const wanted = Math.ceil(
      (this.#rate * (2 * Math.min(this.#latency, MAX_PATIENCE) + this.#slack)) / BLOCK_LENGTH,
    );
    this.#depth = Math.min(this.#limit, this.#most, Math.max(this.#minDepth, wanted || this.#minDepth));
  }
}
