import type { Clock, Millis, Random } from "../protocol/ambient.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { chooseUnchoked, type PeerView } from "./core/choker.ts";
import type { Peer } from "./peer.ts";

export interface ChokingOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** How many may be unchoked. */
  slots(): number;
  seeding(): boolean;
}

/** Seconds between two choices, and how many of those an optimistic slot lasts (BEP 3). */
const ROUND_SECONDS = 10;
const OPTIMISTIC_ROUNDS = 3;
/** A peer that hasn't sent for so long what it was asked for gets nothing back (BEP 3, "anti-snubbing"). */
const SNUBBED: Millis = 60_000;

/** Carries out what the choker decides, every ten seconds and when a slot is free. */
export class Choking {
  readonly #options: ChokingOptions;
  #optimistic: PeerKey | undefined;
  #seconds = 0;
  #scheduled = false;

  constructor(options: ChokingOptions) {
    this.#options = options;
  }

  /** Once a second. */
  tick(): void {
    this.#seconds++;
    if (this.#seconds % ROUND_SECONDS !== 0) return;
    this.#round(this.#seconds % (ROUND_SECONDS * OPTIMISTIC_ROUNDS) === 0);
  }

  /** Somebody became interested, lost interest or left: a free slot is given away after what is happening now. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.after(0, () => {
      this.#scheduled = false;
      let served = 0;
      let waiting = 0;
      for (const { wire } of this.#options.peers.values()) {
        if (!wire.peerInterested) continue;
        if (wire.amChoking) waiting++;
        else served++;
      }
      if (waiting > 0 && served < this.#options.slots()) this.#round(false);
    });
  }

  #round(rotate: boolean): void {
    const { clock, random, peers, slots, seeding } = this.#options;
    const now = clock.now();
    const views: PeerView[] = [];
    for (const peer of peers.values()) if (peer.joined && !peer.wire.isClosed) views.push(view(peer, now));
    const choice = chooseUnchoked(
      views,
      { slots: slots(), seeding: seeding(), optimistic: this.#optimistic, rotate },
      random,
    );
    this.#optimistic = choice.optimistic;
    const chosen = new Set(choice.regular);
    if (choice.optimistic !== undefined) chosen.add(choice.optimistic);
    const contested = views.some((peer) => peer.interested && !chosen.has(peer.key));
    for (const { key } of views) {
      const peer = peers.get(key);
      if (peer === undefined) continue;
      if (chosen.has(key)) give(peer, now);
      // While there are slots for all, a peer without interest keeps its: it may be interested again in a moment.
      else if (contested && !peer.wire.amChoking) peer.upload.choke();
    }
  }
}

function give(peer: Peer, now: Millis): void {
  peer.servedAt = now;
  if (!peer.wire.amChoking) return;
  peer.servedFrom = peer.wire.payloadUp;
  peer.upload.unchoke();
}

function view(peer: Peer, now: Millis): PeerView {
  const { wire } = peer;
  return {
    key: peer.key,
    interested: wire.peerInterested,
    unchoked: !wire.amChoking,
    downRate: peer.down.rate(now),
    snubbed: peer.stalled || (peer.requests.size > 0 && now - peer.progressAt > SNUBBED),
    age: now - peer.connectedAt,
    servedNow: wire.payloadUp - peer.servedFrom,
    servedAt: peer.servedAt,
  };
}
