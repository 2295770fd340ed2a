/** Announces shares on the local network, and answers who asks for them (RFC 6762, 6 to 10). */
import type { Millis, Random, Timer } from "../protocol/ambient.ts";
import {
  answersQuestion,
  type DnsMessage,
  type DnsRecord,
  inMessages,
  keyOf,
  query,
  resolverResponse,
  response,
  sameName,
} from "./core/messages.ts";
import { isLater } from "./core/probe-order.ts";
import {
  type Announcement,
  addressRecords,
  ownRecords,
  sharedRecords,
  TYPES_NAME,
  type UniqueNames,
  uniqueNames,
} from "./core/service.ts";
import { isResolver, type Link, type LinkOptions, type MessageSource, openLink } from "./link.ts";

export interface ResponderOptions extends Pick<LinkOptions, "clock" | "open" | "only"> {
  readonly random: Random;
}

/** RFC 6762, 8.1 and 8.3. */
const PROBES = 3;
const PROBE_INTERVAL: Millis = 250;
const ANNOUNCEMENT_INTERVAL: Millis = 1_000;
const ANNOUNCEMENTS = 2;
/** After losing against somebody who probes at the same time (8.2). */
const DEFER: Millis = 1_000;
/** Somebody contests every name that we try (8.1). */
const MANY_CONFLICTS = 10;
const SLOW_PROBES: Millis = 5_000;
/** Answers that others may give, too, wait so long, and chance a bit more (6). */
const LEAST_WAIT: Millis = 20;
const WAIT_SPREAD: Millis = 100;
/** A record goes to a network no more often (6). */
const LEAST_INTERVAL: Millis = 1_000;
const LEAST_INTERVAL_FOR_PROBES: Millis = 250;
/** Ordinary resolvers that are answered in {@link LEAST_INTERVAL}: nothing proves that they have asked. */
const MAX_RESOLVERS = 50;
/** Of an interface; more would fill a message. */
const MAX_ADDRESSES = 8;

/** One share and how far it is. */
interface Announced {
  readonly share: Announcement;
  names: UniqueNames;
  attempt: number;
  conflicts: number;
  /** Others may know it by these names. */
  isKnown: boolean;
  timer: Timer | undefined;
}

interface Pending {
  readonly records: Map<string, DnsRecord>;
  timer: Timer | undefined;
}

export class Responder {
  readonly #options: ResponderOptions;
  readonly #shares = new Set<Announced>();
  /** By interface. */
  readonly #pending = new Map<string, Pending>();
  /** When a record was last sent, by interface and {@link keyOf}. */
  readonly #sent = new Map<string, Millis>();
  #resolvers = { since: Number.NEGATIVE_INFINITY, answered: 0 };
  #link: Link | undefined;
  #closed = false;

  private constructor(options: ResponderOptions) {
    this.#options = options;
  }

  static async open(options: ResponderOptions): Promise<Responder> {
    const responder = new Responder(options);
    responder.#link = await openLink({
      ...options,
      onMessage: (message, from) => responder.#onMessage(message, from),
      onChange: () => responder.#onChange(),
    });
    return responder;
  }

  /** Host names under which shares are announced now: whoever found one so asks us by it. */
  get hostNames(): readonly string[] {
    return [...this.#shares].filter(({ isKnown }) => isKnown).map(({ names }) => names.host);
  }

  /** @returns a function that takes it back. */
  announce(share: Announcement): () => void {
    const names = uniqueNames(share, 0);
    const announced = { share, names, attempt: 0, conflicts: 0, isKnown: false, timer: undefined };
    this.#shares.add(announced);
    this.#probe(announced, this.#options.random.next() * PROBE_INTERVAL);
    return () => this.#withdraw(announced);
  }

  /** Takes everything back, and says so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    for (const announced of this.#shares) this.#withdraw(announced);
    this.#closed = true;
    for (const { timer } of this.#pending.values()) timer?.cancel();
    await this.#link?.close();
  }

  get #interfaces(): readonly { readonly name: string; readonly addresses: readonly string[] }[] {
    return this.#link?.interfaces() ?? [];
  }

  /** Makes sure that nobody has the names, then announces (8.1). */
  #probe(announced: Announced, delay: Millis): void {
    announced.timer?.cancel();
    let left = PROBES;
    const step = () => {
      if (left-- === 0) {
        announced.isKnown = true;
        this.#announce(announced);
        return;
      }
      for (const { name } of this.#interfaces) {
        const records = this.#uniqueOf(announced, name);
        const questions = [...new Set(records.map((record) => record.name))].map((each) => ({
          name: each,
          type: "ANY" as const,
        }));
        this.#link?.send(name, query(questions, { authorities: records }));
      }
      announced.timer = this.#options.clock.after(PROBE_INTERVAL, step);
    };
    announced.timer = this.#options.clock.after(delay, step);
  }

  #announce(announced: Announced): void {
    announced.timer?.cancel();
    let left = ANNOUNCEMENTS;
    const step = () => {
      for (const { name } of this.#interfaces) this.#send(name, this.#recordsOf(announced, name), 0);
      announced.timer = --left > 0 ? this.#options.clock.after(ANNOUNCEMENT_INTERVAL, step) : undefined;
    };
    step();
  }

  #withdraw(announced: Announced): void {
    announced.timer?.cancel();
    if (!this.#shares.delete(announced) || !announced.isKnown) return;
    this.#forgetAnswers();
    for (const { name } of this.#interfaces) {
      // RFC 6762, 10.1. The types themselves may be others', too.
      const gone = this.#recordsOf(announced, name).filter((record) => record.name !== TYPES_NAME);
      for (const some of inMessages(gone.map((record) => ({ ...record, ttl: 0 }))))
        this.#link?.send(name, response(some));
    }
  }

  /** Some of what was going to be said is no longer true; who asked will ask again. */
  #forgetAnswers(): void {
    for (const { timer } of this.#pending.values()) timer?.cancel();
    this.#pending.clear();
    this.#sent.clear();
  }

  #onChange(): void {
    for (const announced of this.#shares) if (announced.isKnown) this.#announce(announced);
  }

  #onMessage(message: DnsMessage, from: MessageSource): void {
    if (this.#closed) return;
    if (message.isResponse) this.#defend([...message.answers, ...message.additionals]);
    else {
      if (!isResolver(from)) this.#yieldTo(message.authorities);
      this.#answer(message, from);
    }
  }

  /** Somebody else has one of our names. */
  #defend(records: readonly DnsRecord[]): void {
    for (const announced of this.#shares) {
      if (!records.some((record) => record.ttl > 0 && this.#contradicts(record, announced))) continue;
      // Whoever has a name by right says so when it is asked for again (9).
      if (announced.isKnown) this.#stopBeingKnown(announced);
      else this.#rename(announced);
    }
  }

  #contradicts(record: DnsRecord, announced: Announced): boolean {
    const own = this.#uniqueEverywhere(announced).filter(
      ({ name, type }) => type === record.type && sameName(name, record.name),
    );
    return own.length > 0 && own.every((each) => keyOf(each) !== keyOf(record));
  }

  #stopBeingKnown(announced: Announced): void {
    announced.isKnown = false;
    announced.conflicts++;
    this.#probe(announced, this.#options.random.next() * PROBE_INTERVAL);
  }

  #rename(announced: Announced): void {
    announced.names = uniqueNames(announced.share, ++announced.attempt);
    this.#forgetAnswers();
    const isContested = ++announced.conflicts >= MANY_CONFLICTS;
    this.#probe(announced, isContested ? SLOW_PROBES : this.#options.random.next() * PROBE_INTERVAL);
  }

  /** Somebody probes for a name that we probe for: the later data win (8.2), and ours when they are the same. */
  #yieldTo(claims: readonly DnsRecord[]): void {
    if (claims.length === 0) return;
    for (const announced of this.#shares) {
      if (announced.isKnown) continue;
      const own = this.#uniqueEverywhere(announced);
      const ofName = (records: readonly DnsRecord[], name: string) =>
        records.filter((record) => sameName(record.name, name));
      const names = [...new Set(own.map(({ name }) => name))];
      const loses = names.some((name) => {
        const theirs = ofName(claims, name).filter((claim) => this.#contradicts(claim, announced));
        return theirs.length > 0 && isLater(theirs, ofName(own, name));
      });
      if (loses) this.#probe(announced, DEFER);
    }
  }

  #answer(message: DnsMessage, from: MessageSource): void {
    const { questions, answers: known, authorities } = message;
    const name = from.interface;
    const isProbe = authorities.length > 0;
    const knownTtls = new Map(known.map((record) => [keyOf(record), record.ttl]));
    const due: DnsRecord[] = [];
    const more: DnsRecord[] = [];
    let wait = 0;
    for (const announced of this.#shares) {
      if (!announced.isKnown) continue;
      const all = this.#recordsOf(announced, name);
      const asked = all.filter(
        (record) =>
          questions.some((question) => answersQuestion(record, question)) &&
          // Known, and for longer than half its time (7.1).
          (knownTtls.get(keyOf(record)) ?? 0) * 2 < record.ttl,
      );
      if (asked.length === 0) continue;
      if (asked.some(({ flush }) => !flush)) {
        wait = LEAST_WAIT + this.#options.random.next() * WAIT_SPREAD;
      }
      // Whoever wants to know what there is will ask for the rest next.
      const wantsAll = asked.some((record) => record.type === "PTR" && record.name !== TYPES_NAME);
      due.push(...asked);
      if (wantsAll) more.push(...all.filter((record) => record.flush && !asked.includes(record)));
    }
    if (due.length === 0) return;
    if (isResolver(from)) {
      this.#answerResolver(from, resolverResponse(message, due, more), wait);
      return;
    }
    due.push(...more);
    // Whoever is about to take a name must hear in time that it is taken.
    if (isProbe) this.#send(name, due, LEAST_INTERVAL_FOR_PROBES);
    else this.#sendSoon(name, due, wait);
  }

  /** Not told to others, so that it can't wait for what is told to all; whoever floods us is answered seldom. */
  #answerResolver(to: MessageSource, answer: DnsMessage, wait: Millis): void {
    const now = this.#options.clock.now();
    if (now - this.#resolvers.since >= LEAST_INTERVAL) this.#resolvers = { since: now, answered: 0 };
    if (++this.#resolvers.answered > MAX_RESOLVERS) return;
    this.#options.clock.after(wait, () => {
      if (!this.#closed) this.#link?.sendTo(to, answer);
    });
  }

  #sendSoon(name: string, records: readonly DnsRecord[], wait: Millis): void {
    const pending: Pending = this.#pending.get(name) ?? { records: new Map(), timer: undefined };
    this.#pending.set(name, pending);
    for (const record of records) pending.records.set(keyOf(record), record);
    if (pending.timer !== undefined && wait > 0) return;
    pending.timer?.cancel();
    pending.timer = this.#options.clock.after(wait, () => {
      this.#pending.delete(name);
      this.#send(name, [...pending.records.values()], LEAST_INTERVAL);
    });
  }

  /** What went there less than `interval` ago waits. Several messages, so that none is longer than a packet. */
  #send(name: string, records: readonly DnsRecord[], interval: Millis): void {
    const now = this.#options.clock.now();
    const sentAt = (record: DnsRecord) =>
      this.#sent.get(`${name} ${keyOf(record)}`) ?? Number.NEGATIVE_INFINITY;
    const early = records.filter((record) => now - sentAt(record) < interval);
    const due = records.filter((record) => now - sentAt(record) >= interval);
    for (const record of due) this.#sent.set(`${name} ${keyOf(record)}`, now);
    for (const message of inMessages(due)) this.#link?.send(name, response(message));
    if (early.length === 0) return;
    const first = Math.min(...early.map(sentAt));
    this.#sendSoon(name, early, first + interval - now);
  }

  #recordsOf(announced: Announced, name: string): readonly DnsRecord[] {
    return [...sharedRecords(announced.names), ...this.#uniqueOf(announced, name)];
  }

  /** What only we may say, on the network of one interface. */
  #uniqueOf({ share, names }: Announced, name: string): readonly DnsRecord[] {
    const addresses = this.#interfaces.find((each) => each.name === name)?.addresses ?? [];
    return [...ownRecords(share, names), ...addressRecords(names.host, addresses.slice(0, MAX_ADDRESSES))];
  }

  /** We may hear ourselves from another interface on the same network. */
  #uniqueEverywhere({ share, names }: Announced): readonly DnsRecord[] {
    const addresses = this.#interfaces.flatMap((each) => each.addresses);
    return [...ownRecords(share, names), ...addressRecords(names.host, addresses)];
  }
}
