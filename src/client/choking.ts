import type { Clock, Millis, Random } from "../protocol/ambient.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { chooseUnchoked, type PeerView } from "./core/choker.ts";
import type { Peer } from "./peers/peer.ts";

export interface ChokingOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  /** How many may be unchoked; undefined for as many as the uplink can use. */
  readonly slots: number | undefined;
  seeding(): boolean;
  /** While this is so nobody is choked for want of automatic slots. */
  serveAll(): boolean;
}

/** Seconds between two choices, and how many of those an optimistic slot lasts (BEP 3). */
const ROUND_SECONDS = 10;
const OPTIMISTIC_ROUNDS = 3;
/** A peer that hasn't sent for so long what it was asked for gets nothing back (BEP 3, "anti-snubbing"). */
const SNUBBED: Millis = 60_000;
/** So long a peer with a slot may take for its first request, over the longest ways. */
const TIME_TO_ASK: Millis = 5_000;
/** So long a peer that didn't use its slot comes after all others. */
const WASTE_REMEMBERED: Millis = 5 * 60_000;
/**
 * Slots to begin with, and when the uplink is full. A receiver that gets an eighth of it has a piece to pass on eight
 * times sooner than one that gets a fiftieth with all others, at the same total.
 */
const LEAST_SLOTS = 8;
const MOST_SLOTS = 100;

/** Carries out what the choker decides, every ten seconds and when a slot is free. */
export class Choking {
  readonly #options: ChokingOptions;
  #optimistic: PeerKey | undefined;
  #seconds = 0;
  #scheduled = false;
  #autoSlots = LEAST_SLOTS;

  constructor(options: ChokingOptions) {
    this.#options = options;
  }

  /** Once a second. */
  tick(): void {
    this.#seconds++;
    this.#adaptSlots();
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
      if (waiting > 0 && served < this.#slots) this.#round(false);
    });
  }

  get #slots(): number {
    const { slots, serveAll } = this.#options;
    if (slots !== undefined) return slots;
    return serveAll() ? MOST_SLOTS : this.#autoSlots;
  }

  /** While most of those who are served wait for requests that are queued, the uplink is full; else there's room. */
  #adaptSlots(): void {
    if (this.#options.slots !== undefined) return;
    let served = 0;
    let waiting = 0;
    let busy = 0;
    for (const { wire, upload } of this.#options.peers.values()) {
      if (!wire.peerInterested) continue;
      if (wire.amChoking) waiting++;
      else {
        served++;
        if (upload.queued > 0 || wire.transport.bufferedBytes > 0) busy++;
      }
    }
    if (2 * busy > served) this.#autoSlots = Math.max(LEAST_SLOTS, this.#autoSlots - 1);
    else if (waiting > 0) {
      this.#autoSlots = Math.min(MOST_SLOTS, this.#autoSlots + 2);
      this.changed();
    }
  }

  #round(rotate: boolean): void {
    const { clock, random, peers, seeding } = this.#options;
    const now = clock.now();
    const views: PeerView[] = [];
    for (const peer of peers.values()) if (peer.joined && !peer.wire.isClosed) views.push(view(peer, now));
    const choice = chooseUnchoked(
      views,
      { slots: this.#slots, seeding: seeding(), optimistic: this.#optimistic, rotate },
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
  peer.unchokedAt = now;
  peer.upload.unchoke();
}

function view(peer: Peer, now: Millis): PeerView {
  const { wire, upload } = peer;
  const servedNow = wire.payloadUp - peer.servedFrom;
  return {
    key: peer.key,
    interested: wire.peerInterested,
    unchoked: !wire.amChoking,
    downRate: peer.down.rate(now),
    snubbed: peer.stalled || (peer.requests.size > 0 && now - peer.progressAt > SNUBBED),
    onlyTakes: wire.payloadUp > 0 && peer.down.total === 0 && wire.amInterested,
    age: now - peer.connectedAt,
    servedNow,
    wastesTurn:
      servedNow === 0 &&
      upload.queued === 0 &&
      now - peer.unchokedAt > TIME_TO_ASK &&
      (!wire.amChoking || now - peer.servedAt < WASTE_REMEMBERED),
    servedAt: peer.servedAt,
  };
}
