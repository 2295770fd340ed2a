/** Looks for shares on the local network (RFC 6762, 5) and tells which there are. */
import type { Clock, Millis, Random, Timer } from "../protocol/ambient.ts";
import { type DnsMessage, inMessages, query } from "./core/messages.ts";
import { SHARE_TYPE } from "./core/service.ts";
import { type Sighting, Sightings } from "./core/sightings.ts";
import { type Link, type LinkOptions, type MessageSource, openLink } from "./link.ts";

export interface BrowserOptions extends Pick<LinkOptions, "clock" | "open"> {
  readonly random: Random;
  /** Something has changed; what there is then, every way to every share. */
  readonly onChange: (sightings: readonly Sighting[]) => void;
}

/** The first question waits a bit by chance, the second comes a second later, each further one after twice as long. */
const FIRST_WAIT: Millis = 20;
const WAIT_SPREAD: Millis = 50;
const SECOND_AFTER: Millis = 1_000;
const LONGEST_INTERVAL: Millis = 60_000;
/** Several messages of one publisher make one change. */
const REVIEW_AFTER: Millis = 100;
const TICK: Millis = 1_000;
/** Of one message, which is then no longer than a packet. */
const MAX_QUESTIONS = 12;

export class Browser {
  readonly #options: BrowserOptions;
  readonly #clock: Clock;
  readonly #sightings = new Sightings();
  #link: Link | undefined;
  #asking: Timer | undefined;
  #reviewing: Timer | undefined;
  #ticking: Timer | undefined;
  #told = "[]";
  #closed = false;

  private constructor(options: BrowserOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  static async open(options: BrowserOptions): Promise<Browser> {
    const browser = new Browser(options);
    browser.#link = await openLink({
      ...options,
      onMessage: (message, from) => browser.#onMessage(message, from),
      onChange: () => browser.#askAnew(),
    });
    browser.#askAnew();
    browser.#tick();
    return browser;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of [this.#asking, this.#reviewing, this.#ticking]) timer?.cancel();
    await this.#link?.close();
  }

  #askAnew(): void {
    this.#asking?.cancel();
    let interval = SECOND_AFTER;
    const ask = () => {
      const now = this.#clock.now();
      for (const { name } of this.#link?.interfaces() ?? []) {
        // What doesn't fit is answered once more; that is no harm.
        const [answers = []] = inMessages(this.#sightings.known(name, now));
        this.#link?.send(name, query([{ name: SHARE_TYPE, type: "PTR" }], { answers }));
      }
      this.#asking = this.#clock.after(interval, ask);
      interval = Math.min(2 * interval, LONGEST_INTERVAL);
    };
    this.#asking = this.#clock.after(FIRST_WAIT + this.#options.random.next() * WAIT_SPREAD, ask);
  }

  #onMessage(message: DnsMessage, from: MessageSource): void {
    if (this.#closed || !message.isResponse) return;
    const now = this.#clock.now();
    const records = [...message.answers, ...message.additionals];
    // What others belong to must be known before them.
    for (const types of [["PTR"], ["SRV", "TXT"], ["A", "AAAA"]]) {
      for (const record of records) {
        if (types.includes(record.type)) this.#sightings.take(record, from, now);
      }
    }
    this.#reviewing ??= this.#clock.after(REVIEW_AFTER, () => this.#review());
  }

  #tick(): void {
    this.#ticking = this.#clock.after(TICK, () => {
      this.#review();
      this.#tick();
    });
  }

  #review(): void {
    this.#reviewing?.cancel();
    this.#reviewing = undefined;
    const now = this.#clock.now();
    this.#sightings.expire(now);
    for (const [name, questions] of this.#sightings.questions(now)) {
      for (let at = 0; at < questions.length; at += MAX_QUESTIONS)
        this.#link?.send(name, query(questions.slice(at, at + MAX_QUESTIONS)));
    }
    const all = this.#sightings.all();
    const told = JSON.stringify(all);
    if (told === this.#told) return;
    this.#told = told;
    this.#options.onChange(all);
  }
}
