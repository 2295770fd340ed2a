import type { Clock, Millis } from "../protocol/ambient.ts";
import { parseIp } from "../protocol/ip-address.ts";
import type { PieceLayout } from "../protocol/layout.ts";
import type { PeerKey } from "./core/active-piece.ts";
import type { SeededTorrent } from "./core/web-seed-url.ts";
import type { FetchRange, WebSeedSource } from "./http/range-types.ts";
import type { Intake } from "./intake.ts";
import type { Limiter } from "./limiter.ts";
import type { Peer } from "./peers/peer.ts";
import { WebSeed } from "./web-seed.ts";

export interface WebSeedsOptions {
  readonly sources: readonly WebSeedSource[];
  /** What they have is told by {@link WebSeeds.learn}. */
  readonly areGrowing?: boolean | undefined;
  readonly torrent: SeededTorrent;
  readonly layout: PieceLayout;
  readonly fetch: FetchRange;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly limiter: Limiter;
  /** Bytes of pieces that may be in memory unfinished or unwritten. */
  readonly bufferBytes: number;
  /** The connected peers: live. */
  readonly peers: ReadonlyMap<PeerKey, Peer>;
  nextKey(): PeerKey;
  /** It's not asked again. */
  dropped(url: string, reason: string): void;
}

/** More are not looked at: a torrent may name hundreds. */
const MAX_SEEDS = 8;
/** Connections to one seed, and to all. */
const LINES = 4;
const MAX_LINES = 8;
const RUN_BYTES = 4 * 1024 * 1024;
/** So long nobody may offer what we need before the machine that is a peer is asked over HTTP. */
const ALONE: Millis = 2_000;
/** ... and so long nothing may come when somebody does. */
const STARVING: Millis = 60_000;

/**
 * Decides when web seeds are asked. Those that are nothing else, always: what they send, no peer has to. A publisher
 * that is a peer too, only when peers don't do: its uplink sends each piece once when receivers exchange them, and as
 * often as there are receivers when each fetches for itself.
 */
export class WebSeeds {
  readonly #options: WebSeedsOptions;
  readonly #seeds: { readonly seed: WebSeed; readonly source: WebSeedSource }[];
  /** Since when nobody has offered anything; when something last came. */
  #aloneSince: Millis;
  #movedAt: Millis;
  #received = 0;
  #isDraining = false;

  constructor(options: WebSeedsOptions) {
    const { sources, clock, intake, bufferBytes, layout } = options;
    this.#options = options;
    this.#aloneSince = clock.now();
    this.#movedAt = clock.now();
    const runBytes = Math.min(RUN_BYTES, bufferBytes / (2 * MAX_LINES));
    this.#seeds = sources.slice(0, MAX_SEEDS).map((source) => ({
      source,
      seed: new WebSeed({
        url: source.url,
        torrent: options.torrent,
        layout,
        runs: intake.runs,
        fetch: options.fetch,
        isGrowing: options.areGrowing ?? false,
        clock,
        limiter: options.limiter,
        keys: Array.from({ length: LINES }, () => options.nextKey()),
        runBytes,
        idle: () => this.wake(),
        dropped: (reason) => options.dropped(source.url, reason),
      }),
    }));
    intake.runs.onWake = () => this.wake();
  }

  /** How many are being asked. */
  get active(): number {
    return this.#seeds.reduce((sum, { seed }) => sum + Number(seed.busy > 0), 0);
  }

  /** These pieces can be had from all of them. */
  learn(pieces: Iterable<number>): void {
    for (const piece of pieces) for (const { seed } of this.#seeds) seed.learn(piece);
    this.wake();
  }

  /** They are worth asking again at once. */
  retry(): void {
    for (const { seed } of this.#seeds) seed.retry();
    this.wake();
  }

  /** Nothing more is asked for; settles when what was asked for is here, or couldn't be had. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    while (this.active > 0) await new Promise<void>((resolve) => this.#options.clock.after(20, resolve));
  }

  /** Whether `key` was one of theirs; the seed is accused then. */
  accuse(key: PeerKey, piece: number): boolean {
    const found = this.#seeds.find(({ seed }) => seed.owns(key));
    found?.seed.accuse(piece);
    return found !== undefined;
  }

  /** Once a second. */
  tick(now: Millis): void {
    const { total } = this.#options.intake.rate;
    if (total > this.#received) this.#movedAt = now;
    this.#received = total;
    if (this.#isOffered()) this.#aloneSince = now;
    const rate = this.#options.intake.rate.rate(now);
    for (const { seed } of this.#seeds) seed.judge(rate);
    this.wake();
  }

  /** Asks for more, where there is more to be asked for. */
  wake(): void {
    if (this.#isDraining) return;
    let free = MAX_LINES;
    for (const { seed } of this.#seeds) free -= seed.busy;
    for (const { seed, source } of this.#seeds) {
      const only = this.#mayAsk(source) ? undefined : this.#onlyAwaited();
      if (seed.isDropped || only === "nothing") continue;
      const before = seed.busy;
      seed.work(Math.min(LINES, before + Math.max(0, free)), only);
      free -= seed.busy - before;
    }
  }

  /** Somebody reads elsewhere now: what isn't `urgent` can wait. */
  yieldTo(isUrgent: (piece: number) => boolean): void {
    for (const { seed } of this.#seeds) seed.yieldTo(isUrgent);
    this.wake();
  }

  close(): void {
    for (const { seed } of this.#seeds) seed.close();
  }

  #mayAsk(source: WebSeedSource): boolean {
    if (source.peer === undefined) return true;
    const now = this.#options.clock.now();
    if (now - this.#movedAt >= STARVING) return true;
    return now - this.#aloneSince >= ALONE;
  }

  /** Whoever reads and waits is worth the publisher's uplink, where no peer gives what he waits for. */
  #onlyAwaited(): ((piece: number) => boolean) | "nothing" {
    const { readings } = this.#options.intake.picker;
    if (readings === undefined) return "nothing";
    return (piece) => readings.isNear(piece) && !this.#isGiven(piece);
  }

  #isGiven(piece: number): boolean {
    for (const peer of this.#options.peers.values()) {
      if (peer.joined && !peer.stalled && peer.only === undefined && peer.have.has(piece)) return true;
    }
    return false;
  }

  /**
   * Some peer has what we need, and gives it or may. So does a publisher that is connected: it may show what it has
   * piece by piece (BEP 16).
   */
  #isOffered(): boolean {
    for (const peer of this.#options.peers.values()) {
      if (peer.joined && !peer.stalled && (peer.useful > 0 || this.#isPublisher(peer))) return true;
    }
    return false;
  }

  #isPublisher({ listenAddress }: Peer): boolean {
    if (listenAddress === undefined) return false;
    return this.#options.sources.some(
      ({ peer }) =>
        peer?.port === listenAddress.port &&
        (parseIp(peer.host) === undefined || peer.host === listenAddress.host),
    );
  }
}
