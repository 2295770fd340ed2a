import type { Clock, Millis, Timer } from "../../protocol/ambient.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import { PIECE_HEADER, writePieceHeader } from "../core/messages.ts";
import type { PieceStorage } from "../storage/storage.ts";
import { RUN_BLOCKS, RUN_BYTES, type RunBuffer, type RunBuffers } from "./run-buffers.ts";
import type { Wire } from "./wire.ts";
import type { BlockRef } from "./wire-types.ts";

/**
 * How many requests of one peer we queue; said in our extension handshake as `reqq` (BEP 10). Transmission asks once a
 * second, for so much: with the 2,000 of others it can't get more than 31 MiB a second, however fast the network.
 */
export const REQUEST_QUEUE = 4000;
/** One peer sends this much before the others get their turn. */
const TURN_BYTES = 524_288;
/** Bytes that may wait for the socket: a quarter of a second of what it takes, within these bounds. */
const LEAST_WAITING = 524_288;
const MOST_WAITING = 4_194_304;
const RATE_WINDOW: Millis = 1000;

/** Shares a rate between many takers: first come, first served. */
export interface RateLimiter {
  /** No more than this should be taken at once, in bytes, so that all takers move evenly. */
  readonly grain: number;
  /**
   * Spends `bytes`.
   * @returns true when granted at once; else `granted` is called later, once, when they are spent.
   */
  take(bytes: number, granted: () => void): boolean;
  /** Takes back a waiting {@link take} with this very `granted`. */
  forget(granted: () => void): void;
}

export interface UploadOptions {
  readonly wire: Wire;
  readonly storage: Pick<PieceStorage, "read">;
  readonly clock: Clock;
  readonly buffers: RunBuffers;
  readonly limiter?: RateLimiter;
  /** The data of `piece` can't be read; its requests are rejected already (BEP 6) or dropped. */
  onReadError(piece: PieceIndex, error: unknown): void;
}

/**
 * Serves the requests of one peer: from disk to socket, in order, never more in memory than the socket drains.
 * Neighbouring blocks of a piece are read at once and leave in one write. The torrent forwards what its
 * {@link WireHandler} is told, after it has checked that it has the piece.
 */
export class Upload {
  readonly #wire: Wire;
  readonly #options: UploadOptions;
  readonly #allowedFast = new Set<PieceIndex>();
  #queue: BlockRef[] = [];
  /** Those before it in the queue are served already. */
  #head = 0;
  /** A read is under way. */
  #reading = false;
  /** Bytes that the limiter has granted and that are not sent yet. */
  #credit = 0;
  #asked = 0;
  #turn: Timer | undefined;
  #closed = false;
  #waitingLimit = LEAST_WAITING;
  #windowStart: Millis;
  #windowBytes = 0;

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#wire = options.wire;
    this.#windowStart = options.clock.now();
  }

  /** Requests that wait. */
  get queued(): number {
    return this.#queue.length - this.#head;
  }

  /** From `onRequest`. Rejects it (BEP 6), or drops it, while we choke the peer or when its queue is full. */
  request(block: BlockRef): void {
    const isServed = !this.#wire.amChoking || this.#allowedFast.has(block.piece);
    if (this.#closed || !isServed || this.queued >= REQUEST_QUEUE) {
      this.#wire.sendReject(block);
      return;
    }
    this.#queue.push(block);
    // Not now: more requests are likely to follow in the same delivery, and go out together.
    this.#soon();
  }

  /** From `onCancel`. A fast peer is told that the block won't come (BEP 6, "cancel"). */
  cancel(block: BlockRef): void {
    for (let i = this.#head; i < this.#queue.length; i++) {
      const queued = this.#queue[i];
      if (queued === undefined || !isSameBlock(queued, block)) continue;
      this.#queue.splice(i, 1);
      this.#wire.sendReject(block);
      return;
    }
  }

  /** Tells the peer, and empties the queue; what a fast peer waits for is rejected, but for allowed-fast pieces. */
  choke(): void {
    if (this.#wire.amChoking) return;
    this.#wire.choke();
    // Without BEP 6 a choke drops every request, silently; and there are no allowed-fast pieces.
    this.#drop((block) => !this.#allowedFast.has(block.piece));
  }

  /** Tells the peer. */
  unchoke(): void {
    this.#wire.unchoke();
  }

  /** Serves `piece` even while the peer is choked, and tells it (BEP 6, "allowed fast"). */
  allowFast(piece: PieceIndex): void {
    if (this.#wire.identity?.fast !== true) return;
    this.#allowedFast.add(piece);
    this.#wire.sendAllowedFast(piece);
  }

  /** We have lost `piece`: nothing of it is sent any more. */
  withdraw(piece: PieceIndex): void {
    this.#allowedFast.delete(piece);
    this.#drop((block) => block.piece === piece);
  }

  /** From `onDrain`. */
  drained(): void {
    this.#pump();
  }

  /** From `onClose`. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#head = 0;
    this.#turn?.cancel();
    this.#options.limiter?.forget(this.#granted);
  }

  #drop(isDropped: (block: BlockRef) => boolean): void {
    const queue = this.#queue;
    const kept: BlockRef[] = [];
    for (let i = this.#head; i < queue.length; i++) {
      const block = queue[i];
      if (block === undefined) continue;
      if (isDropped(block)) this.#wire.sendReject(block);
      else kept.push(block);
    }
    this.#queue = kept;
    this.#head = 0;
  }

  /** Continues when the other connections have had their turn. */
  #soon(): void {
    this.#turn ??= this.#options.clock.after(0, this.#nextTurn);
  }

  readonly #nextTurn = () => {
    this.#turn = undefined;
    this.#pump();
  };

  /** Sends runs until there are none, the socket has enough, the limiter says wait, or this turn is over. */
  #pump(): void {
    let left = TURN_BYTES;
    while (!this.#closed && !this.#reading && this.#asked === 0 && this.queued > 0) {
      if (this.#wire.transport.bufferedBytes >= this.#waitingLimit) return;
      if (left <= 0) {
        this.#soon();
        return;
      }
      const blocks = this.#countRun();
      const bytes = this.#sumRun(blocks);
      if (!this.#afford(bytes)) return;
      left -= bytes;
      this.#credit -= bytes;
      this.#sendRun(blocks, bytes);
    }
  }

  /** How many requests at the head can be served by one read: neighbours in one piece, in order. */
  #countRun(): number {
    const limiter = this.#options.limiter;
    const most = limiter === undefined ? RUN_BYTES : Math.min(RUN_BYTES, limiter.grain);
    let previous = this.#queue[this.#head];
    if (previous === undefined) return 0;
    let bytes = previous.length;
    let count = 1;
    while (count < RUN_BLOCKS) {
      const next = this.#queue[this.#head + count];
      if (next === undefined || next.piece !== previous.piece) break;
      if (next.begin !== previous.begin + previous.length || bytes + next.length > most) break;
      bytes += next.length;
      previous = next;
      count++;
    }
    return count;
  }

  #sumRun(count: number): number {
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += this.#queue[this.#head + i]?.length ?? 0;
    return bytes;
  }

  /** @returns false when the limiter will say when to go on. */
  #afford(bytes: number): boolean {
    const limiter = this.#options.limiter;
    if (limiter === undefined) {
      this.#credit = bytes;
      return true;
    }
    const missing = bytes - this.#credit;
    if (missing > 0 && !limiter.take(missing, this.#granted)) {
      this.#asked = missing;
      return false;
    }
    if (missing > 0) this.#credit += missing;
    return true;
  }

  readonly #granted = () => {
    this.#credit += this.#asked;
    this.#asked = 0;
    this.#pump();
  };

  #sendRun(count: number, payload: number): void {
    const first = this.#queue[this.#head];
    if (first === undefined) return;
    const buffer = this.#options.buffers.take();
    const run: Run = {
      buffer,
      first,
      count,
      payload,
      blocks: this.#queue.slice(this.#head, this.#head + count),
    };
    this.#advance(count);
    const targets = layOut(run);
    let reading: Promise<void> | undefined;
    try {
      reading = this.#options.storage.read(first.piece, first.begin, targets);
    } catch (error) {
      this.#readFailed(run, error);
      return;
    }
    if (reading === undefined) {
      this.#write(run);
      return;
    }
    void this.#writeAfter(run, reading);
  }

  /** Never rejects. */
  async #writeAfter(run: Run, reading: Promise<void>): Promise<void> {
    this.#reading = true;
    try {
      await reading;
      this.#reading = false;
      if (this.#isStillWanted(run)) this.#write(run);
      else run.buffer.release();
    } catch (error) {
      this.#reading = false;
      this.#readFailed(run, error);
    }
    this.#pump();
  }

  #advance(count: number): void {
    this.#head += count;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= REQUEST_QUEUE) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** A peer without BEP 6 that was choked meanwhile has forgotten its requests; a fast one waits for an answer. */
  #isStillWanted(run: Run): boolean {
    if (this.#closed) return false;
    return (
      !this.#wire.amChoking || this.#wire.identity?.fast === true || this.#allowedFast.has(run.first.piece)
    );
  }

  #write(run: Run): void {
    this.#measure(run.payload);
    const length = run.payload + run.count * PIECE_HEADER;
    this.#wire.sendBlocks(run.buffer.bytes.subarray(0, length), run.payload, run.buffer.release);
  }

  #readFailed(run: Run, error: unknown): void {
    run.buffer.release();
    if (this.#closed) return;
    for (const block of run.blocks) this.#wire.sendReject(block);
    this.withdraw(run.first.piece);
    this.#options.onReadError(run.first.piece, error);
  }

  /** A fast peer far away needs more under way. */
  #measure(bytes: number): void {
    this.#windowBytes += bytes;
    const now = this.#options.clock.now();
    const elapsed = now - this.#windowStart;
    if (elapsed < RATE_WINDOW) return;
    const rate = (this.#windowBytes / elapsed) * 1000;
    this.#waitingLimit = Math.max(LEAST_WAITING, Math.min(MOST_WAITING, rate / 4));
    this.#windowStart = now;
    this.#windowBytes = 0;
  }
}

/** Requests that are served by one read and one write. */
interface Run {
  readonly buffer: RunBuffer;
  readonly first: BlockRef;
  readonly blocks: readonly BlockRef[];
  readonly count: number;
  /** Block bytes, without headers. */
  readonly payload: number;
}

/** Writes the message headers of a run. @returns the gaps between them, for the blocks. */
function layOut(run: Run): readonly Uint8Array[] {
  const { buffer, blocks } = run;
  const targets: Uint8Array[] = [];
  let at = 0;
  let isUsual = true;
  for (const [i, block] of blocks.entries()) {
    writePieceHeader(buffer.bytes, at, block);
    at += PIECE_HEADER;
    const usual = buffer.targets[i];
    isUsual &&= usual?.length === block.length;
    targets.push(isUsual && usual !== undefined ? usual : buffer.bytes.subarray(at, at + block.length));
    at += block.length;
  }
  return targets;
}

function isSameBlock(a: BlockRef, b: BlockRef): boolean {
  return a.piece === b.piece && a.begin === b.begin && a.length === b.length;
}
