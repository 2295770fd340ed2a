import type { PeerAddress } from "../platform/transport.ts";
import type { Clock } from "../protocol/ambient.ts";
import { bytesEqual } from "../protocol/bytes.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { PeerId } from "../protocol/ids.ts";
import { networkOf } from "../protocol/ip-address.ts";
import { Bans, type Culprit } from "./bans.ts";
import type { Connections } from "./connections.ts";
import type { PeerKey } from "./core/active-piece.ts";
import type { Candidate } from "./core/candidates.ts";
import { mostOfOneNetwork, whoMakesWay, whoOfItsOwn } from "./core/places.ts";
import type { Peer } from "./peers/peer.ts";
import { OwnConnectionError } from "./peers/peer-errors.ts";
import type { PeerIdentity } from "./peers/wire-types.ts";
import type { PeerSource } from "./torrent-types.ts";

export interface AdmissionOptions {
  /** Ours. */
  readonly peerId: PeerId;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  readonly connections: Connections;
  readonly clock: Clock;
  /** Connections of this torrent. */
  readonly maxPeers: number;
  /** How important a connection to that peer is for the swarm (BEP 40). */
  rank(peer: Peer): number;
}

/** Who may stay: one connection a peer id, nobody who is banned; and what that says about the addresses we dial. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #dialled = new Map<PeerKey, Candidate<PeerSource>>();
  readonly #bans = new Bans();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  isBanned(host: string): boolean {
    return this.#bans.hasHost(host) && !this.#isLonely();
  }

  /** Whether one more may come from `host`; when all places are taken, or those of its network, an idle peer leaves. */
  hasPlaceFor(host: string): boolean {
    const { peers, maxPeers, clock } = this.#options;
    const network = networkOf(host);
    let ofItsOwn = 0;
    for (const peer of peers.values()) if (networkOf(peer.host) === network) ofItsOwn++;
    if (ofItsOwn >= mostOfOneNetwork(maxPeers))
      return dismiss(whoOfItsOwn(peers.values(), host, clock.now()));
    return peers.size < maxPeers || this.makeRoom(host);
  }

  /** Ends the connection of a peer that can be spared for one from `host`. @returns false when none can. */
  makeRoom(host: string): boolean {
    const { peers, clock, rank } = this.#options;
    return dismiss(whoMakesWay(peers.values(), { host, now: clock.now(), rank }));
  }

  /** The connection of that key is one that we made, to `candidate`. */
  dialled(key: PeerKey, candidate: Candidate<PeerSource>): void {
    this.#dialled.set(key, candidate);
  }

  /** Why a peer that we could talk to must not stay. */
  refusal(peer: Peer, identity: PeerIdentity): Error | undefined {
    if (this.#bans.has(peer.address.host, identity.peerId) && !this.#isLonely())
      return new ProtocolError("that peer is banned");
    const other = [...this.#options.peers.values()].find(
      ({ joined, wire }) => joined && wire.identity && bytesEqual(wire.identity.peerId, identity.peerId),
    );
    if (other === undefined) return undefined;
    // Both sides may have called at once. Both must keep the same connection: the one that the lower id made.
    const isCrossing = peer.wire.isIncoming !== other.wire.isIncoming;
    const keepsNew = isCrossing && peer.wire.isIncoming !== isLower(this.#options.peerId, identity.peerId);
    const [kept, dropped] = keepsNew ? [peer, other] : [other, peer];
    // The address that we dialled is that of the connection that stays: when that ends it's worth dialling again.
    const candidate = this.#dialled.get(dropped.key);
    this.#dialled.delete(dropped.key);
    if (candidate !== undefined) {
      if (this.#dialled.has(kept.key)) this.#options.connections.exclude(candidate.address);
      else this.#dialled.set(kept.key, candidate);
    }
    const reason = new ProtocolError("that peer is connected already");
    if (!keepsNew) return reason;
    other.wire.close(reason);
    return undefined;
  }

  /** `peer` is gone; `again`: its address may be dialled again in time. */
  gone(peer: Peer, reason: Error | undefined, again: boolean): void {
    const who = culprit(peer);
    if (peer.down.total > 0 && who !== undefined) this.#bans.remember(peer.key, who);
    const candidate = this.#dialled.get(peer.key);
    this.#dialled.delete(peer.key);
    if (candidate === undefined) return;
    const { connections } = this.#options;
    if (!again) {
      connections.forget(candidate.address);
      return;
    }
    if (peer.down.total > 0 || peer.wire.payloadUp > 0) connections.candidates.worked(candidate);
    if (reason instanceof OwnConnectionError) connections.exclude(candidate.address);
    connections.lost(candidate, peer.wire.identity !== undefined);
  }

  /**
   * The peer of that key, connected or gone, is proven to have sent bad data: as long as there are others it isn't
   * admitted or dialled again.
   * @returns its address; undefined when it's banned already, or forgotten.
   */
  ban(key: PeerKey): PeerAddress | undefined {
    const peer = this.#options.peers.get(key);
    const banned = this.#bans.add(key, peer && culprit(peer));
    if (banned === undefined) return undefined;
    this.#options.connections.distrust(banned.listenAddress);
    return banned.address;
  }

  /**
   * Nobody else is there. Then somebody banned gets another try: it may be the only source, behind a line that damages
   * what it carries, and every piece is checked.
   */
  #isLonely(): boolean {
    for (const { joined } of this.#options.peers.values()) if (joined) return false;
    return true;
  }
}

function dismiss(peer: Peer | undefined): boolean {
  peer?.wire.close(new ProtocolError("idle, and another peer needs the place"));
  return peer !== undefined;
}

function culprit(peer: Peer): Culprit | undefined {
  const peerId = peer.wire.identity?.peerId;
  if (peerId === undefined) return undefined;
  return { address: peer.address, listenAddress: peer.listenAddress ?? peer.address, peerId };
}

function isLower(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) < (b[i] ?? 0);
  return false;
}
