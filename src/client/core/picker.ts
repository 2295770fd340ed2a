import type { Random } from "../../protocol/ambient.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { type PieceIndex, pieceIndex } from "../../protocol/ids.ts";
import { ActivePiece, BLOCK_LENGTH, type PeerKey } from "./active-piece.ts";
import { askAgain } from "./endgame.ts";
import type { PickPeer } from "./pick-peer.ts";
import { PieceOrder } from "./piece-order.ts";
import type { Readings } from "./readings.ts";

export interface PickerOptions {
  readonly pieceCount: number;
  /** Bytes of one piece. */
  pieceSize(piece: number): number;
  /** Pieces to be had; the picker keeps it, and changes it. */
  readonly missing: Bitfield;
  readonly random: Random;
  /** Which of equally rare pieces to start first: the lowest. */
  rank(piece: number): number;
  /** Whether there is room in memory to start a piece of so many bytes. */
  mayStart(size: number): boolean;
}

/** Near the end the same block is asked of this many peers at most. */
const ENDGAME_COPIES = 3;

/**
 * Decides which block to ask of whom. A missing piece is idle (in the order), active (started) or taken (complete and
 * being checked or written); started pieces are finished first, then the rarest is started (BEP 3).
 */
export class Picker {
  readonly #options: PickerOptions;
  readonly #order: PieceOrder;
  readonly #active = new Map<number, ActivePiece>();
  /** Active pieces with free blocks, oldest first. */
  readonly #open = new Set<ActivePiece>();
  /** The piece that each peer was asked for last: it goes on there, so that pieces come whole and in few reads. */
  readonly #current = new Map<PeerKey, ActivePiece>();
  /** Failed before: to be fetched from one peer alone. */
  readonly #suspect = new Set<number>();
  /** While somebody reads what comes: goes before everything else. */
  readings: Readings | undefined = undefined;
  #seeds = 0;
  #sources = 0;
  #lastStarted = -2;

  constructor(options: PickerOptions) {
    this.#options = options;
    this.#order = new PieceOrder(options.pieceCount, options.random, (piece) => options.rank(piece));
    for (const piece of options.missing) this.#order.insert(piece);
  }

  /** Pieces that are to be had still, whatever their state. */
  get missing(): Bitfield {
    return this.#options.missing;
  }

  active(piece: number): ActivePiece | undefined {
    return this.#active.get(piece);
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** Every block that is still to come has been asked for. */
  get endgame(): boolean {
    return this.#order.size === 0 && this.#open.size === 0 && this.#active.size > 0;
  }

  /** How many complete peers there are, and how many of the others have `piece`. */
  availability(piece: number): number {
    return this.#seeds + this.#order.availability(piece);
  }

  /** A peer said what it has; a complete one is counted apart. */
  addPieces(have: Bitfield): void {
    this.#sources++;
    if (have.isComplete) this.#seeds++;
    else for (const piece of have) this.#order.count(piece, 1);
  }

  /** The peer of an earlier `addPieces` has one more. */
  addHave(piece: number): void {
    this.#order.count(piece, 1);
  }

  /** A peer of an earlier `addPieces`, not complete then, has lost one. */
  removeHave(piece: number): void {
    this.#order.count(piece, -1);
  }

  /** A peer left. `wasSeed`: it was complete when it said what it had, so it's counted apart. */
  removePieces(have: Bitfield, wasSeed: boolean): void {
    this.#sources--;
    if (wasSeed) this.#seeds--;
    else for (const piece of have) this.#order.count(piece, -1);
  }

  /**
   * Asks `peer` for up to `count` blocks: each is handed to `take` after it's booked.
   * @returns how many there were.
   */
  pick(peer: PickPeer, count: number, take: (active: ActivePiece, block: number) => void): number {
    let left = count;
    if (this.readings !== undefined) {
      left -= this.#pickAhead(this.readings, peer, left, take);
      if (left === 0) return count;
    }
    const current = this.#current.get(peer.key);
    if (current !== undefined && this.#mayAsk(peer, current)) left -= this.#fill(peer, current, left, take);
    // What a seeder sends of a piece that others have is missing to the swarm elsewhere.
    const isSeed = peer.have.isComplete;
    left -= this.#pickOpen(peer, left, take, isSeed && this.#order.hasUnheld);
    while (left > 0) {
      if (isSeed && !this.#order.hasUnheld) left -= this.#pickOpen(peer, left, take, false);
      const active = left > 0 ? this.#start(peer) : undefined;
      if (active === undefined) break;
      left -= this.#fill(peer, active, left, take);
    }
    return count - left;
  }

  /** Asks `peer` for blocks of pieces that are started; `unheldOnly`: that no incomplete peer has. */
  #pickOpen(
    peer: PickPeer,
    count: number,
    take: (active: ActivePiece, block: number) => void,
    unheldOnly: boolean,
  ): number {
    if (count === 0 || this.#open.size === 0) return 0;
    let left = count;
    for (const active of this.#open) {
      if (!this.#mayAsk(peer, active)) continue;
      if (unheldOnly && this.#order.availability(active.piece) > 0) continue;
      left -= this.#fill(peer, active, left, take);
      if (left === 0) break;
    }
    return count - left;
  }

  /** Asks `peer` for what readers need, in that order. */
  #pickAhead(
    readings: Readings,
    peer: PickPeer,
    count: number,
    take: (active: ActivePiece, block: number) => void,
  ): number {
    let left = count;
    readings.visit((piece) => {
      let active = this.#active.get(piece);
      if (active === undefined) {
        if (!this.#order.has(piece) || !peer.have.has(piece)) return true;
        if (peer.only !== undefined && !peer.only.has(piece)) return true;
        active = this.#begin(piece, peer.key);
        if (active === undefined) return false;
      }
      if (this.#mayAsk(peer, active)) left -= this.#fill(peer, active, left, take);
      return left > 0;
    });
    return count - left;
  }

  /** Nobody has started `piece`, and it is missing. */
  isIdle(piece: number): boolean {
    return this.#order.has(piece);
  }

  /** Pieces that nobody has started. */
  get idleCount(): number {
    return this.#order.size;
  }

  /**
   * Asks `key` for all of an idle piece: for those who send whole pieces, as web servers do.
   * @returns undefined when there's no room in memory.
   */
  pickWhole(piece: number, key: PeerKey): ActivePiece | undefined {
    const active = this.#order.has(piece) ? this.#begin(piece, key) : undefined;
    if (active !== undefined) this.#ask(active, key, 0, active.blockCount);
    return active;
  }

  /**
   * Asks `peer` for blocks that follow each other in a piece that somebody has started and nobody was asked for.
   * @param isWanted limits the choice
   * @returns the first block and how many they are.
   */
  pickRest(
    peer: Pick<PickPeer, "key" | "have">,
    isWanted: (piece: number) => boolean,
  ): { readonly active: ActivePiece; readonly first: number; readonly count: number } | undefined {
    for (const active of this.#open) {
      if (!this.#mayAsk({ ...peer, only: undefined }, active) || !isWanted(active.piece)) continue;
      const { first, count } = active.freeRun();
      this.#ask(active, peer.key, first, count);
      return { active, first, count };
    }
    return undefined;
  }

  /** Those of `pieces` that are started and not complete. */
  started(pieces: Iterable<number>): ActivePiece[] {
    const found: ActivePiece[] = [];
    for (const piece of pieces) {
      const active = this.#active.get(piece);
      if (active !== undefined) found.push(active);
    }
    return found;
  }

  /**
   * Near the end, or where somebody waits: asks `peer` for up to `count` blocks that others were asked for already.
   * @param isSlow whether a peer that was asked is so slow that it's worth asking another
   * @param among the pieces to look at; all that are started by default
   * @returns how many there were.
   */
  pickDuplicates(
    peer: PickPeer,
    count: number,
    isSlow: (asked: PeerKey) => boolean,
    take: (active: ActivePiece, block: number) => void,
    among?: readonly ActivePiece[],
  ): number {
    let left = count;
    for (let copies = 1; copies < ENDGAME_COPIES && left > 0; copies++) {
      left -= askAgain(among ?? this.#active.values(), { peer, copies, count: left, isSlow, take });
    }
    return count - left;
  }

  /** `peer` will not send the block, or not soon enough. */
  release(piece: number, begin: number, peer: PeerKey): void {
    const active = this.#active.get(piece);
    if (active === undefined) return;
    active.release(begin / BLOCK_LENGTH, peer);
    if (active.freeCount === 0) return;
    this.#open.add(active);
    // Nobody else may be asked for an exclusive piece, so its owner must not be able to hold it up.
    if (active.exclusive === peer) active.exclusive = undefined;
  }

  /** A peer is gone; its requests were released before. */
  forget(peer: PeerKey): void {
    this.#current.delete(peer);
    for (const active of this.#open) if (active.exclusive === peer) active.exclusive = undefined;
  }

  /** The block was received: a piece that has all of them is taken, and returned no more by `active`. */
  received(active: ActivePiece): void {
    if (active.freeCount === 0) this.#open.delete(active);
    if (active.complete) this.#drop(active);
  }

  /** A taken piece is in the storage. */
  stored(piece: PieceIndex): void {
    this.#suspect.delete(piece);
    this.#options.missing.delete(piece);
  }

  /** An idle piece turned out to be in the storage. @returns whether it was idle. */
  adopted(piece: PieceIndex): boolean {
    if (!this.#order.has(piece)) return false;
    this.#order.remove(piece);
    this.#options.missing.delete(piece);
    return true;
  }

  /** A stored piece is gone: it's missing and idle again. */
  lost(piece: PieceIndex): void {
    this.#options.missing.add(piece);
    this.#order.insert(piece);
  }

  /** A taken piece was bad: it's idle again, and will be fetched from one peer alone. */
  failed(piece: PieceIndex): void {
    this.#suspect.add(piece);
    this.#order.insert(piece);
  }

  /**
   * Gives up the active piece that lost least, among those of which nothing is on the way, to make room.
   * @returns it, idle again.
   */
  evict(): ActivePiece | undefined {
    let least: ActivePiece | undefined;
    for (const active of this.#open) {
      if (active.requestedCount > 0) continue;
      if (least === undefined || active.receivedCount < least.receivedCount) least = active;
    }
    if (least === undefined) return undefined;
    this.#drop(least);
    this.#order.insert(least.piece);
    return least;
  }

  /** A started piece of which nothing came and nothing is on the way: idle again, and returned. */
  abandon(piece: number): ActivePiece | undefined {
    const active = this.#active.get(piece);
    if (active === undefined || active.receivedCount > 0 || active.requestedCount > 0) return undefined;
    this.#drop(active);
    this.#order.insert(piece);
    return active;
  }

  #ask(active: ActivePiece, key: PeerKey, first: number, count: number): void {
    for (let block = first; block < first + count; block++) active.request(block, key);
    if (active.freeCount === 0) this.#open.delete(active);
  }

  #mayAsk(peer: Pick<PickPeer, "key" | "have" | "only">, active: ActivePiece): boolean {
    if (active.freeCount === 0 || !peer.have.has(active.piece)) return false;
    if (peer.only !== undefined && !peer.only.has(active.piece)) return false;
    return active.exclusive === undefined || active.exclusive === peer.key;
  }

  #fill(
    peer: PickPeer,
    active: ActivePiece,
    count: number,
    take: (active: ActivePiece, block: number) => void,
  ): number {
    let taken = 0;
    for (; taken < count; taken++) {
      const block = active.nextFree();
      if (block === -1) break;
      active.request(block, peer.key);
      take(active, block);
    }
    if (active.freeCount === 0) this.#open.delete(active);
    this.#current.set(peer.key, active);
    return taken;
  }

  #start(peer: PickPeer): ActivePiece | undefined {
    const piece = this.#choose(peer);
    return piece === undefined ? undefined : this.#begin(piece, peer.key);
  }

  /** @returns undefined when there's no room in memory. */
  #begin(piece: number, key: PeerKey): ActivePiece | undefined {
    const size = this.#options.pieceSize(piece);
    if (!this.#options.mayStart(size)) return undefined;
    this.#order.remove(piece);
    const active = new ActivePiece(pieceIndex(piece), size);
    if (this.#suspect.has(piece)) active.exclusive = key;
    this.#active.set(piece, active);
    this.#open.add(active);
    this.#lastStarted = piece;
    return active;
  }

  #choose(peer: PickPeer): number | undefined {
    if (this.#order.size === 0) return undefined;
    if (peer.only !== undefined) {
      for (const piece of peer.only) if (this.#order.has(piece) && peer.have.has(piece)) return piece;
      return undefined;
    }
    for (const piece of peer.suggested) {
      peer.suggested.delete(piece);
      if (this.#order.has(piece) && peer.have.has(piece)) return piece;
    }
    // With one source every piece is as rare as any other: in order, both disks read and write ahead.
    const next = this.#lastStarted + 1;
    if (this.#sources === 1 && this.#order.has(next) && peer.have.has(next)) return next;
    return this.#order.find(peer.have);
  }

  #drop(active: ActivePiece): void {
    this.#active.delete(active.piece);
    this.#open.delete(active);
    for (const [peer, current] of this.#current) if (current === active) this.#current.delete(peer);
  }
}
