import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import { PeerTimeoutError } from "./peer-errors.ts";

const HANDSHAKE_TIMEOUT: Millis = 10_000;
/** Some clients send their keep-alives exactly 120 s apart; they get 10 s of grace. */
const IDLE_TIMEOUT: Millis = 130_000;
const KEEP_ALIVE: Millis = 100_000;

export interface SilenceOptions {
  readonly clock: Clock;
  /** Messages are exchanged: from now on both sides have to keep the connection alive. */
  isExchanging(): boolean;
  /** We don't listen, so the peer's silence isn't its fault. */
  isPaused(): boolean;
  sendKeepAlive(): void;
  /** The peer said nothing for too long. */
  timedOut(error: PeerTimeoutError): void;
}

/** Watches over one connection: whoever says nothing for too long is given up on, and we say something in time. */
export class Silence {
  readonly #options: SilenceOptions;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #lastReceived: Millis = 0;
  #lastSent: Millis = 0;
  #stopped = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** The peer spoke, or its silence so far doesn't count. */
  received(): void {
    this.#lastReceived = this.#clock.now();
  }

  sent(): void {
    this.#lastSent = this.#clock.now();
  }

  /** Begins, or looks again: one timer for all deadlines, set anew when it finds that there is time left. */
  watch(): void {
    const now = this.#clock.now();
    const isExchanging = this.#options.isExchanging();
    const patience = isExchanging ? IDLE_TIMEOUT : HANDSHAKE_TIMEOUT;
    if (this.#options.isPaused()) this.#lastReceived = now;
    if (now - this.#lastReceived >= patience) {
      this.#options.timedOut(new PeerTimeoutError(`the peer said nothing for ${patience / 1000} s`));
      return;
    }
    if (isExchanging && now - this.#lastSent >= KEEP_ALIVE) this.#options.sendKeepAlive();
    if (this.#stopped) return;
    const next = Math.min(this.#lastReceived + patience, this.#lastSent + KEEP_ALIVE);
    this.#timer = this.#clock.after(Math.max(1, next - now), () => this.watch());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
