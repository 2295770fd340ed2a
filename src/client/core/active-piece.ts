import type { PieceIndex } from "../../protocol/ids.ts";

/** A peer of one torrent: a small number that is never used again. */
export type PeerKey = number;

/** Bytes of a block; the last one of a piece may be shorter. */
export const BLOCK_LENGTH = 16_384;

const FREE = -1;
const RECEIVED = -2;

/**
 * A piece that has been started. Each block is exactly one of free, requested (from one peer or, near the end, from
 * several) and received; all changes of that are here:
 *
 * | from      | by             | to                                           |
 * |-----------|----------------|----------------------------------------------|
 * | free      | request        | requested                                    |
 * | requested | request        | requested, of one peer more                  |
 * | requested | release        | requested, of one peer less; free when none  |
 * | free, requested | receive  | received                                     |
 */
export class ActivePiece {
  readonly piece: PieceIndex;
  /** Bytes. */
  readonly size: number;
  readonly blockCount: number;
  /** Set for a piece that failed before: only this peer is asked, so that the next verdict is about one peer. */
  exclusive: PeerKey | undefined = undefined;
  /** Allocated when the first block arrives. */
  buffer: Uint8Array | undefined = undefined;

  /** FREE, RECEIVED, or the peer that was asked first. */
  readonly #state: Int32Array;
  readonly #givers: Int32Array;
  /** Who else was asked, by block. */
  #others: Map<number, PeerKey[]> | undefined = undefined;
  #free: number;
  #received = 0;
  /** No block before this one is free. */
  #firstFree = 0;

  constructor(piece: PieceIndex, size: number) {
    this.piece = piece;
    this.size = size;
    this.blockCount = Math.ceil(size / BLOCK_LENGTH);
    this.#state = new Int32Array(this.blockCount).fill(FREE);
    this.#givers = new Int32Array(this.blockCount).fill(FREE);
    this.#free = this.blockCount;
  }

  get freeCount(): number {
    return this.#free;
  }

  get receivedCount(): number {
    return this.#received;
  }

  get requestedCount(): number {
    return this.blockCount - this.#free - this.#received;
  }

  get complete(): boolean {
    return this.#received === this.blockCount;
  }

  blockLength(block: number): number {
    return Math.min(BLOCK_LENGTH, this.size - block * BLOCK_LENGTH);
  }

  isReceived(block: number): boolean {
    return this.#state[block] === RECEIVED;
  }

  /** The first free block, or -1. */
  nextFree(): number {
    if (this.#free === 0) return -1;
    let block = this.#firstFree;
    while (this.#state[block] !== FREE) block++;
    this.#firstFree = block;
    return block;
  }

  /** The first free blocks that follow each other; there must be one. */
  freeRun(): { readonly first: number; readonly count: number } {
    const first = this.nextFree();
    let end = first + 1;
    while (end < this.blockCount && this.#state[end] === FREE) end++;
    return { first, count: end - first };
  }

  /** How many peers were asked for `block`. */
  requesterCount(block: number): number {
    if ((this.#state[block] ?? FREE) < 0) return 0;
    return 1 + (this.#others?.get(block)?.length ?? 0);
  }

  /** Who was asked for `block` first and may still send it; undefined when it's free or received. */
  firstRequester(block: number): PeerKey | undefined {
    const first = this.#state[block] ?? FREE;
    return first < 0 ? undefined : first;
  }

  isRequestedFrom(block: number, peer: PeerKey): boolean {
    return this.#state[block] === peer || (this.#others?.get(block)?.includes(peer) ?? false);
  }

  /** `peer` is asked for `block`, which is not received yet and was not asked of it. */
  request(block: number, peer: PeerKey): void {
    if (this.#state[block] === FREE) {
      this.#state[block] = peer;
      this.#free--;
      return;
    }
    this.#others ??= new Map();
    const others = this.#others.get(block);
    if (others === undefined) this.#others.set(block, [peer]);
    else others.push(peer);
  }

  /** `peer` will not send `block`, or not soon enough. Nothing happens when it wasn't asked. */
  release(block: number, peer: PeerKey): void {
    const others = this.#others?.get(block);
    if (this.#state[block] === peer) {
      const next = others?.shift();
      this.#state[block] = next ?? FREE;
      if (next === undefined) {
        this.#free++;
        this.#firstFree = Math.min(this.#firstFree, block);
      }
    } else if (others?.includes(peer)) {
      others.splice(others.indexOf(peer), 1);
    }
  }

  /**
   * `block` came from `peer`, asked for or not, and wasn't received before.
   * @returns the other peers that were asked for it.
   */
  receive(block: number, peer: PeerKey): readonly PeerKey[] {
    const first = this.#state[block] ?? FREE;
    if (first === FREE) this.#free--;
    this.#state[block] = RECEIVED;
    this.#givers[block] = peer;
    this.#received++;
    if (first === peer && this.#others === undefined) return NOBODY;
    const asked = first < 0 ? [] : [first, ...(this.#others?.get(block) ?? [])];
    this.#others?.delete(block);
    return asked.filter((key) => key !== peer);
  }

  /** Who gave each block; of a complete piece. */
  givers(): readonly PeerKey[] {
    return [...this.#givers];
  }
}

const NOBODY: readonly PeerKey[] = [];
