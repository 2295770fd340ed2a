import type { Clock, Millis } from "../protocol/ambient.ts";
import { Bitfield } from "../protocol/bitfield.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { PeerKey } from "./core/active-piece.ts";
import { RateMeter } from "./core/rate.ts";
import { type SeededTorrent, webSeedUrl } from "./core/web-seed-url.ts";
import { type FetchRange, RangeFailure } from "./http/range-types.ts";
import type { Limiter } from "./limiter.ts";
import type { Run, RunIntake, RunSource } from "./run-intake.ts";

export interface WebSeedOptions {
  readonly url: string;
  readonly torrent: SeededTorrent;
  readonly layout: PieceLayout;
  /** What it has becomes known by {@link WebSeed.learn} only; else it has everything. */
  readonly isGrowing: boolean;
  readonly runs: RunIntake;
  readonly fetch: FetchRange;
  readonly clock: Clock;
  readonly limiter: Limiter;
  /** A key for each connection, never used before. */
  readonly keys: readonly PeerKey[];
  /** Bytes that are asked for at once, unless a piece is larger. */
  readonly runBytes: number;
  /** A connection has nothing to do. */
  idle(): void;
  /** It's not asked again, in this process. */
  dropped(reason: string): void;
}

/** The first rest after a failure; doubled each time. */
const FIRST_REST: Millis = 5_000;
const LONGEST_REST: Millis = 600_000;
/** Pieces with bad data after which it is a liar, whatever file they were in. */
const STRIKES = 3;
const RATE_SPAN: Millis = 10_000;
/** Too little time says nothing about a rate. */
const LEAST_JUDGED: Millis = 10_000;
/** Others must be so many times as fast before a seed only holds up what it was asked for. */
const TOO_SLOW = 50;
const ZEROS = new Uint8Array(65_536);

/** One connection of a seed, and what it was asked for. */
class Line implements RunSource {
  readonly key: PeerKey;
  readonly have: Bitfield;
  readonly #rate: () => number;
  run: Run | undefined;
  /** Where in the stream the next byte goes. */
  at = 0;
  startedAt: Millis = 0;
  /** Called when the download limit lets more come. */
  grant: () => void = () => {};
  abort = new AbortController();

  constructor(key: PeerKey, have: Bitfield, rate: () => number) {
    this.key = key;
    this.have = have;
    this.#rate = rate;
  }

  expected(): Millis {
    const rate = this.#rate();
    return this.run === undefined || rate === 0
      ? Number.POSITIVE_INFINITY
      : ((this.run.end - this.at) / rate) * 1000;
  }
}

/** A web server that has the files of a torrent (BEP 19): asked for runs of whole pieces, on a few connections. */
export class WebSeed {
  readonly url: string;
  readonly #options: WebSeedOptions;
  readonly #have: Bitfield;
  readonly #lines: readonly Line[];
  readonly #down: RateMeter;
  #strikes = 0;
  #failures = 0;
  #restUntil: Millis = Number.NEGATIVE_INFINITY;
  #isDropped = false;
  #isClosed = false;

  constructor(options: WebSeedOptions) {
    this.url = options.url;
    this.#options = options;
    const { layout, clock, keys } = options;
    this.#have = options.isGrowing ? new Bitfield(layout.pieceCount) : Bitfield.full(layout.pieceCount);
    this.#down = new RateMeter(RATE_SPAN, clock.now());
    const rate = () => this.#down.rate(clock.now()) / Math.max(1, this.busy);
    this.#lines = keys.map((key) => new Line(key, this.#have, rate));
  }

  /** Connections that are being used. */
  get busy(): number {
    return this.#lines.reduce((sum, line) => sum + Number(line.run !== undefined), 0);
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Bytes that came from it. */
  get downloaded(): number {
    return this.#down.total;
  }

  /** One more piece can be had from it. */
  learn(piece: number): void {
    this.#have.add(piece);
  }

  /** It is worth asking again at once, whatever it did. */
  retry(): void {
    this.#failures = 0;
    this.#restUntil = Number.NEGATIVE_INFINITY;
  }

  owns(key: PeerKey): boolean {
    return this.#lines.some((line) => line.key === key);
  }

  /**
   * Uses `most` connections at the most, until there is nothing more.
   * @param only limits the choice, to what is needed by those who read
   */
  work(most: number, only?: (piece: number) => boolean): void {
    if (this.#isDropped || this.#isClosed || this.#options.clock.now() < this.#restUntil) return;
    for (const line of this.#lines.slice(0, most)) if (line.run === undefined) this.#next(line, only);
  }

  /** Cuts connections that bring nothing `urgent`, so that they can. */
  yieldTo(isUrgent: (piece: number) => boolean): void {
    const { pieceLength } = this.#options.layout;
    for (const line of this.#lines) {
      if (line.run === undefined) continue;
      const last = Math.floor((line.run.end - 1) / pieceLength);
      let piece = Math.floor(line.at / pieceLength);
      while (piece <= last && !isUrgent(piece)) piece++;
      if (piece <= last) continue;
      line.abort.abort();
      this.#release(line);
    }
  }

  /** Rests when it holds up pieces that others would have long sent, at `otherRate` bytes a second. */
  judge(otherRate: number): void {
    const now = this.#options.clock.now();
    const isOld = this.#lines.some((line) => line.run !== undefined && now - line.startedAt > LEAST_JUDGED);
    if (isOld && this.#down.rate(now) * TOO_SLOW < otherRate) this.#rest(undefined);
  }

  /** It gave bad data in `piece`: the files of that piece aren't asked of it again; after a few such pieces, nothing. */
  accuse(piece: number): void {
    // What was on its way when its file was found to be bad says nothing new.
    if (!this.#have.has(piece)) return;
    this.#strikes++;
    const { layout } = this.#options;
    for (const { file } of layout.spans(piece, 0, layout.pieceSize(piece))) this.#forgetFile(file);
    if (this.#strikes >= STRIKES || this.#have.count === 0) {
      this.#drop("sent bad data");
      return;
    }
    this.#cutAll();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cutAll();
  }

  #next(line: Line, only: ((piece: number) => boolean) | undefined): void {
    const { runs, runBytes, clock } = this.#options;
    const run = runs.claim(line, runBytes, only);
    if (run === undefined) return;
    line.run = run;
    line.at = run.begin;
    line.startedAt = clock.now();
    line.abort = new AbortController();
    void this.#fetch(line, run, line.abort.signal);
  }

  async #fetch(line: Line, run: Run, signal: AbortSignal): Promise<void> {
    try {
      await this.#fetchAll(line, run, signal);
      this.#failures = 0;
      line.run = undefined;
    } catch (error) {
      // Whoever cut it has released what was left, and the line may have another run by now.
      if (signal.aborted) return;
      this.#failed(line, error);
    }
    this.#options.idle();
  }

  async #fetchAll(line: Line, run: Run, signal: AbortSignal): Promise<void> {
    const { layout, torrent, fetch, url } = this.#options;
    for (const { file, offset, length } of layout.spans(0, run.begin, run.end - run.begin)) {
      const { pad, length: fileLength } = torrent.files[file] ?? { pad: true, length: 0 };
      if (pad) {
        for (let left = length; left > 0; left -= ZEROS.length) this.#put(line, ZEROS.subarray(0, left));
        continue;
      }
      const range = { url: webSeedUrl(url, torrent, file), offset, length, fileLength };
      try {
        await fetch(range, (bytes) => this.#take(line, bytes, signal), signal);
      } catch (error) {
        if (error instanceof RangeFailure && error.verdict === "absent") this.#forgetFile(file);
        throw error;
      }
      signal.throwIfAborted();
    }
  }

  /** Pays for what came, and lets more come when that is granted. */
  #take(line: Line, bytes: Uint8Array, signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) return undefined;
    this.#down.add(bytes.length, this.#options.clock.now());
    this.#put(line, bytes);
    const { limiter } = this.#options;
    if (limiter.unlimited) return undefined;
    let grant: () => void = () => {};
    const granted = new Promise<void>((resolve) => {
      grant = resolve;
    });
    line.grant = grant;
    return limiter.take(bytes.length, grant) ? undefined : granted;
  }

  #put(line: Line, bytes: Uint8Array): void {
    const at = line.at;
    line.at += bytes.length;
    this.#options.runs.put(line.key, at, bytes);
  }

  #failed(line: Line, error: unknown): void {
    this.#release(line);
    if (!(error instanceof RangeFailure)) throw error;
    const { verdict, retryAfter } = error;
    if (verdict === "useless") this.#drop(error.message);
    else if (verdict !== "absent" || this.#options.isGrowing) this.#rest(retryAfter);
    else if (this.#have.count === 0) this.#drop("has none of the files");
  }

  #release(line: Line): void {
    const { run } = line;
    line.run = undefined;
    this.#options.limiter.forget(line.grant);
    if (run !== undefined) this.#options.runs.release(line.key, { begin: line.at, end: run.end });
  }

  #forgetFile(file: number): void {
    const pieces = this.#options.layout.piecesOf(file);
    if (pieces === undefined) return;
    for (let piece = pieces.first; piece <= pieces.last; piece++) this.#have.delete(piece);
  }

  /** @param seconds as the server wishes */
  #rest(seconds: number | undefined): void {
    const { clock } = this.#options;
    const rest = Math.min(LONGEST_REST, FIRST_REST * 2 ** Math.min(this.#failures, 10));
    // Several connections may fail for one reason.
    if (clock.now() >= this.#restUntil) this.#failures++;
    const asked = seconds === undefined ? 0 : Math.min(LONGEST_REST, seconds * 1000);
    this.#restUntil = Math.max(this.#restUntil, clock.now() + (seconds === undefined ? rest : asked));
    this.#cutAll();
  }

  #drop(reason: string): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#cutAll();
    this.#options.dropped(reason);
  }

  #cutAll(): void {
    for (const line of this.#lines) {
      line.abort.abort();
      this.#release(line);
      if (this.#isDropped || this.#isClosed) this.#options.runs.forget(line.key);
    }
  }
}
