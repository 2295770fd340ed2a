/** What was heard of shares on the local network, until it is no longer true: a bounded cache (RFC 6762, 10). */
import type { Millis } from "../../protocol/ambient.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { type DnsRecord, foldName, type PtrRecord, type Question } from "./messages.ts";
import { type Described, OTHER_TTL, readEntries, SHARE_TYPE } from "./service.ts";

/** Instances that are kept, in all and of one sender; addresses of a host. */
const MAX_INSTANCES = 500;
const MAX_OF_ONE = 100;
const MAX_ADDRESSES = 16;
/** What is taken back is kept for a moment (10.1), as is what a newer record replaces (10.2). */
const LAST_MOMENT: Millis = 1_000;
/** A record may claim to be true for longer; seconds. */
const MAX_TTL = OTHER_TTL;
/** When to ask again, as parts of its life (5.2). */
const REFRESH_AT = [0.8, 0.85, 0.9, 0.95];
/** How often something that is missing is asked for. */
const MAX_TRIES = 4;
const TRY_INTERVAL: Millis = 1_000;

interface Lease {
  readonly since: Millis;
  until: Millis;
  refreshed: number;
}

interface Instance {
  readonly name: string;
  readonly interface: string;
  readonly sender: string;
  pointer: Lease;
  server?: { readonly lease: Lease; readonly port: number; readonly target: string };
  /** `content` is undefined when it is no share that can be used. */
  text?: { readonly lease: Lease; readonly content: Described | undefined };
  tries: number;
  triedAt: Millis;
}

/** One way to a share. */
export interface Sighting extends Described {
  /** IP literals, the best first; link-local IPv6 ones with their zone. */
  readonly addresses: readonly string[];
  readonly port: number;
}

export class Sightings {
  /** By interface and name. */
  readonly #instances = new Map<string, Instance>();
  readonly #hosts = new Map<string, Map<string, Lease>>();

  /** @param from the sender's address, and the interface whose network it is on */
  take(record: DnsRecord, from: { readonly host: string; readonly interface: string }, now: Millis): void {
    const ttl = Math.min(record.ttl, MAX_TTL) * 1_000;
    const lease = { since: now, until: now + Math.max(ttl, LAST_MOMENT), refreshed: 0 };
    switch (record.type) {
      case "PTR":
        return this.#point(record, from, ttl > 0, lease);
      case "SRV": {
        const known = this.#instance(record.name, from.interface);
        if (known === undefined) return;
        if (ttl > 0) known.server = { lease, port: record.port, target: record.target };
        else if (known.server?.port === record.port) end(known.server.lease, now);
        return;
      }
      case "TXT": {
        const known = this.#instance(record.name, from.interface);
        if (known !== undefined && ttl > 0) known.text = { lease, content: readEntries(record.entries) };
        return;
      }
      case "A":
      case "AAAA":
        return this.#locate(record, from.interface, ttl > 0, lease);
    }
  }

  #point(record: PtrRecord, from: { host: string; interface: string }, isTrue: boolean, lease: Lease): void {
    const { target } = record;
    if (foldName(record.name) !== SHARE_TYPE || !foldName(target).endsWith(`.${SHARE_TYPE}`)) return;
    const known = this.#instance(target, from.interface);
    if (known !== undefined) {
      if (isTrue) known.pointer = lease;
      else end(known.pointer, lease.since);
      return;
    }
    const ofSender = [...this.#instances.values()].filter(({ sender }) => sender === from.host).length;
    if (!isTrue || this.#instances.size >= MAX_INSTANCES || ofSender >= MAX_OF_ONE) return;
    this.#instances.set(keyAt(target, from.interface), {
      name: target,
      interface: from.interface,
      sender: from.host,
      pointer: lease,
      tries: 0,
      triedAt: lease.since,
    });
  }

  #locate(
    { name, address, flush }: Extract<DnsRecord, { readonly type: "A" | "AAAA" }>,
    on: string,
    isTrue: boolean,
    lease: Lease,
  ): void {
    if (!isDialable(address)) return;
    const key = keyAt(name, on);
    const known = this.#hosts.get(key) ?? new Map<string, Lease>();
    if (!isTrue) {
      const gone = known.get(address);
      if (gone !== undefined) end(gone, lease.since);
      return;
    }
    if (flush) {
      for (const [, other] of known) if (lease.since - other.since > LAST_MOMENT) end(other, lease.since);
    }
    // Other machines tell their addresses, too; ours are asked for when they are missing.
    if (!this.#hosts.has(key) && !this.#isTarget(key)) return;
    if (!known.has(address) && known.size >= MAX_ADDRESSES) return;
    known.set(address, lease);
    this.#hosts.set(key, known);
  }

  #isTarget(key: string): boolean {
    for (const { server, interface: on } of this.#instances.values()) {
      if (server !== undefined && keyAt(server.target, on) === key) return true;
    }
    return false;
  }

  #instance(name: string, on: string): Instance | undefined {
    return this.#instances.get(keyAt(name, on));
  }

  /** Forgets what is no longer true. */
  expire(now: Millis): void {
    for (const [key, each] of this.#instances) {
      if (each.pointer.until <= now) this.#instances.delete(key);
      if (each.server !== undefined && each.server.lease.until <= now) delete each.server;
      if (each.text !== undefined && each.text.lease.until <= now) delete each.text;
    }
    for (const [key, addresses] of this.#hosts) {
      for (const [address, lease] of addresses) if (lease.until <= now) addresses.delete(address);
      if (addresses.size === 0) this.#hosts.delete(key);
    }
  }

  /** Every way to every share that is complete. */
  all(): readonly Sighting[] {
    return [...this.#instances.values()].flatMap((each): Sighting[] => {
      const { server, text } = each;
      if (server === undefined || text?.content === undefined || server.port === 0) return [];
      const known = this.#hosts.get(keyAt(server.target, each.interface));
      const addresses = [...(known?.keys() ?? [])]
        .sort((a, b) => rank(a, each.sender) - rank(b, each.sender))
        .map((address) => (isLinkLocal6(address) ? `${address}%${each.interface}` : address));
      return addresses.length === 0 ? [] : [{ ...text.content, addresses, port: server.port }];
    });
  }

  /** What is known of the type itself, for those who answer (RFC 6762, 7.1), on one interface. */
  known(on: string, now: Millis): readonly DnsRecord[] {
    return [...this.#instances.values()]
      .filter((each) => each.interface === on && each.text !== undefined && each.server !== undefined)
      .map(({ name, pointer }) => ({
        type: "PTR",
        name: SHARE_TYPE,
        ttl: Math.max(0, Math.floor((pointer.until - now) / 1_000)),
        flush: false,
        target: name,
      }));
  }

  /** What is missing, or soon no longer true, by interface; counts as asked. */
  questions(now: Millis): ReadonlyMap<string, readonly Question[]> {
    const due = new Map<string, Question[]>();
    for (const each of this.#instances.values()) {
      const questions = this.#questionsFor(each, now);
      if (questions.length > 0) due.set(each.interface, [...(due.get(each.interface) ?? []), ...questions]);
    }
    return due;
  }

  #questionsFor(each: Instance, now: Millis): Question[] {
    if (each.pointer.until - now <= LAST_MOMENT) return [];
    const { server, text } = each;
    const hosts = server && this.#hosts.get(keyAt(server.target, each.interface));
    const questions: Question[] = [];
    if (server === undefined || isDue(server.lease, now)) questions.push({ name: each.name, type: "SRV" });
    if (text === undefined || isDue(text.lease, now)) questions.push({ name: each.name, type: "TXT" });
    if (
      server !== undefined &&
      (hosts === undefined || [...hosts.values()].every((lease) => isDue(lease, now)))
    )
      questions.push({ name: server.target, type: "A" }, { name: server.target, type: "AAAA" });
    const isComplete = server !== undefined && text !== undefined && hosts !== undefined;
    if (isComplete) {
      each.tries = 0;
      return questions;
    }
    if (each.tries >= MAX_TRIES || now - each.triedAt < TRY_INTERVAL * each.tries) return [];
    each.tries++;
    each.triedAt = now;
    return questions;
  }
}

function keyAt(name: string, on: string): string {
  return `${on} ${foldName(name)}`;
}

function end(lease: Lease, now: Millis): void {
  lease.until = Math.min(lease.until, now + LAST_MOMENT);
}

function isDue(lease: Lease, now: Millis): boolean {
  const part = REFRESH_AT[lease.refreshed];
  if (part === undefined || now < lease.since + part * (lease.until - lease.since)) return false;
  lease.refreshed++;
  return true;
}

function isDialable(address: string): boolean {
  const bytes = parseIp(address);
  if (bytes === undefined) return false;
  const scope = ipScope(bytes);
  return scope !== "loopback" && scope !== "unspecified" && scope !== "multicast";
}

function isLinkLocal6(address: string): boolean {
  return /^fe[89ab]/.test(address);
}

/** Whoever sent this is there for certain; IPv4 is what all programs speak; link-local IPv6 is in no URL. */
function rank(address: string, sender: string): number {
  if (isLinkLocal6(address)) return 3;
  if (address === sender) return 0;
  return address.includes(":") ? 2 : 1;
}
