import type { PeerAddress } from "../../platform/transport.ts";
import type { Clock, Millis } from "../../protocol/ambient.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import type { PeerKey } from "../core/active-piece.ts";
import { encodePex, MAX_PEX_PEERS, type PexPeer, parsePex, UT_PEX } from "../core/pex-messages.ts";
import type { Extension } from "./extensions.ts";
import type { Peer } from "./peer.ts";

export interface PeerExchangeOptions {
  readonly clock: Clock;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** Addresses that `from` knows; bounded, and none that it can't mean. */
  learned(addresses: readonly PeerAddress[]): void;
}

/** BEP 11: no more often than once a minute. */
const INTERVAL: Millis = 60_000;
/** A peer that sends more often than this is not listened to, and soon not talked to. */
const LEAST_INTERVAL: Millis = 10_000;
const MAX_TOO_SOON = 20;

interface Exchange {
  /** By its text, what the peer was told of. */
  readonly told: Map<string, PeerAddress>;
  sentAt: Millis;
  heardAt: Millis;
  tooSoon: number;
}

interface KnownPeer extends PexPeer {
  /** Its address. */
  readonly text: string;
}

interface News {
  /** All who can be called. */
  readonly known: readonly KnownPeer[];
  /** Those of them whom it may be told of now. */
  readonly others: readonly KnownPeer[];
  readonly now: Millis;
}

/** Tells peers of each other (BEP 11), so that a swarm lives on without its tracker. Never in a torrent that is not open. */
export class PeerExchange implements Extension {
  readonly name = UT_PEX;
  readonly #options: PeerExchangeOptions;
  readonly #exchanges = new WeakMap<Peer, Exchange>();

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
  }

  onMessage(peer: Peer, payload: Uint8Array): void {
    const exchange = this.#exchangeWith(peer);
    const now = this.#options.clock.now();
    if (now - exchange.heardAt < LEAST_INTERVAL) {
      if (++exchange.tooSoon > MAX_TOO_SOON) throw new ProtocolError("the peer floods us with peers");
      return;
    }
    exchange.heardAt = now;
    this.#options.learned(parsePex(payload).filter((address) => canMean(peer, address)));
  }

  /**
   * Once a second: whoever joined since the last time hears of the others at once, the rest once a minute. Of two peers
   * only one hears of the other at a time: libtorrents that connect to each other at once may close both connections,
   * each the other one as a duplicate, and then wait for a minute.
   */
  tick(): void {
    const now = this.#options.clock.now();
    let known: readonly KnownPeer[] | undefined;
    /** By whom they were told of, those who were. */
    const told = new Map<string, Set<string>>();
    for (const peer of this.#options.peers.values()) {
      if (!peer.joined || !peer.extensions.has(UT_PEX)) continue;
      const exchange = this.#exchangeWith(peer);
      if (now - exchange.sentAt < INTERVAL) continue;
      known ??= this.#known();
      const own = peer.listenAddress && formatPeerAddress(peer.listenAddress);
      const toldOfIt = own === undefined ? undefined : told.get(own);
      const others = known.filter(({ text }) => text !== own && toldOfIt?.has(text) !== true);
      for (const { text } of this.#tell(peer, exchange, { known, others, now })) {
        if (own === undefined) continue;
        const whom = told.get(text);
        if (whom === undefined) told.set(text, new Set([own]));
        else whom.add(own);
      }
    }
  }

  /** @returns whom it was told of. */
  #tell(peer: Peer, exchange: Exchange, { known, others, now }: News): readonly KnownPeer[] {
    const { told } = exchange;
    const current = new Set(known.map(({ text }) => text));
    const dropped = [...told].filter(([text]) => !current.has(text)).slice(0, MAX_PEX_PEERS);
    const added = others
      .filter(({ text, address }) => !told.has(text) && canMean(peer, address))
      .slice(0, MAX_PEX_PEERS);
    if (added.length === 0 && dropped.length === 0) return added;
    for (const [text] of dropped) told.delete(text);
    for (const { text, address } of added) told.set(text, address);
    exchange.sentAt = now;
    peer.sendExtended(
      UT_PEX,
      encodePex(
        added,
        dropped.map(([, address]) => address),
      ),
    );
    return added;
  }

  /** Peers that can be called. */
  #known(): readonly KnownPeer[] {
    const known: KnownPeer[] = [];
    for (const { joined, listenAddress, takesNothing, source } of this.#options.peers.values()) {
      if (!joined || listenAddress === undefined) continue;
      const text = formatPeerAddress(listenAddress);
      known.push({ address: listenAddress, text, seed: takesNothing, reachable: source !== "incoming" });
    }
    return known;
  }

  #exchangeWith(peer: Peer): Exchange {
    let exchange = this.#exchanges.get(peer);
    if (exchange === undefined) {
      exchange = {
        told: new Map(),
        sentAt: Number.NEGATIVE_INFINITY,
        heardAt: Number.NEGATIVE_INFINITY,
        tooSoon: 0,
      };
      this.#exchanges.set(peer, exchange);
    }
    return exchange;
  }
}

/** Whether an address is somebody from where a peer is. Loopback addresses mean us, unless the peer is on this machine; link-local ones lack their zone. */
function canMean(peer: Peer, { host }: PeerAddress): boolean {
  const ip = parseIp(host);
  // Simulated networks have names, which no message of this kind can hold.
  if (ip === undefined) return true;
  const scope = ipScope(ip);
  if (scope === "unspecified" || scope === "multicast") return false;
  if (scope === "linkLocal") return ip.length === 4;
  return scope !== "loopback" || isLoopback(peer.address.host);
}

function isLoopback(host: string): boolean {
  const ip = parseIp(host);
  return ip !== undefined && ipScope(ip) === "loopback";
}
