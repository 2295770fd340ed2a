import type { Millis, Random } from "../../protocol/ambient.ts";
import type { PeerKey } from "./active-piece.ts";

/** Shown pieces that aren't with their receivers yet; more when the uplink runs dry. */
const FIRST_WINDOW = 8;
/** A receiver with so many pieces that no other has yet waits until one was passed on, while others can take more. */
const MAX_UNSEEN = 2;
/** After so long a shown piece is shown to somebody else. */
const PATIENCE: Millis = 20_000;

export interface Shown {
  readonly peer: PeerKey;
  readonly piece: number;
}

interface Receiver {
  /** Pieces that were shown to it and that it doesn't have yet. */
  outstanding: number;
  /** Pieces that it got from us and that nobody else has. */
  unseen: number;
  /** Counts the turns of everybody: the lowest waited longest. */
  turn: number;
}

/**
 * Seeds a new torrent so that each piece leaves us once before any leaves us twice (after BEP 16): receivers that came
 * while others were there see no pieces but those that we show them, each a different one, and whoever passes its
 * pieces on is shown the next. When every piece is with some receiver the torrent is seeded plainly.
 * With equal links the swarm's time is the seeder's time for one copy, and every duplicate before that is lost time.
 *
 * The uplink never waits for this: when it runs dry more pieces are shown, to whoever can take them.
 */
export class SuperSeed {
  readonly #random: Random;
  /** Pieces that no receiver has and that are shown to nobody, in the order in which they go out. */
  readonly #unsent: Set<number>;
  readonly #outstanding = new Map<number, { readonly peer: PeerKey; readonly since: Millis }>();
  /** Who got a piece from us that no other has. */
  readonly #first = new Map<number, PeerKey>();
  readonly #receivers = new Map<PeerKey, Receiver>();
  #window = FIRST_WINDOW;
  #turn = 0;

  constructor(pieceCount: number, random: Random) {
    this.#random = random;
    this.#unsent = new Set(Array.from({ length: pieceCount }, (_, piece) => piece));
  }

  /** Every piece is with a receiver; or the last are on their way, and we have nothing to send. @param idle as in `has` */
  isDone(idle: boolean): boolean {
    return this.#unsent.size === 0 && (this.#outstanding.size === 0 || idle);
  }

  /** Only the pieces that we show it exist for this peer. */
  join(peer: PeerKey): void {
    this.#receivers.set(peer, { outstanding: 0, unseen: 0, turn: this.#random.next() - 1 });
  }

  leave(peer: PeerKey): void {
    this.#receivers.delete(peer);
    for (const [piece, shown] of this.#outstanding) {
      if (shown.peer !== peer) continue;
      this.#outstanding.delete(piece);
      this.#unsent.add(piece);
    }
    // What only it had is gone with it.
    for (const [piece, first] of this.#first) {
      if (first !== peer) continue;
      this.#first.delete(piece);
      this.#unsent.add(piece);
    }
  }

  /** `peer`, shown to or not, has `piece`. @param idle we have nothing to send to anybody */
  has(peer: PeerKey, piece: number, idle: boolean): void {
    const shown = this.#outstanding.get(piece);
    this.#unsent.delete(piece);
    const first = this.#first.get(piece);
    if (shown?.peer === peer) {
      this.#outstanding.delete(piece);
      const receiver = this.#receivers.get(peer);
      if (receiver === undefined) return;
      receiver.outstanding--;
      receiver.unseen++;
      this.#first.set(piece, peer);
      if (idle) this.#window++;
    } else if (first !== undefined && first !== peer) {
      this.#first.delete(piece);
      const receiver = this.#receivers.get(first);
      if (receiver !== undefined) receiver.unseen--;
    }
  }

  /** Once a second: what takes too long is shown to others. @param idle as in `has` */
  tick(now: Millis, idle: boolean): void {
    if (idle) this.#window += Math.max(1, this.#window >> 1);
    for (const [piece, { peer, since }] of this.#outstanding) {
      if (now - since < PATIENCE) continue;
      this.#outstanding.delete(piece);
      this.#unsent.add(piece);
      const receiver = this.#receivers.get(peer);
      if (receiver !== undefined) receiver.outstanding--;
    }
  }

  /** What to show to whom now; the caller tells the peers. @param idle as in `has` */
  *next(now: Millis, idle: boolean): Generator<Shown> {
    while (this.#outstanding.size < this.#window) {
      const peer = this.#nextPeer(idle);
      const piece = this.#unsent.values().next().value;
      if (peer === undefined || piece === undefined) return;
      const receiver = this.#receivers.get(peer);
      if (receiver === undefined) return;
      this.#unsent.delete(piece);
      this.#outstanding.set(piece, { peer, since: now });
      receiver.outstanding++;
      receiver.turn = ++this.#turn;
      yield { peer, piece };
    }
  }

  /** The one with the fewest pieces that only it has or gets; then the one that waited longest. */
  #nextPeer(idle: boolean): PeerKey | undefined {
    let best: PeerKey | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestTurn = Number.POSITIVE_INFINITY;
    for (const [key, { outstanding, unseen, turn }] of this.#receivers) {
      const load = outstanding + unseen;
      if (load >= MAX_UNSEEN && !idle) continue;
      if (load > bestLoad || (load === bestLoad && turn > bestTurn)) continue;
      best = key;
      bestLoad = load;
      bestTurn = turn;
    }
    return best;
  }
}
