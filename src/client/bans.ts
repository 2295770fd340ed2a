import type { PeerAddress } from "../platform/transport.ts";
import { toLatin1 } from "../protocol/bytes.ts";
import type { PeerId } from "../protocol/ids.ts";
import { ipScope, networkOf, parseIp } from "../protocol/ip-address.ts";
import type { PeerKey } from "./core/active-piece.ts";

/** Peers that left and may still be found guilty. */
const MAX_PAST_PEERS = 500;
/** One liar doesn't speak for all behind the same router; one that comes back under new ids does. */
const LIARS_OF_A_HOST = 3;
/** On one machine there may be many peers, and nobody but its user harms them. */
const LIARS_OF_LOOPBACK = 20;

/** What is needed to keep a peer away. */
export interface Culprit {
  readonly address: PeerAddress;
  /** Where it listens, as far as we know. */
  readonly listenAddress: PeerAddress;
  readonly peerId: PeerId;
}

/**
 * Who was proven to have sent bad data: not talked to again. A peer id counts only together with the host that it came
 * from, for anybody can take the id of an honest peer to get that one banned.
 */
export class Bans {
  /** Peer ids by host. */
  readonly #liars = new Map<string, Set<string>>();
  /** Who gave us blocks and left, oldest first. */
  readonly #past = new Map<PeerKey, Culprit>();

  /** So many came from `host` that nobody from there is listened to. */
  hasHost(host: string): boolean {
    const liars = this.#liars.get(networkOf(host))?.size ?? 0;
    return liars >= (isLoopback(host) ? LIARS_OF_LOOPBACK : LIARS_OF_A_HOST);
  }

  has(host: string, peerId: PeerId): boolean {
    return this.hasHost(host) || this.#liars.get(networkOf(host))?.has(toLatin1(peerId)) === true;
  }

  /** The peer of that key, which gave us blocks, leaves; some of them may be found bad later. */
  remember(key: PeerKey, who: Culprit): void {
    this.#past.set(key, who);
    if (this.#past.size <= MAX_PAST_PEERS) return;
    const oldest = this.#past.keys().next().value;
    if (oldest !== undefined) this.#past.delete(oldest);
  }

  /**
   * Bans `who`, or when that is undefined who left with that key.
   * @returns who it is; undefined when it's banned already, or forgotten.
   */
  add(key: PeerKey, who: Culprit | undefined = this.#past.get(key)): Culprit | undefined {
    // Several pieces may testify against the same peer, one after the other.
    if (who === undefined || this.has(who.address.host, who.peerId)) return undefined;
    const network = networkOf(who.address.host);
    const liars = this.#liars.get(network) ?? new Set();
    this.#liars.set(network, liars.add(toLatin1(who.peerId)));
    return who;
  }
}

function isLoopback(host: string): boolean {
  const bytes = parseIp(host);
  return bytes !== undefined && ipScope(bytes) === "loopback";
}
