import type { Millis } from "../../protocol/ambient.ts";

/**
 * A rate limit: tokens are bytes, and flow in at `rate` up to `burst`. Debt is allowed, so that a block whose length
 * is known only afterwards is paid for by the next one and the average stays exact.
 */
export class TokenBucket {
  #rate: number;
  #tokens: number;
  #at: Millis;

  /** @param rate bytes a second; Infinity for no limit. */
  constructor(rate: number, now: Millis) {
    this.#rate = rate;
    this.#at = now;
    this.#tokens = this.#burst;
  }

  get unlimited(): boolean {
    return this.#rate === Number.POSITIVE_INFINITY;
  }

  get rate(): number {
    return this.#rate;
  }

  setRate(rate: number, now: Millis): void {
    this.#refill(now);
    this.#rate = rate;
    if (this.unlimited) this.#tokens = 0;
    else this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  /** Takes `bytes` although they may not be there: the bucket goes into debt. */
  spend(bytes: number, now: Millis): void {
    if (this.unlimited) return;
    this.#refill(now);
    this.#tokens -= bytes;
  }

  /** Takes `bytes` if the bucket is out of debt. @returns whether it did. */
  take(bytes: number, now: Millis): boolean {
    if (this.unlimited) return true;
    this.#refill(now);
    if (this.#tokens <= 0) return false;
    this.#tokens -= bytes;
    return true;
  }

  /** Milliseconds until `take` may succeed; 0 when it would now. */
  wait(now: Millis): Millis {
    if (this.unlimited) return 0;
    this.#refill(now);
    if (this.#tokens > 0) return 0;
    return Math.max(1, Math.ceil(((1 - this.#tokens) / this.#rate) * 1000));
  }

  /** A tenth of a second, at least one block: small, so that a limit holds over short times too. */
  get #burst(): number {
    return Math.max(16_384, this.#rate / 10);
  }

  #refill(now: Millis): void {
    if (this.unlimited) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
  }
}
