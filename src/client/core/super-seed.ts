import type { Millis, Random } from "../../protocol/ambient.ts";
import type { PeerKey } from "./active-piece.ts";
import { Backlog } from "./backlog.ts";

/** Shown pieces that aren't with their receivers yet, to begin with: so many, or so many bytes if those are more. */
const LEAST_WINDOW = 8;
const WINDOW_BYTES = 2 * 1024 * 1024;
/** Of the pieces that wait to be asked for so many count of one receiver: even of two, one that stalls holds up nothing. */
const MOST_OF_ONE = 1.5;
/** After so long a shown piece is shown to somebody else. */
const PATIENCE: Millis = 20_000;

export interface Shown {
  readonly peer: PeerKey;
  readonly piece: number;
}

interface Sent {
  readonly peer: PeerKey;
  readonly since: Millis;
  /** The backlog that it's in, and since when: first {@link SuperSeed.#reserve}, then {@link SuperSeed.#underWay}. */
  waits: { readonly among: Backlog; readonly since: Millis } | undefined;
  /** It was shown the piece; else it sees everything, and chose it. */
  readonly isShown: boolean;
}

interface Receiver {
  /** It has asked for what it was shown. Who never does is shown one piece, which goes to others all the same. */
  asks: boolean;
  wasShown: boolean;
  /** Pieces that it was shown, that it doesn't have yet and that nobody else was shown meanwhile. */
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
 * A piece is unsent, on trial with a receiver that has never asked for anything, outstanding, or gone out.
 * The uplink never waits for this: when it runs dry more pieces are shown, to whoever can take them.
 */
export class SuperSeed {
  readonly #random: Random;
  /** Pieces that no receiver has and that are shown to nobody, in the order in which they go out. */
  readonly #unsent: Set<number>;
  readonly #onTrial = new Map<number, PeerKey>();
  readonly #outstanding = new Map<number, Sent>();
  /** Who got a piece from us that no other has. */
  readonly #first = new Map<number, PeerKey>();
  readonly #receivers = new Map<PeerKey, Receiver>();
  /** Those who see everything, because they came first, and have asked for something. */
  readonly #plain = new Set<PeerKey>();
  /** Pieces that were shown and not asked for yet. */
  readonly #reserve = new Backlog();
  /** Pieces that were asked for and aren't with their receivers yet. */
  readonly #underWay = new Backlog();
  /** How many pieces may be shown and not yet with their receivers; grows whenever the uplink runs dry. */
  #window: number;
  /** How many of the outstanding ones were shown. */
  #shown = 0;
  #asking = 0;
  #turn = 0;

  /** @param pieceLength bytes */
  constructor(pieceCount: number, pieceLength: number, random: Random) {
    this.#random = random;
    this.#window = Math.max(LEAST_WINDOW, Math.floor(WINDOW_BYTES / pieceLength));
    this.#unsent = new Set(Array.from({ length: pieceCount }, (_, piece) => piece));
  }

  /** Every piece is with a receiver; or the last are on their way, and we have nothing to send. @param idle as in `has` */
  isDone(idle: boolean): boolean {
    return (
      this.#unsent.size + this.#onTrial.size === 0 &&
      (this.#outstanding.size === 0 || this.#showsTooFew(idle))
    );
  }

  /** Only the pieces that we show it exist for this peer. */
  join(peer: PeerKey): void {
    const turn = this.#random.next() - 1;
    this.#receivers.set(peer, { asks: false, wasShown: false, outstanding: 0, unseen: 0, turn });
  }

  /**
   * A peer that saw everything, because it came first, sees only what we show it from now on.
   * @returns what it has asked for and doesn't have: that it must see still.
   */
  joinLate(peer: PeerKey): ReadonlySet<number> {
    const asked = new Set<number>();
    for (const [piece, sent] of this.#outstanding) if (sent.peer === peer) asked.add(piece);
    const asks = this.#plain.delete(peer);
    if (asks) this.#asking++;
    const turn = this.#random.next() - 1;
    this.#receivers.set(peer, { asks, wasShown: asks, outstanding: asked.size, unseen: 0, turn });
    return asked;
  }

  leave(peer: PeerKey): void {
    this.#plain.delete(peer);
    if (this.#receivers.get(peer)?.asks) this.#asking--;
    this.#receivers.delete(peer);
    for (const [piece, { peer: to }] of this.#outstanding) if (to === peer) this.#takeBack(piece);
    for (const [piece, to] of this.#onTrial) if (to === peer) this.#takeBack(piece);
    this.#reserve.gone(peer);
    this.#underWay.gone(peer);
    // What only it had is gone with it.
    for (const [piece, first] of this.#first) {
      if (first !== peer) continue;
      this.#first.delete(piece);
      this.#unsent.add(piece);
    }
  }

  /**
   * `peer`, shown to or not, asks us for `piece`: it's on its way, and need not go to another.
   * @returns whether that changes what there is to show
   */
  asked(peer: PeerKey, piece: number, now: Millis): boolean {
    const receiver = this.#receivers.get(peer);
    const isNew = receiver?.asks === false;
    if (receiver === undefined) this.#plain.add(peer);
    else if (isNew) {
      receiver.asks = true;
      this.#asking++;
    }
    const goesTo = this.#outstanding.get(piece)?.peer ?? this.#onTrial.get(piece);
    const isFree = goesTo === undefined ? this.#unsent.has(piece) : this.#onTrial.get(piece) === peer;
    if (isFree) this.#send(piece, peer, receiver, now);
    const sent = this.#outstanding.get(piece);
    if (sent?.peer === peer && sent.waits?.among !== this.#underWay) {
      this.#ended(sent, now);
      this.#began(sent, this.#underWay, now);
    }
    return isNew || isFree;
  }

  /** `peer`, shown to or not, has `piece`. @param idle nothing waits here to be sent to anybody */
  has(peer: PeerKey, piece: number, idle: boolean, now: Millis): void {
    const sent = this.#outstanding.get(piece);
    // Who has it from elsewhere didn't take that time to ask for it.
    if (sent?.peer === peer && sent.waits?.among === this.#underWay) this.#ended(sent, now);
    const receiver = this.#receivers.get(peer);
    const isFromUs = this.#outstanding.get(piece)?.peer === peer || this.#onTrial.get(piece) === peer;
    const first = this.#first.get(piece);
    this.#unsent.delete(piece);
    if (isFromUs) {
      this.#takeBack(piece);
      this.#unsent.delete(piece);
      if (receiver === undefined) return;
      receiver.unseen++;
      this.#first.set(piece, peer);
      // It was shown a moment ago.
      if (this.#showsTooFew(idle) && this.#shown + 1 >= this.#window) this.#window += 2;
    } else {
      if (this.#onTrial.has(piece)) {
        this.#takeBack(piece);
        this.#unsent.delete(piece);
      }
      if (first === undefined || first === peer) return;
      this.#first.delete(piece);
      const giver = this.#receivers.get(first);
      if (giver !== undefined) giver.unseen--;
    }
  }

  /** Once a second: what takes too long is shown to others. @param idle as in `has` */
  tick(now: Millis, idle: boolean): void {
    // Whoever waits for receivers has room, too, and needs no larger window for that.
    if (this.#showsTooFew(idle) && this.#shown >= this.#window)
      this.#window += Math.max(1, this.#window >> 1);
    for (const [piece, { peer, since }] of this.#outstanding) {
      if (now - since < PATIENCE) continue;
      this.#takeBack(piece);
      const receiver = this.#receivers.get(peer);
      if (!receiver?.asks) continue;
      receiver.asks = false;
      this.#asking--;
    }
  }

  /** What to show to whom now; the caller tells the peers. @param idle as in `has` */
  *next(now: Millis, idle: boolean): Generator<Shown> {
    for (const [peer, receiver] of this.#receivers) {
      if (receiver.asks || receiver.outstanding > 0) continue;
      // Those who never ask may be as many as there are pieces: a newcomer is tried with one of theirs.
      const piece = first(this.#unsent) ?? (receiver.wasShown ? undefined : first(this.#onTrial.keys()));
      if (piece === undefined) continue;
      this.#takeBack(piece);
      this.#unsent.delete(piece);
      this.#onTrial.set(piece, peer);
      receiver.outstanding++;
      receiver.wasShown = true;
      yield { peer, piece };
    }
    while (this.#shown < this.#window) {
      const peer = this.#nextPeer(this.#showsTooFew(idle));
      // Whoever has a piece on trial may yet ask for it, so those go last.
      const piece = first(this.#unsent) ?? first(this.#onTrial.keys());
      const receiver = peer === undefined ? undefined : this.#receivers.get(peer);
      if (peer === undefined || piece === undefined || receiver === undefined) return;
      receiver.turn = ++this.#turn;
      receiver.wasShown = true;
      const sent = this.#send(piece, peer, receiver, now);
      this.#began(sent, this.#reserve, now);
      yield { peer, piece };
    }
  }

  /** The uplink has room: nothing waits here, and on the ways less than a piece for each receiver. */
  #hasRoom(idle: boolean): boolean {
    return idle && this.#underWay.length() < this.#takers;
  }

  /**
   * What is shown at a time is what holds the uplink up: it has room, and less than a piece for each receiver waits to be
   * asked for. While more do, receivers have enough to ask for, however little is on the ways.
   */
  #showsTooFew(idle: boolean): boolean {
    return this.#hasRoom(idle) && this.#reserve.length(MOST_OF_ONE) < this.#takers;
  }

  get #takers(): number {
    return Math.max(1, this.#asking + this.#plain.size);
  }

  #began(sent: Sent, among: Backlog, now: Millis): void {
    sent.waits = { among, since: now };
    among.began(sent.peer);
  }

  #ended(sent: Sent, now: Millis): void {
    sent.waits?.among.ended(sent.peer, now - sent.waits.since);
    sent.waits = undefined;
  }

  /** `piece` is on its way to `peer`, and to nobody else. */
  #send(piece: number, peer: PeerKey, receiver: Receiver | undefined, now: Millis): Sent {
    this.#takeBack(piece);
    this.#unsent.delete(piece);
    const sent: Sent = { peer, since: now, waits: undefined, isShown: receiver !== undefined };
    this.#outstanding.set(piece, sent);
    if (receiver !== undefined) {
      receiver.outstanding++;
      this.#shown++;
    }
    return sent;
  }

  /** `piece` is with nobody again. */
  #takeBack(piece: number): void {
    const sent = this.#outstanding.get(piece);
    const peer = sent?.peer ?? this.#onTrial.get(piece);
    if (peer === undefined) return;
    const receiver = this.#receivers.get(peer);
    if (receiver !== undefined) receiver.outstanding--;
    if (sent?.isShown) this.#shown--;
    sent?.waits?.among.dropped(peer);
    this.#outstanding.delete(piece);
    this.#onTrial.delete(piece);
    this.#unsent.add(piece);
  }

  /**
   * A receiver with so many pieces that no other has yet waits until one was passed on, while others can take more: its
   * share of the window, once more for what it is passing on, which takes as long again.
   */
  get #mostUnseen(): number {
    return Math.ceil((2 * this.#window) / Math.max(1, this.#asking));
  }

  /** The one with the fewest pieces that only it has or gets; then the one that waited longest. */
  #nextPeer(idle: boolean): PeerKey | undefined {
    // To a lone one there is nobody to pass anything on.
    const mayWait = !idle && this.#asking + this.#plain.size > 1;
    const most = this.#mostUnseen;
    let best: PeerKey | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestTurn = Number.POSITIVE_INFINITY;
    for (const [key, { asks, outstanding, unseen, turn }] of this.#receivers) {
      const load = outstanding + unseen;
      if (!asks || (load >= most && mayWait)) continue;
      if (load > bestLoad || (load === bestLoad && turn > bestTurn)) continue;
      best = key;
      bestLoad = load;
      bestTurn = turn;
    }
    return best;
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
