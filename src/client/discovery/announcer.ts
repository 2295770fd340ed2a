import type { Clock, Millis, Random } from "../../protocol/ambient.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { InfoHash, PeerId } from "../../protocol/ids.ts";
import type { PeerAddress } from "../../protocol/peer-address.ts";
import { type Announce, type AnnounceReply, type TransferStats } from "../core/announce-types.ts";
import { type AskAbout, TrackerTier } from "./tracker-tier.ts";

interface TrackerWarning {
  readonly code: "tracker";
  /** Holds foreign text: escape it before it is shown. */
  readonly message: string;
}

export interface AnnouncerOptions {
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where we accept peers; 0 when nowhere. */
  readonly port: number;
  /** What `started` says is left at least: a download may have begun before there was anybody to tell. */
  readonly leftAtStart?: number;
  /** As they are now. */
  readonly stats: () => TransferStats;
  /** Peers that a tracker told; some are known already, and one may be ourselves. */
  readonly onPeers: (peers: readonly PeerAddress[]) => void;
  /** A tracker fails (told once until it answers again), warns, or there is none that we can ask. */
  readonly onWarning: (warning: TrackerWarning) => void;
  /** Something worth a line in a verbose log. */
  readonly onNotice?: (message: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

/** What we ask for; trackers that have fewer give fewer. */
const WANTED = 50;
/** Milliseconds that `stopped` may take. */
const FAREWELL: Millis = 2_000;

/**
 * Tells the trackers of one torrent about us, and tells the torrent about peers. BEP 12 asks a tier only when those
 * before it are silent; we ask all tiers at once, because on a LAN the second tracker often is the one that others
 * can reach, and each tier still hears us at one tracker only.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #key: string;
  readonly #tiers: readonly TrackerTier[];
  /** What was warned of, so that each is told once. */
  readonly #told = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#key = toHex(options.random.bytes(4));
    const { clock, random } = options;
    this.#tiers = options.trackers
      .map((tier) => shuffled([...new Set(tier)].filter(canAsk), random))
      .filter((trackers) => trackers.length > 0)
      .map(
        (trackers) =>
          new TrackerTier({
            trackers,
            clock,
            random,
            ask: (url, about, signal) => this.#ask(url, about, signal),
            onReply: (url, reply) => this.#onReply(url, reply),
            onSilent: (error) => this.#warn(error instanceof Error ? error.message : String(error)),
          }),
      );
  }

  /** Announces `started` to one tracker of each tier, and goes on until {@link close}. */
  start(): void {
    this.#sayWhatIsLeftOut();
    for (const tier of this.#tiers) tier.start();
  }

  /**
   * The download is complete; not for a torrent that was complete from the start. Does nothing while bytes are left,
   * as when only some files were wanted: such a peer has not completed the torrent (BEP 21).
   */
  completed(): void {
    if (this.#options.stats().left > 0) return;
    for (const tier of this.#tiers) tier.completed();
  }

  /** More peers would be welcome; each tracker is asked as soon as its min interval allows. Cheap to repeat. */
  needPeers(): void {
    for (const tier of this.#tiers) tier.needPeers();
  }

  /**
   * Announces `stopped` to every tracker that knows us, and waits for that `within` milliseconds at most (2 seconds by
   * default). Nothing is called afterwards, and no timer or connection is left.
   */
  close(within: Millis = FAREWELL): Promise<void> {
    this.#closing ??= this.#close(within);
    return this.#closing;
  }

  async #close(within: Millis): Promise<void> {
    const abort = new AbortController();
    const timer = this.#options.clock.after(within, () => abort.abort());
    await Promise.race([
      Promise.all(this.#tiers.map((tier) => tier.close(abort.signal))),
      // An `announce` that does not heed its signal must not hold us up.
      new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve())),
    ]);
    timer.cancel();
  }

  #ask(url: string, about: AskAbout, signal: AbortSignal): Promise<AnnounceReply> {
    const { infoHash, peerId, port, stats, announce } = this.#options;
    const numwant = about.event === "stopped" ? 0 : WANTED;
    const now = stats();
    const left = about.event === "started" ? Math.max(now.left, this.#options.leftAtStart ?? 0) : now.left;
    const params = { infoHash, peerId, port, key: this.#key, numwant, ...now, left, ...about };
    return announce(url, params, signal);
  }

  #onReply(url: string, { warning, peers }: AnnounceReply): void {
    if (warning !== undefined) this.#warnOnce(`Tracker ${url} says: "${warning}".`);
    if (peers.length > 0) this.#options.onPeers(peers);
  }

  #sayWhatIsLeftOut(): void {
    const urls = this.#options.trackers.flat();
    const others = urls.filter((url) => !canAsk(url));
    if (others.length === 0) return;
    const message = `Only trackers over HTTP and UDP can be asked; left out: ${others.join(", ")}.`;
    if (this.#tiers.length > 0) this.#options.onNotice?.(message);
    else this.#warn(`${message} Peers must come from elsewhere: name one with --peer HOST:PORT.`);
  }

  #warnOnce(message: string): void {
    // A tracker that says something new each time is not listened to for ever.
    if (this.#told.has(message) || this.#told.size >= 20) return;
    this.#told.add(message);
    this.#warn(message);
  }

  #warn(message: string): void {
    if (this.#closing === undefined) this.#options.onWarning({ code: "tracker", message });
  }
}

/** WebSocket trackers, which some torrents name, speak to browsers. */
function canAsk(url: string): boolean {
  return /^(https?|udp):\/\//i.test(url);
}

/** BEP 12: the order within a tier is random, so that clients spread over its trackers. */
function shuffled(items: readonly string[], random: Random): string[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const item = order[i] ?? "";
    order[i] = order[j] ?? "";
    order[j] = item;
  }
  return order;
}
