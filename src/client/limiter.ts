import type { Clock, Timer } from "../protocol/ambient.ts";
import { BLOCK_LENGTH } from "./core/active-piece.ts";
import { TokenBucket } from "./core/token-bucket.ts";
import type { RateLimiter } from "./peers/upload.ts";

interface Waiter {
  readonly bytes: number;
  readonly granted: () => void;
}

/** One rate for all torrents and peers of a session: whoever waits is served in order, a grain at a time. */
export class Limiter implements RateLimiter {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #waiting: Waiter[] = [];
  #timer: Timer | undefined;

  /** @param rate bytes a second; Infinity for none */
  constructor(rate: number, clock: Clock) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rate, clock.now());
  }

  get unlimited(): boolean {
    return this.#bucket.unlimited;
  }

  get rate(): number {
    return this.#bucket.rate;
  }

  /** About a fiftieth of a second, so that a slow limit still moves everybody along. */
  get grain(): number {
    return Math.max(BLOCK_LENGTH, Math.min(1_048_576, this.#bucket.rate / 50));
  }

  setRate(rate: number): void {
    this.#bucket.setRate(rate, this.#clock.now());
    this.#timer?.cancel();
    this.#serve();
  }

  take(bytes: number, granted: () => void): boolean {
    if (this.#waiting.length === 0 && this.#bucket.take(bytes, this.#clock.now())) return true;
    this.#waiting.push({ bytes, granted });
    if (this.#waiting.length === 1) this.#wait();
    return false;
  }

  /** Gives back what was taken and not used. */
  refund(bytes: number): void {
    this.#bucket.spend(-bytes, this.#clock.now());
  }

  forget(granted: () => void): void {
    const at = this.#waiting.findIndex((waiter) => waiter.granted === granted);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** Nobody is served any more, and no timer is left. */
  close(): void {
    this.#timer?.cancel();
    this.#waiting.length = 0;
  }

  #wait(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#bucket.wait(this.#clock.now()), () => this.#serve());
  }

  #serve(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      if (!this.#bucket.take(first.bytes, this.#clock.now())) break;
      this.#waiting.shift();
      first.granted();
    }
    this.#wait();
  }
}
