import type { Clock, Millis, Random, Timer } from "../../protocol/ambient.ts";
import { type AnnounceParams, type AnnounceReply, TrackerError } from "../core/announce-types.ts";

export interface TierOptions {
  /** Tried in this order; the one that answers moves to the front (BEP 12). */
  readonly trackers: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly ask: (url: string, about: AskAbout, signal: AbortSignal) => Promise<AnnounceReply>;
  readonly onReply: (url: string, reply: AnnounceReply) => void;
  /** Every tracker of the tier failed, for the first time since one answered. `error` is the first one's. */
  readonly onSilent: (error: unknown) => void;
}

export type AskAbout = Pick<AnnounceParams, "event" | "trackerId">;

type Phase =
  | { readonly name: "idle" }
  | { readonly name: "asking"; readonly abort: AbortController; readonly url: string }
  | {
      readonly name: "waiting";
      readonly timer: Timer;
      readonly due: Millis;
      /** When more peers may be asked for; undefined after a failure: then patience is what helps. */
      readonly notBefore: Millis | undefined;
    }
  /** Every tracker said that it never wants to be asked again (BEP 31). */
  | { readonly name: "sentAway" }
  | { readonly name: "closed" };

/** For five minutes a tracker that just restarts is found again within seconds; then it is left alone ever longer. */
const FIRST_DELAY = 5_000;
const EARLY_DELAY = 20_000;
const EARLY_FAILURES = 15;
const LONGEST_DELAY = 900_000;

/** Milliseconds to wait after `failures` rounds in a row without an answer; jitter only adds, so crowds spread out. */
export function retryDelay(failures: number, random: Random): Millis {
  const early = Math.min(EARLY_DELAY, FIRST_DELAY * 2 ** (failures - 1));
  const late = Math.min(LONGEST_DELAY, EARLY_DELAY * 2 ** (failures - EARLY_FAILURES));
  return (failures <= EARLY_FAILURES ? early : late) * (1 + random.next() / 2);
}

/** One tier of trackers, of which one at a time is kept informed. */
export class TrackerTier {
  readonly #options: TierOptions;
  readonly #order: string[];
  /** The trackers that know us, and the id that each gave. */
  readonly #known = new Map<string, string | undefined>();
  #phase: Phase = { name: "idle" };
  #failures = 0;
  #completed = false;
  readonly #refusedUntil = new Map<string, Millis>();

  constructor(options: TierOptions) {
    this.#options = options;
    this.#order = [...options.trackers];
  }

  start(): void {
    if (this.#phase.name === "idle") void this.#round();
  }

  /** The download is done: tells the tracker at once, or as soon as it answers. */
  completed(): void {
    this.#completed = true;
    // While asking: the round sees it at its end.
    if (this.#phase.name === "waiting" && this.#phase.notBefore !== undefined) this.#askNow();
  }

  /** Asks again as soon as the tracker allows it. */
  needPeers(): void {
    if (this.#phase.name !== "waiting" || this.#phase.notBefore === undefined) return;
    const { notBefore, due, timer } = this.#phase;
    if (notBefore >= due) return;
    timer.cancel();
    this.#wait(notBefore - this.#options.clock.now(), notBefore);
  }

  /** Ends everything and says `stopped` to the trackers that know us, once. Never rejects. */
  async close(signal: AbortSignal): Promise<void> {
    const phase = this.#phase;
    this.#phase = { name: "closed" };
    if (phase.name === "closed") return;
    if (phase.name === "waiting") phase.timer.cancel();
    if (phase.name === "asking") {
      phase.abort.abort();
      // It may have heard the beginning, so it shall hear the end.
      if (!this.#known.has(phase.url)) this.#known.set(phase.url, undefined);
    }
    const farewells = [...this.#known].map(([url, trackerId]) =>
      this.#options.ask(url, { event: "stopped", ...(trackerId === undefined ? {} : { trackerId }) }, signal),
    );
    this.#known.clear();
    await Promise.allSettled(farewells);
  }

  /** Asks one tracker after the other until one answers. */
  async #round(): Promise<void> {
    let firstError: unknown;
    for (const url of [...this.#order]) {
      if (this.#notBefore(url) > this.#options.clock.now()) continue;
      const abort = new AbortController();
      this.#phase = { name: "asking", abort, url };
      const about = this.#aboutFor(url);
      try {
        const reply = await this.#options.ask(url, about, abort.signal);
        if (this.#isClosed()) return;
        this.#answered(url, about, reply);
        return;
      } catch (error) {
        if (this.#isClosed()) return;
        firstError ??= error;
        this.#heedRetry(url, error);
      }
    }
    this.#failures++;
    if (this.#failures === 1) this.#options.onSilent(firstError);
    const { clock, random } = this.#options;
    const soonest = Math.min(...this.#order.map((url) => this.#notBefore(url))) - clock.now();
    if (soonest === Number.POSITIVE_INFINITY) this.#phase = { name: "sentAway" };
    else this.#wait(Math.max(soonest, retryDelay(this.#failures, random)), undefined);
  }

  /** When a tracker that refused may be asked again. */
  #notBefore(url: string): Millis {
    return this.#refusedUntil.get(url) ?? Number.NEGATIVE_INFINITY;
  }

  #heedRetry(url: string, error: unknown): void {
    if (!(error instanceof TrackerError) || error.retryIn === undefined) return;
    this.#refusedUntil.set(url, this.#options.clock.now() + error.retryIn * 1000);
  }

  #aboutFor(url: string): AskAbout {
    if (!this.#known.has(url)) return { event: "started" };
    const trackerId = this.#known.get(url);
    return {
      ...(trackerId === undefined ? {} : { trackerId }),
      ...(this.#completed ? { event: "completed" } : {}),
    };
  }

  #answered(url: string, about: AskAbout, reply: AnnounceReply): void {
    this.#failures = 0;
    // BEP 3: a tracker id stays until another one comes.
    this.#known.set(url, reply.trackerId ?? this.#known.get(url));
    this.#order.splice(this.#order.indexOf(url), 1);
    this.#order.unshift(url);
    if (about.event === "completed") this.#completed = false;
    const { clock, random } = this.#options;
    // Later than asked by up to a tenth, so that a crowd which came at once does not come back at once.
    const interval = reply.interval * 1000 * (1 + random.next() / 10);
    this.#wait(interval, clock.now() + reply.minInterval * 1000);
    // The owner may close us, or ask for more.
    this.#options.onReply(url, reply);
    if (this.#completed) this.#askNow();
  }

  #askNow(): void {
    if (this.#phase.name !== "waiting") return;
    this.#phase.timer.cancel();
    void this.#round();
  }

  #wait(delay: Millis, notBefore: Millis | undefined): void {
    const { clock } = this.#options;
    const wait = Math.max(0, delay);
    const timer = clock.after(wait, () => void this.#round());
    this.#phase = { name: "waiting", timer, due: clock.now() + wait, notBefore };
  }

  #isClosed(): boolean {
    return this.#phase.name === "closed";
  }
}
