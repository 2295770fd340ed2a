import { copyInto } from "../platform/copy-into.ts";
import type { Millis } from "../protocol/ambient.ts";
import type { Bitfield } from "../protocol/bitfield.ts";
import type { PieceIndex } from "../protocol/ids.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import { type ActivePiece, BLOCK_LENGTH, type PeerKey } from "./core/active-piece.ts";
import { findGap, type Gap } from "./core/gaps.ts";
import type { Picker } from "./core/picker.ts";
import type { Readings } from "./core/readings.ts";

/** Who sends runs: a connection to a web server. */
export interface RunSource {
  /** Its own, never a peer's. */
  readonly key: PeerKey;
  /** The pieces that may be asked of it: live. */
  readonly have: Bitfield;
  /** Milliseconds until what it was asked for is here; Infinity when nothing is known. */
  expected(): Millis;
}

/** Bytes of the torrent's stream, from `begin` up to but without `end`: whole blocks that were asked for in one go. */
export interface Run {
  readonly begin: number;
  readonly end: number;
}

export interface RunIntakeOptions {
  readonly layout: PieceLayout;
  readonly picker: Picker;
  takeBuffer(): Uint8Array;
  /** `bytes` came. */
  received(bytes: number): void;
  /** ... and were thrown away. */
  wasted(bytes: number): void;
  /** Others were asked for the block, too. */
  cancel(key: PeerKey, piece: PieceIndex, begin: number, length: number): void;
  /** All of a piece is here. */
  whole(active: ActivePiece): void;
  /** A started piece of which nothing came is idle again. */
  free(active: ActivePiece): void;
  /** Others may ask for what was asked for here. */
  freed(): void;
}

/** Bytes that are asked for at once of what somebody reads: longer runs come later. */
const AHEAD_RUN = 1024 * 1024;

/** What readers need first, and what follows it. */
function findAhead(
  readings: Readings | undefined,
  most: number,
  isFree: (piece: number) => boolean,
): Gap | undefined {
  let begin: number | undefined;
  readings?.visit((piece) => {
    if (isFree(piece)) begin = piece;
    return begin === undefined;
  });
  if (begin === undefined) return undefined;
  let end = begin + 1;
  while (end - begin < most && isFree(end)) end++;
  return { begin, end };
}

/**
 * The way in for those who send whole runs of pieces: books them in the picker, puts what comes into the pieces'
 * buffers. A block that a peer gives meanwhile is the peer's; what comes of it here is dropped.
 */
export class RunIntake {
  /** Called when there may be something to be asked for again. */
  onWake: () => void = () => {};
  readonly #options: RunIntakeOptions;
  readonly #sources = new Map<PeerKey, RunSource>();
  /** Behind the run that was asked for last. */
  #next = 0;

  constructor(options: RunIntakeOptions) {
    this.#options = options;
  }

  /** See {@link RunSource.expected}. */
  expected(key: PeerKey): Millis {
    return this.#sources.get(key)?.expected() ?? Number.POSITIVE_INFINITY;
  }

  /**
   * What to ask `source` for next: whole pieces that nobody has started, else what is left of started ones. Where
   * somebody reads, what he needs first.
   * @param maxBytes more only when a single piece is larger
   * @param only limits the choice, to what is needed by those who read
   * @returns undefined when there is nothing, or no room in memory.
   */
  claim(source: RunSource, maxBytes: number, only?: (piece: number) => boolean): Run | undefined {
    const { layout, picker } = this.#options;
    this.#sources.set(source.key, source);
    if (picker.idleCount > 0) {
      const { pieceCount, pieceLength } = layout;
      const isFree = (piece: number) =>
        picker.isIdle(piece) && source.have.has(piece) && only?.(piece) !== false;
      const most = Math.max(1, Math.floor(maxBytes / pieceLength));
      const gap =
        findAhead(picker.readings, Math.max(1, Math.floor(AHEAD_RUN / pieceLength)), isFree) ??
        (only === undefined ? findGap({ pieceCount, from: this.#next, most, isFree }) : undefined);
      const run = gap && this.#start(gap.begin, gap.end, source.key);
      if (run !== undefined) return run;
    }
    const rest = picker.pickRest(source, (piece) => only?.(piece) !== false);
    if (rest === undefined) return undefined;
    const { active, first, count } = rest;
    const begin = active.piece * layout.pieceLength + first * BLOCK_LENGTH;
    return {
      begin,
      end: Math.min(begin + count * BLOCK_LENGTH, active.piece * layout.pieceLength + active.size),
    };
  }

  /**
   * `data` came, which begins at `at` in the stream, right behind what came before; it's copied.
   * @returns how many bytes were of use.
   */
  put(key: PeerKey, at: number, data: Uint8Array): number {
    const { layout, picker } = this.#options;
    let useful = 0;
    this.#options.received(data.length);
    for (let done = 0; done < data.length; ) {
      const piece = Math.floor((at + done) / layout.pieceLength);
      const within = at + done - piece * layout.pieceLength;
      const block = Math.floor(within / BLOCK_LENGTH);
      const blockEnd = Math.min((block + 1) * BLOCK_LENGTH, layout.pieceSize(piece));
      const length = Math.min(data.length - done, blockEnd - within);
      const active = picker.active(piece);
      if (active?.isRequestedFrom(block, key)) {
        active.buffer ??= this.#options.takeBuffer();
        copyInto(active.buffer, data.subarray(done, done + length), within);
        useful += length;
        if (within + length === blockEnd) this.#finishBlock(active, block, key);
      }
      done += length;
    }
    if (useful < data.length) this.#options.wasted(data.length - useful);
    return useful;
  }

  /** What is left of a run will not come. */
  release(key: PeerKey, { begin, end }: Run): void {
    const { layout, picker } = this.#options;
    const { pieceLength } = layout;
    for (let piece = Math.floor(begin / pieceLength); piece * pieceLength < end; piece++) {
      const start = piece * pieceLength;
      const stop = Math.min(end - start, layout.pieceSize(piece));
      for (
        let block = Math.floor(Math.max(0, begin - start) / BLOCK_LENGTH);
        block * BLOCK_LENGTH < stop;
        block++
      ) {
        if (picker.active(piece)?.isRequestedFrom(block, key))
          picker.release(piece, block * BLOCK_LENGTH, key);
      }
      const idle = picker.abandon(piece);
      if (idle !== undefined) this.#options.free(idle);
    }
    this.#options.freed();
  }

  /** The source of that key is gone; its runs were released. */
  forget(key: PeerKey): void {
    this.#sources.delete(key);
    this.#options.picker.forget(key);
  }

  #start(from: number, to: number, key: PeerKey): Run | undefined {
    const { layout, picker } = this.#options;
    let piece = from;
    while (piece < to && picker.pickWhole(piece, key) !== undefined) piece++;
    if (piece === from) return undefined;
    this.#next = piece;
    const begin = from * layout.pieceLength;
    return { begin, end: (piece - 1) * layout.pieceLength + layout.pieceSize(piece - 1) };
  }

  #finishBlock(active: ActivePiece, block: number, key: PeerKey): void {
    const others = active.receive(block, key);
    this.#options.picker.received(active);
    const begin = block * BLOCK_LENGTH;
    for (const other of others) this.#options.cancel(other, active.piece, begin, active.blockLength(block));
    if (active.complete) this.#options.whole(active);
  }
}
