/** Announces and scrapes over UDP (BEP 15, BEP 41). */

import type { DatagramChannel } from "../../platform/datagram-channel.ts";
import { staggered } from "../../platform/staggered.ts";
import type { Clock, Millis, Random } from "../../protocol/ambient.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { type Hop, reasonAgainst } from "../core/announce-guard.ts";
import { saneIntervals } from "../core/announce-reply.ts";
import {
  type Announce,
  type AnnounceParams,
  type AnnounceReply,
  TrackerError,
} from "../core/announce-types.ts";
import type { Scrape, SwarmCounts } from "../core/scrape.ts";
import {
  encodeConnect,
  encodeUdpAnnounce,
  encodeUdpScrape,
  readUdpReply,
  type UdpReply,
} from "../core/udp-announce.ts";

export interface AskUdpOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a socket to an IP literal and port, connected, so that nobody else's datagrams arrive. */
  readonly dial: (address: string, port: number) => Promise<DatagramChannel>;
  /** Gives the IP literals of a host name, the best first. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** May a tracker at this address be asked? The rule of `announce-guard.ts` by default. */
  readonly reasonAgainst?: (hop: Hop) => string | undefined;
}

/**
 * Milliseconds to wait for a reply before the request is sent again. BEP 15 has 15 seconds, doubled eight times, which
 * is an hour until a dead tracker is known to be one; the next tracker is asked long before that.
 */
const PATIENCE: readonly Millis[] = [2_000, 4_000, 8_000];
/** A client may use a connection id for so long (BEP 15). */
const ID_LIFETIME: Millis = 60_000;
/** UDP has no word for it. */
const MIN_INTERVAL = 60;
/** Trackers whose ids are kept; there are a few, never a crowd. */
const MAX_IDS = 100;

interface KnownId {
  readonly id: Uint8Array;
  readonly until: Millis;
}

/** Makes an {@link Announce} for `udp:` URLs. A socket is opened for each, and closed. */
export function createUdpAnnounce(options: AskUdpOptions): Announce {
  const ask = createUdpAsk<AnnounceReply>(options);
  return (url, params, signal) => ask(url, (target) => announceQuestion(target, params), signal);
}

/** Makes a {@link Scrape} for `udp:` URLs. */
export function createUdpScrape(options: AskUdpOptions): Scrape {
  const ask = createUdpAsk<SwarmCounts>(options);
  return (url, infoHash, signal) => ask(url, () => scrapeQuestion(infoHash), signal);
}

/** What is asked once there is a connection id, and how the answer is read; undefined: that is none. */
interface Question<T> {
  readonly expected: UdpReply["action"];
  encode(connection: Uint8Array, transaction: number): Uint8Array;
  read(reply: UdpReply): T | undefined;
}

function announceQuestion({ path }: Target, params: AnnounceParams): Question<AnnounceReply> {
  return {
    expected: "announce",
    encode: (connection, transaction) =>
      encodeUdpAnnounce({ connection, transaction, params, urlData: path }),
    read: (reply) =>
      reply.action !== "announce"
        ? undefined
        : {
            ...saneIntervals(reply.interval, MIN_INTERVAL),
            peers: reply.peers,
            seeders: reply.seeders,
            leechers: reply.leechers,
          },
  };
}

function scrapeQuestion(infoHash: InfoHash): Question<SwarmCounts> {
  return {
    expected: "scrape",
    encode: (connection, transaction) => encodeUdpScrape({ connection, transaction, infoHash }),
    read: (reply) => (reply.action === "scrape" ? reply.counts : undefined),
  };
}

function createUdpAsk<T>(options: AskUdpOptions) {
  const ids = new Map<string, KnownId>();
  return async (
    url: string,
    questionFor: (target: Target) => Question<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    signal.throwIfAborted();
    const target = parseTarget(url);
    const addresses = await allowedAddresses(url, target, options);
    signal.throwIfAborted();
    const question = questionFor(target);
    const attempts = addresses.map((address) => (until: AbortSignal) => {
      const conversation = new Conversation(url, target, address, { ...options, ids });
      return conversation.ask(question, until);
    });
    try {
      return await staggered(
        attempts,
        // Asked twice, over IPv4 and IPv6, a tracker may well know us by both.
        { clock: options.clock, discard: () => {}, isFinal: isRefusal },
        signal,
      );
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  };
}

/** That is an answer; another address of the same tracker gives no better one. */
function isRefusal(error: unknown): boolean {
  return error instanceof TrackerError && !error.unanswered;
}

interface Target {
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
}

function parseTarget(url: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw unanswered(url, "its URL is malformed");
  const port = Number(parsed.port);
  if (port === 0 || parsed.hostname === "") throw unanswered(url, "its URL has no port");
  return { host: parsed.hostname.replace(/^\[|\]$/g, ""), port, path: parsed.pathname + parsed.search };
}

/** One address of each family, in the resolver's order. */
async function allowedAddresses(
  url: string,
  { host, path }: Target,
  options: AskUdpOptions,
): Promise<readonly string[]> {
  const found =
    parseIp(host) === undefined
      ? await options.resolve(host).catch((cause: unknown) => {
          throw unanswered(url, `the name ${host} is not known here`, cause);
        })
      : [host];
  let against: string | undefined;
  const byFamily = new Map<number, string>();
  for (const address of found) {
    const ip = parseIp(address);
    if (ip === undefined || byFamily.has(ip.length)) continue;
    const hop = { ip, path: path.split("?")[0] ?? "", sentByPublic: false };
    const reason = (options.reasonAgainst ?? reasonAgainst)(hop) ?? reasonAgainstScope(ip);
    if (reason === undefined) byFamily.set(ip.length, address);
    else against ??= reason;
  }
  if (byFamily.size === 0) throw unanswered(url, against ?? `${host} has no address`);
  return [...byFamily.values()];
}

/** What no tracker has; a datagram there would reach many, or nobody knows whom. */
function reasonAgainstScope(ip: Uint8Array): string | undefined {
  const scope = ipScope(ip);
  return scope === "multicast" || scope === "unspecified" ? "its address is nobody's" : undefined;
}

interface ConversationOptions extends AskUdpOptions {
  readonly ids: Map<string, KnownId>;
}

/** With one address of one tracker. */
class Conversation {
  readonly #url: string;
  readonly #address: string;
  readonly #options: ConversationOptions;
  readonly #port: number;
  readonly #place: string;
  readonly #family: 4 | 6;

  constructor(url: string, target: Target, address: string, options: ConversationOptions) {
    this.#url = url;
    this.#address = address;
    this.#options = options;
    this.#port = target.port;
    this.#place = `${address} ${target.port}`;
    this.#family = address.includes(":") ? 6 : 4;
  }

  async ask<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const channel = await this.#options.dial(this.#address, this.#port).catch((cause: unknown) => {
      throw unanswered(this.#url, messageOf(cause), cause);
    });
    try {
      signal.throwIfAborted();
      for (const wait of PATIENCE) {
        const reply = await this.#attempt(channel, question, wait, signal);
        if (reply !== undefined) return reply;
      }
      throw unanswered(this.#url, "it took too long");
    } finally {
      channel.close();
    }
  }

  /** @returns undefined when the tracker is silent, or wants another connection id than the one it gave before. */
  async #attempt<T>(
    channel: DatagramChannel,
    question: Question<T>,
    wait: Millis,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const known = this.#knownId();
    const connection = known ?? (await this.#connect(channel, wait, signal));
    if (connection === undefined) return undefined;
    const transaction = this.#transaction();
    const request = question.encode(connection, transaction);
    const reply = await this.#exchange(
      channel,
      { request, transaction, expected: question.expected, wait },
      signal,
    );
    const answer = reply && question.read(reply);
    if (answer !== undefined) return answer;
    // Perhaps it has restarted, and knows nothing of an id from before.
    this.#options.ids.delete(this.#place);
    if (reply?.action === "error" && known === undefined) throw new TrackerError(this.#url, reply.message);
    return undefined;
  }

  async #connect(
    channel: DatagramChannel,
    wait: Millis,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const transaction = this.#transaction();
    const request = encodeConnect(transaction);
    const reply = await this.#exchange(channel, { request, transaction, expected: "connect", wait }, signal);
    if (reply?.action === "error") throw new TrackerError(this.#url, reply.message);
    if (reply?.action !== "connect") return undefined;
    const { ids, clock } = this.#options;
    if (ids.size >= MAX_IDS) ids.clear();
    ids.set(this.#place, { id: reply.connection, until: clock.now() + ID_LIFETIME });
    return reply.connection;
  }

  #knownId(): Uint8Array | undefined {
    const known = this.#options.ids.get(this.#place);
    return known !== undefined && known.until > this.#options.clock.now() ? known.id : undefined;
  }

  /** Chosen so that nobody who doesn't see our datagrams can answer them. */
  #transaction(): number {
    return new DataView(this.#options.random.bytes(4).buffer).getUint32(0);
  }

  /** Sends a request and waits for its reply; undefined when none came in time. */
  #exchange(
    channel: DatagramChannel,
    asked: {
      readonly request: Uint8Array;
      readonly transaction: number;
      readonly expected: UdpReply["action"];
      readonly wait: Millis;
    },
    signal: AbortSignal,
  ): Promise<UdpReply | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        timer.cancel();
        signal.removeEventListener("abort", abort);
        channel.listen(undefined);
        act();
      };
      const abort = () => settle(() => reject(signal.reason));
      const timer = this.#options.clock.after(asked.wait, () => settle(() => resolve(undefined)));
      signal.addEventListener("abort", abort);
      channel.listen({
        message: (bytes) => {
          const reply = readUdpReply(bytes, asked.transaction, this.#family);
          if (reply?.action === asked.expected || reply?.action === "error") settle(() => resolve(reply));
        },
        error: (error) => settle(() => reject(unanswered(this.#url, messageOf(error), error))),
      });
      channel.send(asked.request);
    });
  }
}

function unanswered(url: string, reason: string, cause?: unknown): TrackerError {
  return new TrackerError(url, reason, { unanswered: true, ...(cause === undefined ? {} : { cause }) });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
