import type { Millis, Random } from "../../protocol/ambient.ts";
import type { PeerKey } from "./active-piece.ts";

/** What the choker looks at, of one peer. */
export interface PeerView {
  readonly key: PeerKey;
  /** It wants something that we have (BEP 3). */
  readonly interested: boolean;
  readonly unchoked: boolean;
  /** Bytes a second that it gives us. */
  readonly downRate: number;
  /** It was asked and has sent nothing for a minute. */
  readonly snubbed: boolean;
  /** It took from us and gave nothing, although it has what we want. */
  readonly onlyTakes: boolean;
  /** Milliseconds since it connected. */
  readonly age: Millis;
  /** Bytes that we sent it since it was unchoked last. */
  readonly servedNow: number;
  /** It had or has a slot, long enough to ask for something, and got nothing for want of requests. */
  readonly wastesTurn: boolean;
  /** When it was last given a slot or kept one; before all others when it never had one. */
  readonly servedAt: Millis;
}

export interface ChokerOptions {
  /** How many peers may be unchoked, the optimistic one included; 0 serves nobody. */
  readonly slots: number;
  /** We have all we want: serve in turn instead of paying back. */
  readonly seeding: boolean;
  /** Who had the optimistic slot until now. */
  readonly optimistic: PeerKey | undefined;
  /** It's time for another one. */
  readonly rotate: boolean;
}

export interface Unchoked {
  readonly regular: readonly PeerKey[];
  readonly optimistic: PeerKey | undefined;
}

/** A peer that connected less than this ago is thrice as likely to get the optimistic slot (BEP 3). */
const NEWCOMER: Millis = 60_000;
/** Bytes after which a seeder's slot goes to who has waited longest. */
export const SEED_TURN = 1024 * 1024;

/**
 * Chooses whom to unchoke. Downloading: the interested peers that give most, and one at random so that newcomers get
 * a start (BEP 3). Seeding: everybody in turn, by bytes, because the fastest would otherwise be served forever.
 */
export function chooseUnchoked(peers: readonly PeerView[], options: ChokerOptions, random: Random): Unchoked {
  if (options.slots <= 0) return { regular: [], optimistic: undefined };
  const interested = peers.filter((peer) => peer.interested);
  if (interested.length <= options.slots) {
    return { regular: interested.map((peer) => peer.key), optimistic: undefined };
  }
  return options.seeding ? inTurn(interested, options.slots, random) : payBack(interested, options, random);
}

function inTurn(peers: PeerView[], slots: number, random: Random): Unchoked {
  const order = shuffled(peers, random).sort((a, b) => {
    // Those who only say that they are interested could keep everybody else from being served.
    if (a.wastesTurn !== b.wastesTurn) return a.wastesTurn ? 1 : -1;
    const aStays = a.unchoked && a.servedNow < SEED_TURN;
    const bStays = b.unchoked && b.servedNow < SEED_TURN;
    // Whoever is in its turn finishes it: a choke in the middle wastes what is on the way.
    if (aStays !== bStays) return aStays ? -1 : 1;
    return a.servedAt - b.servedAt;
  });
  return { regular: order.slice(0, slots).map((peer) => peer.key), optimistic: undefined };
}

function payBack(peers: PeerView[], options: ChokerOptions, random: Random): Unchoked {
  const places = Math.max(1, options.slots - 1);
  const order = shuffled(peers, random).sort((a, b) => {
    // A snubbing peer pays nothing back, whatever it gave before: only chance may give it a slot.
    if (a.snubbed !== b.snubbed) return a.snubbed ? 1 : -1;
    if (a.downRate !== b.downRate) return b.downRate - a.downRate;
    if (a.onlyTakes !== b.onlyTakes) return a.onlyTakes ? 1 : -1;
    if (a.wastesTurn !== b.wastesTurn) return a.wastesTurn ? 1 : -1;
    // Among equals whoever has the slot keeps it: changing costs a round trip for nothing.
    return Number(b.unchoked) - Number(a.unchoked);
  });
  const regular = order.slice(0, places).map((peer) => peer.key);
  if (options.slots < 2) return { regular, optimistic: undefined };
  const rest = order.slice(places);
  const stays = options.rotate ? undefined : rest.find((peer) => peer.key === options.optimistic);
  return { regular, optimistic: (stays ?? anyOf(rest, options.optimistic, random))?.key };
}

/**
 * One at random, newcomers thrice as likely (BEP 3), and those who had their chance to give and didn't a quarter as
 * likely; not the one before. There are two at least.
 */
function anyOf(
  peers: readonly PeerView[],
  before: PeerKey | undefined,
  random: Random,
): PeerView | undefined {
  const candidates = peers.filter((peer) => peer.key !== before);
  let ticket = random.next() * candidates.reduce((sum, peer) => sum + tickets(peer), 0);
  return candidates.find((peer) => {
    ticket -= tickets(peer);
    return ticket < 0;
  });
}

function tickets(peer: PeerView): number {
  if (peer.onlyTakes) return 1;
  return peer.age < NEWCOMER ? 12 : 4;
}

function shuffled(peers: readonly PeerView[], random: Random): PeerView[] {
  const order = [...peers];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const a = order[i];
    const b = order[j];
    if (a === undefined || b === undefined) continue;
    order[i] = b;
    order[j] = a;
  }
  return order;
}
