import type { PeerAddress } from "../platform/transport.ts";
import { toLatin1 } from "../protocol/bytes.ts";
import type { PeerId } from "../protocol/ids.ts";
import type { PeerKey } from "./core/active-piece.ts";
import type { Peer } from "./peer.ts";

/** Peers that left and may still be found guilty. */
const MAX_PAST_PEERS = 500;

/** What is needed to keep a peer away. */
export interface Culprit {
  readonly address: PeerAddress;
  /** Where it listens, as far as we know. */
  readonly listenAddress: PeerAddress;
  readonly peerId: PeerId;
}

/** Who was proven to have sent bad data: not talked to again, by whatever way it comes. */
export class Bans {
  readonly #hosts = new Set<string>();
  readonly #ids = new Set<string>();
  /** Who gave us blocks and left, oldest first. */
  readonly #past = new Map<PeerKey, Culprit>();

  hasHost(host: string): boolean {
    return this.#hosts.has(host);
  }

  hasId(peerId: PeerId): boolean {
    return this.#ids.has(toLatin1(peerId));
  }

  /** `peer` leaves; what it gave may be found bad later. */
  remember(peer: Peer): void {
    const who = culprit(peer);
    if (peer.down.total === 0 || who === undefined) return;
    this.#past.set(peer.key, who);
    if (this.#past.size <= MAX_PAST_PEERS) return;
    const oldest = this.#past.keys().next().value;
    if (oldest !== undefined) this.#past.delete(oldest);
  }

  /**
   * Bans the peer of that key, connected (`peer`) or gone.
   * @returns who it is; undefined when it's banned already, or forgotten.
   */
  add(key: PeerKey, peer: Peer | undefined): Culprit | undefined {
    const who = peer === undefined ? this.#past.get(key) : culprit(peer);
    // Several pieces may testify against the same peer, one after the other.
    if (who === undefined || this.hasId(who.peerId)) return undefined;
    this.#ids.add(toLatin1(who.peerId));
    // Many may share a loopback address: there the id and the port must do.
    if (!isLoopback(who.address.host)) this.#hosts.add(who.address.host);
    return who;
  }
}

function culprit(peer: Peer): Culprit | undefined {
  const peerId = peer.wire.identity?.peerId;
  if (peerId === undefined) return undefined;
  return { address: peer.address, listenAddress: peer.listenAddress ?? peer.address, peerId };
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}
