/** One port that is web server, tracker and seeder: where the rooms meet for publishing. */
import type { Session } from "../client/session.ts";
import type { Torrent } from "../client/torrent.ts";
import { localHosts } from "../platform/addresses.ts";
import { systemClock } from "../platform/clock.ts";
import type { DatagramPort } from "../platform/datagrams.ts";
import type { Listener } from "../platform/listener.ts";
import { ListenError } from "../platform/ports.ts";
import { systemRandom } from "../platform/random.ts";
import type { SourceFor } from "../platform/source-address.ts";
import { Bitfield } from "../protocol/bitfield.ts";
import { BoojumError } from "../protocol/errors.ts";
import { TrackerStore } from "../tracker/core/store.ts";
import { AnnouncedShares } from "./announced-shares.ts";
import { announceTorrent } from "./announcing.ts";
import type { EndedEvent, ReadyEvent } from "./events.ts";
import { frontDoor } from "./front-door.ts";
import { lanIsForbidden } from "./lan-choice.ts";
import type { ShareMemory } from "./memory.ts";
import { OpenAnswers } from "./open-answers.ts";
import { openPeerPort, type PeerPort } from "./peer-port.ts";
import type { Publication, PublishEvents, PublishOptions } from "./publish-types.ts";
import { isPrivate, type PublishedShare } from "./published-share.ts";
import { trackerEvents, watchPeers } from "./sightings.ts";
import { proverOf } from "./token.ts";
import { statsOf } from "./totals.ts";
import { trafficOf } from "./traffic.ts";
import { limitsOf, setLimitsOf } from "./transfer.ts";
import type { Limits, Transfer } from "./transfer-types.ts";
import { openUdpTracker } from "./udp-tracker.ts";

/** Milliseconds that trackers elsewhere get to hear that we stop. */
const STOPPED_PATIENCE = 2_000;
/** Milliseconds that what is being sent gets to arrive when a share ends by itself. */
const LAST_BYTES_PATIENCE = 3_000;
/** Different warnings about unreadable data; more would tell nobody anything new. */
const MAX_WARNINGS = 100;

export interface ApplianceOptions extends PublishOptions {
  /** Go on when no share is left: others may be added. Not by default. */
  readonly persistent?: boolean | undefined;
}

export class Appliance implements Publication {
  readonly port: number;
  readonly urls: readonly string[];
  readonly ready: Promise<readonly ReadyEvent[]>;
  readonly closed: Promise<void>;
  readonly #shares: Map<string, PublishedShare>;
  /** Made when they are first asked for. */
  readonly #transfers = new Map<PublishedShare, Transfer>();
  readonly #options: ApplianceOptions;
  readonly #tell: PublishEvents;
  readonly #listener: Listener;
  #datagrams: DatagramPort | undefined;
  readonly #tracker: TrackerStore;
  readonly #session: Session;
  readonly #finders: PeerPort["finders"];
  readonly #sourceFor: SourceFor;
  readonly #announced: AnnouncedShares;
  readonly #answers: OpenAnswers;
  readonly #startedAt = systemClock.now();
  readonly #stopping = new AbortController();
  readonly #stats: NodeJS.Timeout;
  readonly #warned = new Set<string>();
  /** Those that ended by themselves, and those that can't be published. */
  readonly #done = new Set<PublishedShare>();
  readonly #adding = new Set<Promise<void>>();
  #settleClosed: () => void = () => {};
  #closing: Promise<void> | undefined;

  /** Opens the port, tells `listening`, and begins to hash. @throws {ListenError} */
  static async open(
    shares: Map<string, PublishedShare>,
    options: ApplianceOptions,
    tell: PublishEvents,
    lastPort: number | undefined,
  ): Promise<Appliance> {
    const tracker = new TrackerStore({
      clock: systemClock,
      random: systemRandom,
      events: trackerEvents(shares, systemClock),
    });
    const { port, bind = [] } = options;
    const answers = new OpenAnswers();
    const isOpen = !isPrivate(options) && options.unlisted !== true;
    const isListed = [...shares.values()].every(({ listed }) => listed);
    const enabled = isListed && (options.lan ?? true) && !lanIsForbidden();
    const announced = new AnnouncedShares({ enabled, bind });
    const { listener, session, finders, sourceFor } = await openPeerPort({
      port,
      preferredPort: lastPort,
      bind,
      ...trafficOf(options),
      lan: isOpen && (options.lan ?? true),
      dht: isOpen && options.dht,
      sharesDatagrams: true,
      http: (current) => {
        const limit = () => current()?.uploadLimiter;
        const localNames = () => announced.hostNames;
        const door = frontDoor({ ...options, shares, store: tracker, limit, localNames });
        const { request, plainGets } = door;
        const noted: typeof request = (incoming, outgoing) => {
          answers.add(outgoing);
          request(incoming, outgoing);
        };
        return { request: noted, plainGets };
      },
    });
    const { hosts, reach } = await localHosts(bind).catch(async (error: unknown) => {
      await Promise.all([listener.close(), finders.close()]);
      throw error;
    });
    const urls = hosts.map((host) => `http://${host}:${listener.port}`);
    if (options.publicUrl !== undefined) urls.unshift(options.publicUrl.replace(/\/+$/, ""));
    const appliance = new Appliance({
      shares,
      options,
      tell,
      listener,
      tracker,
      session,
      finders,
      sourceFor,
      announced,
      answers,
      urls,
    });
    if (reach === "loopback" && options.publicUrl === undefined) {
      const message =
        "This machine has no network address that others could use: only programs on it can get this.";
      tell({ event: "warning", code: "loopback", message });
    }
    await appliance.#openUdp(hosts);
    // Whoever comes first shouldn't have to wait for it; see front-door.ts.
    void import("./pages.ts").catch(() => {});
    return appliance;
  }

  private constructor(parts: {
    readonly shares: Map<string, PublishedShare>;
    readonly options: ApplianceOptions;
    readonly tell: PublishEvents;
    readonly listener: Listener;
    readonly tracker: TrackerStore;
    readonly session: Session;
    readonly finders: PeerPort["finders"];
    readonly sourceFor: SourceFor;
    readonly announced: AnnouncedShares;
    readonly answers: OpenAnswers;
    readonly urls: readonly string[];
  }) {
    this.#shares = parts.shares;
    this.#options = parts.options;
    this.#tell = parts.tell;
    this.#listener = parts.listener;
    this.#tracker = parts.tracker;
    this.#session = parts.session;
    this.#finders = parts.finders;
    this.#sourceFor = parts.sourceFor;
    this.#announced = parts.announced;
    this.#answers = parts.answers;
    this.port = parts.listener.port;
    this.urls = parts.urls;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#tell({
      event: "listening",
      port: this.port,
      urls: this.urls,
      shares: [...this.#shares.values()].map((share) => ({
        share: share.id,
        name: share.name,
        url: share.urlAt(this.#base),
      })),
    });
    this.#stats = setInterval(() => {
      const now = systemClock.now();
      for (const share of this.#shares.values()) share.tick(now);
      this.#tell(statsOf(this.#shares.values()));
      this.#endWhatIsDue();
    }, 1_000);
    this.ready = this.#prepareAll();
    // Whoever doesn't wait for it learns from the pages; without this the process would end.
    this.ready.catch(() => {});
    const { signal } = this.#options;
    const stop = () => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    void this.closed.then(() => signal?.removeEventListener("abort", stop));
    if (signal?.aborted) stop();
  }

  /** A convenience beside HTTP: without it everything still works. */
  async #openUdp(hosts: readonly string[]): Promise<void> {
    try {
      const bind = this.#options.bind ?? [];
      const opened = await openUdpTracker({
        store: this.#tracker,
        port: this.port,
        bind,
        hosts,
        dht: this.#finders.dht,
      });
      if (this.#closing === undefined) this.#datagrams = opened;
      else await opened.close();
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const message = `${error.message} Trackers over UDP can't be offered; HTTP can.`;
      this.#tell({ event: "warning", code: "udp", message });
    }
  }

  /** So that the next publication of these paths has the same URLs. */
  async remember(memory: ShareMemory): Promise<void> {
    try {
      for (const share of this.#shares.values()) {
        await memory.remember(share.realPath, { id: share.id, port: this.port }, this.#options.unlisted);
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const message = `The URL can't be remembered for the next time: ${said}. Choose another folder with --cache-dir.`;
      this.#tell({ event: "warning", code: "cache", message });
    }
  }

  transfers(): readonly Transfer[] {
    return [...this.#shares.values()].map((share) => {
      const transfer = this.#transfers.get(share) ?? share.transfer(this.#base);
      this.#transfers.set(share, transfer);
      return transfer;
    });
  }

  get limits(): Limits {
    return limitsOf(this.#session);
  }

  setLimits(limits: Limits): void {
    setLimitsOf(this.#session, limits);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Takes in one more share, and settles when it is ready. @throws what preparing it does; then it is out again. */
  async add(share: PublishedShare): Promise<void> {
    const adding = this.#add(share);
    // Closing waits for it, however it ends.
    this.#adding.add(adding);
    try {
      await adding;
    } finally {
      this.#adding.delete(adding);
    }
  }

  async #add(share: PublishedShare): Promise<void> {
    this.#shares.set(share.id, share);
    try {
      await this.#prepare(share);
    } catch (error) {
      this.#shares.delete(share.id);
      await share.closeStorage();
      throw error;
    }
  }

  /** Takes a share out of service and forgets it. */
  async remove(share: PublishedShare): Promise<void> {
    await this.#end(share, "removed");
    this.#shares.delete(share.id);
    this.#done.delete(share);
    this.#transfers.delete(share);
  }

  get #base(): string {
    return this.urls[0] ?? `http://127.0.0.1:${this.port}`;
  }

  /** One share after another: each uses all cores, and the first is of use soonest. */
  async #prepareAll(): Promise<readonly ReadyEvent[]> {
    const ready: ReadyEvent[] = [];
    const failures: { readonly error: unknown }[] = [];
    for (const share of this.#shares.values()) {
      try {
        ready.push(await this.#prepare(share));
      } catch (error) {
        // Also when the last one's end is the end of all.
        if (share.ending.signal.aborted) continue;
        this.#stopping.signal.throwIfAborted();
        this.#fail(share, error);
        failures.push({ error });
      }
    }
    const [first] = failures;
    if (first !== undefined && failures.length === this.#shares.size) throw first.error;
    return ready;
  }

  /** The others go on: they have their URLs, and somebody may be downloading. */
  #fail(share: PublishedShare, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    share.state = { name: "failed", message };
    share.front?.settle({ error: message });
    if (this.#shares.size === 1) return;
    const code = error instanceof BoojumError ? error.code : "internal";
    this.#tell({ event: "failed", share: share.id, name: share.name, code, message });
    this.#over(share);
  }

  async #prepare(share: PublishedShare): Promise<ReadyEvent> {
    const signal = AbortSignal.any([this.#stopping.signal, share.ending.signal]);
    const created = await share.hash(this.#options, this.#tell, signal);
    signal.throwIfAborted();
    const { storage, layout } = share.openStorage(created);
    const { slots } = this.#options;
    const torrent = this.#session.add({
      infoHash: created.infoHash,
      layout,
      pieceHashes: created.pieceHashes,
      private: share.isPrivate(this.#options),
      unlisted: !share.listed,
      metadata: created.info,
      ...(share.token !== undefined && { prove: proverOf(share.token, created.infoHash) }),
      storage,
      have: Bitfield.full(layout.pieceCount),
      ...(slots !== undefined && { slots }),
    });
    share.torrent = torrent;
    watchPeers(torrent, share, systemClock);
    torrent.on("unreadable", (_piece, error) => this.#warnOnce("unreadable", error.message));
    torrent.on("failed", (error) => this.#warnOnce("failed", error.message));
    this.#tracker.register({
      id: share.trackerId,
      infoHash: created.infoHash,
      listed: share.listed,
      totalBytes: created.totalBytes,
      seeder: this.#session.peerId,
    });
    share.announcer = announceTorrent({
      torrent,
      session: this.#session,
      port: this.port,
      sourceFor: this.#sourceFor,
      trackers: share.otherTrackers(this.#options),
      onWarning: (message) => this.#tell({ event: "warning", code: "tracker", message }),
    });
    const ready = share.readyEvent(this.#base, this.#options);
    if (torrent.isOpen) this.#tellLan(share, torrent, ready);
    share.state = {
      name: "ready",
      infoHash: ready.infoHash,
      pieceLength: ready.pieceLength,
      torrent: (base) => share.torrentFor(base, this.#options),
      magnet: (base) => share.magnetFor(base, this.#options),
      swarm: () => {
        const counts = this.#tracker.counts(created.infoHash);
        // Ourselves not counted.
        const seeders = Math.max(0, (counts?.complete ?? 1) - 1);
        return { seeders, leechers: counts?.incomplete ?? 0, completed: share.roster.completed };
      },
    };
    share.front?.settle({ infoHash: ready.infoHash });
    this.#tell(ready);
    return ready;
  }

  #tellLan(share: PublishedShare, torrent: Torrent, ready: ReadyEvent): void {
    const endSearch = this.#finders.seek(torrent);
    const takeBack = this.#announced.announce(share.announcement(ready, this.port));
    let hasLeft = false;
    this.#announced.findCode(torrent.infoHash, (code) => {
      if (hasLeft) return;
      share.code = code;
      this.#tell({ event: "code", share: share.id, code });
    });
    share.leaveLan = () => {
      hasLeft = true;
      endSearch();
      takeBack();
    };
  }

  #endWhatIsDue(): void {
    const { expireSeconds = Number.POSITIVE_INFINITY, untilCopies = Number.POSITIVE_INFINITY } =
      this.#options;
    const expired = systemClock.now() - this.#startedAt >= expireSeconds * 1_000;
    for (const share of this.#shares.values()) {
      if (share.ending.signal.aborted || this.#done.has(share)) continue;
      if (expired) void this.#end(share, "expired");
      else if (share.roster.completed >= untilCopies) void this.#end(share, "copies");
    }
  }

  /** Takes one share out of service; what is on its way may arrive. */
  async #end(share: PublishedShare, reason: EndedEvent["reason"]): Promise<void> {
    share.state = { name: "ended", message: ENDED[reason] };
    share.ending.abort();
    share.leaveLan?.();
    this.#tell({ event: "ended", share: share.id, reason });
    await Promise.all([
      share.announcer?.close(STOPPED_PATIENCE),
      share.torrent?.finish(LAST_BYTES_PATIENCE),
      this.#answers.settled(LAST_BYTES_PATIENCE),
    ]);
    if (share.created !== undefined) this.#tracker.unregister(share.created.infoHash, share.trackerId);
    if (share.torrent !== undefined) await this.#session.remove(share.torrent);
    await share.closeStorage();
    this.#over(share);
  }

  /** When no share is left, there is nothing to run for. */
  #over(share: PublishedShare): void {
    this.#done.add(share);
    if (this.#done.size === this.#shares.size && this.#options.persistent !== true) void this.close();
  }

  /** A file that is gone has many pieces, and a share may have many files. */
  #warnOnce(code: string, message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(message);
    this.#tell({ event: "warning", code, message });
  }

  async #close(): Promise<void> {
    clearInterval(this.#stats);
    this.#stopping.abort();
    await this.ready.catch(() => {});
    await Promise.allSettled(this.#adding);
    const shares = [...this.#shares.values()];
    await Promise.all(shares.map((share) => share.announcer?.close(STOPPED_PATIENCE)));
    await this.#session.close();
    await this.#datagrams?.close();
    await Promise.all([this.#listener.close(), this.#finders.close(), this.#announced.close()]);
    this.#tracker.close();
    await Promise.all(shares.map((share) => share.closeStorage()));
    this.#tell({ event: "stopped" });
    this.#settleClosed();
  }
}

/** For people who come too late. */
const ENDED = {
  expired: "This was shared for a limited time, and that is over. Ask whoever gave you the link.",
  removed: "This is no longer shared here. Ask whoever gave you the link.",
  copies: "This was shared until enough people had it, and now they have. Ask whoever gave you the link.",
} as const;
