import type { Clock, Random, Timer } from "../../protocol/ambient.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { type InfoHash, infoHash } from "../../protocol/ids.ts";
import { PeerList } from "./peer-list.ts";
import { selectPeers } from "./select.ts";
import { drawSeed } from "./slot-index.ts";
import type {
  AnnounceOutcome,
  AnnounceRequest,
  SavedSwarm,
  ScrapedSwarm,
  TrackerCounters,
  TrackerOptions,
} from "./store-types.ts";
import { type SavedPeer, Swarm, type SwarmLimits } from "./swarm.ts";
import type { ShareEntry, SwarmCounts, SwarmEvents, SwarmPeer } from "./swarm-types.ts";
import { TorrentTable } from "./torrent-table.ts";
import { countsOf, isVisible, snapshot, type Tracked } from "./tracked.ts";

/** What a client gets that does not say how many peers it wants, and the most that any gets. */
export const DEFAULT_WANTED = 50;
const MAX_WANTED = 200;
/** Seconds beyond twice the interval until a silent peer is forgotten: a client may be late by its jitter. */
const GRACE = 60;
const SWEEP_SECONDS = 30;
/** Where our seconds begin: far enough from 0, which means never, that restored peers may be older than we. */
const EPOCH = 1_000_000;
/** The ID of a torrent that nobody registered. */
const STRANGER = "";
const FULL_RETRY_MINUTES = 30;

/**
 * The swarms of registered torrents, and of nothing else: what a stranger announces besides costs no memory. Only an
 * open tracker (`openTo`) takes what comes, and then up to a limit.
 */
export class TrackerStore {
  /** Seconds, for the replies. */
  readonly interval: number;
  readonly minInterval: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: SwarmEvents;
  readonly #limits: SwarmLimits;
  readonly #swarms: TorrentTable<Tracked>;
  readonly #list = new PeerList(MAX_WANTED);
  /** Facts that wait until the change they came from is whole. */
  #facts: (() => void)[] = [];
  #sweep: Timer | undefined;
  readonly #maxTotalPeers: number;
  readonly #openTo: number;
  #totalPeers = 0;
  #tidyAt = 0;
  readonly #counters = { announces: 0, refused: 0, scrapes: 0 };

  constructor(options: TrackerOptions) {
    this.interval = options.interval ?? 300;
    this.minInterval = Math.min(options.minInterval ?? 30, this.interval);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#swarms = new TorrentTable(drawSeed(options.random));
    this.#events = options.events ?? {};
    this.#maxTotalPeers = options.maxTotalPeers ?? 1_000_000;
    this.#openTo = options.openTo ?? 0;
    this.#limits = { maxPeers: options.maxPeers ?? 100_000, maxPerAddress: options.maxPerAddress ?? 256 };
  }

  /** Tracks a share from now on. Two shares of one torrent have one swarm. */
  register(share: ShareEntry): void {
    const known = this.#swarms.get(share.infoHash);
    if (known !== undefined) {
      known.shares.set(share.id, share.listed);
      return;
    }
    this.#track(share);
  }

  #track(share: ShareEntry, seed?: number): Tracked {
    const { infoHash, totalBytes, seeder } = share;
    const swarm = new Swarm(
      this.#limits,
      this.#random,
      (fact, slot, of) => this.#remember(fact, slot, of, infoHash),
      seed,
    );
    const tracked = { infoHash, swarm, totalBytes, seeder, shares: new Map([[share.id, share.listed]]) };
    this.#swarms.set(infoHash, tracked);
    return tracked;
  }

  /** Forgets a share, and its swarm when no other share has the same torrent; peers are not said to have left. */
  unregister(hash: InfoHash, id: string): void {
    const tracked = this.#swarms.get(hash);
    if (tracked?.shares.delete(id) !== true || tracked.shares.size > 0) return;
    this.#swarms.delete(hash);
    this.#totalPeers -= tracked.swarm.size;
  }

  get counters(): TrackerCounters {
    return this.#counters;
  }

  /** How many peers all swarms have, ourselves not among them. */
  get totalPeers(): number {
    return this.#totalPeers;
  }

  /** What {@link restore} takes: every swarm, hidden ones too. The peers can be read until the next change. */
  *saved(): Generator<SavedSwarm> {
    const now = this.#seconds();
    for (const { infoHash, swarm, shares } of this.#swarms.values()) {
      const isStranger = shares.has(STRANGER);
      yield {
        infoHash,
        isStranger,
        seed: swarm.seed,
        downloaded: swarm.downloaded,
        now,
        peers: swarm.saved(),
      };
    }
  }

  /**
   * Puts back a swarm that was saved `elapsed` seconds ago. A torrent that is neither registered now nor was open to
   * all, or for which there is no room, is left out, and so is one that has peers already.
   */
  restore(saved: SavedSwarm, elapsed: number): void {
    const { infoHash, isStranger, seed, downloaded } = saved;
    const known = this.#swarms.get(infoHash);
    if (known === undefined && !(isStranger && this.#swarms.size < this.#openTo)) return;
    if ((known?.swarm.size ?? 0) > 0) return;
    const shift = this.#seconds() - saved.now - elapsed;
    const room = this.#maxTotalPeers - this.#totalPeers;
    const entry = { id: STRANGER, infoHash, listed: true, totalBytes: 0 };
    const fresh = this.#track(known === undefined ? entry : { ...known, ...entry }, seed);
    if (known !== undefined) this.#swarms.set(infoHash, { ...known, swarm: fresh.swarm });
    fresh.swarm.restore(downloaded, atMost(room, saved.peers, shift));
    this.#totalPeers += fresh.swarm.size;
    if (fresh.swarm.size > 0) this.#sweepLater();
  }

  /** Takes note of the sender and chooses peers for it. The outcome is valid until the next announce. */
  announce(request: AnnounceRequest): AnnounceOutcome {
    const { query, address, shareId, reachedAs } = request;
    const tracked = this.#swarms.get(query.infoHash) ?? this.#welcome(request);
    if (tracked === undefined || !isVisible(tracked, shareId)) {
      this.#counters.announces++;
      this.#counters.refused++;
      if (tracked === undefined && this.#openTo > 0)
        return {
          ok: false,
          reason: "this tracker has no room for more torrents",
          retryIn: FULL_RETRY_MINUTES,
        };
      return { ok: false, reason: "unknown torrent: it is not, or no longer, shared here" };
    }
    // What hidden swarms do is told to nobody, not even as a number.
    if (isVisible(tracked, undefined)) this.#counters.announces++;
    const { swarm } = tracked;
    const isOwn = tracked.seeder !== undefined && bytesEqual(tracked.seeder, query.peerId);
    const left = query.left ?? (query.event === "completed" ? 0 : undefined);
    const seeder = left === 0;
    const slot = isOwn ? -1 : this.#update(tracked, request, left);
    const peers = this.#list;
    selectPeers(
      {
        swarm,
        asker: slot,
        address,
        // aria2 says that nothing is left when it has no more than a magnet link, and so far needs seeders most of all.
        seeder: seeder && !(query.event === "started" && isAria2(query.peerId)),
        wanted: query.event === "stopped" ? 0 : Math.min(query.numwant ?? DEFAULT_WANTED, MAX_WANTED),
        withIds: !query.compact && !query.noPeerId,
        reachedAs,
        ownSeeder: isOwn ? undefined : tracked.seeder,
      },
      this.#random,
      peers,
    );
    const counts = countsOf(tracked);
    this.#tell();
    if (slot >= 0 || isOwn || query.event === "stopped") return { ok: true, counts, peers };
    return { ok: true, counts, peers, warning: "the swarm is full: other peers are not told about this one" };
  }

  /** The swarms that were asked for and may be seen; all that may be seen when none is named (BEP 48). */
  scrape(infoHashes: readonly InfoHash[], shareId: string | undefined): ScrapedSwarm[] {
    this.#counters.scrapes++;
    return this.visible(infoHashes, shareId);
  }

  /** As {@link scrape}, but counts as nobody's question. */
  visible(infoHashes: readonly InfoHash[], shareId: string | undefined): ScrapedSwarm[] {
    const asked: (Tracked | undefined)[] =
      infoHashes.length === 0 ? [...this.#swarms.values()] : infoHashes.map((hash) => this.#swarms.get(hash));
    return [...new Set(asked)].flatMap((tracked) =>
      tracked !== undefined && isVisible(tracked, shareId)
        ? [{ infoHash: tracked.infoHash, counts: countsOf(tracked) }]
        : [],
    );
  }

  /** Undefined when the torrent is not tracked. */
  counts(infoHash: InfoHash): SwarmCounts | undefined {
    const tracked = this.#swarms.get(infoHash);
    return tracked && countsOf(tracked);
  }

  /** The peers of a swarm, ourselves not among them; `limit` at most. */
  peers(infoHash: InfoHash, limit: number): SwarmPeer[] {
    const tracked = this.#swarms.get(infoHash);
    const peers: SwarmPeer[] = [];
    for (const slot of tracked?.swarm.slots() ?? []) {
      if (tracked === undefined || peers.length >= limit) break;
      peers.push(snapshot(tracked.infoHash, tracked.swarm, slot));
    }
    return peers;
  }

  /** Forgets everything; no timer is left. */
  close(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.#swarms.clear();
    this.#totalPeers = 0;
  }

  /** A torrent that nobody registered, if we track any and there is room. */
  #welcome({ query, shareId }: AnnounceRequest): Tracked | undefined {
    if (this.#openTo === 0 || shareId !== undefined || query.event === "stopped") return undefined;
    if (this.#swarms.size >= this.#openTo) this.#tidy();
    if (this.#swarms.size >= this.#openTo) return undefined;
    // A copy: what the datagram or request lies in must not be kept for it.
    const hash = infoHash(Uint8Array.from(query.infoHash));
    return this.#track({ id: STRANGER, infoHash: hash, listed: true, totalBytes: 0 });
  }

  /** Forgets the torrents of strangers that nobody has. It looks at all of them, so not for every announce. */
  #tidy(): void {
    if (this.#seconds() < this.#tidyAt) return;
    this.#tidyAt = this.#seconds() + SWEEP_SECONDS;
    for (const { infoHash, swarm, shares } of this.#swarms.values()) {
      if (swarm.size === 0 && shares.has(STRANGER) && shares.size === 1) this.#swarms.delete(infoHash);
    }
  }

  #update(tracked: Tracked, { query, address }: AnnounceRequest, left: number | undefined): number {
    const { swarm } = tracked;
    const report = {
      peerId: query.peerId,
      key: query.key,
      address,
      port: query.port,
      seeder: left === 0,
      progress: progressOf(left, tracked.totalBytes),
      justCompleted: query.event === "completed",
    };
    if (query.event === "stopped") {
      const slot = swarm.find(report);
      if (slot >= 0) swarm.remove(slot);
      return -1;
    }
    if (this.#totalPeers >= this.#maxTotalPeers && swarm.find(report) < 0) return -1;
    const slot = swarm.update(report, this.#seconds());
    this.#sweepLater();
    return slot;
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000) + EPOCH;
  }

  #sweepLater(): void {
    this.#sweep ??= this.#clock.after(SWEEP_SECONDS * 1000, () => {
      this.#sweep = undefined;
      const oldest = this.#seconds() - 2 * this.interval - GRACE;
      let peers = 0;
      for (const { swarm } of this.#swarms.values()) {
        swarm.expire(oldest);
        peers += swarm.size;
      }
      if (peers > 0) this.#sweepLater();
      this.#tell();
    });
  }

  #remember(fact: keyof SwarmEvents, slot: number, swarm: Swarm, infoHash: InfoHash): void {
    if (fact === "joined") this.#totalPeers++;
    else if (fact === "left") this.#totalPeers--;
    const events = this.#events;
    if (events[fact] === undefined) return;
    const peer = snapshot(infoHash, swarm, slot);
    this.#facts.push(() => events[fact]?.(peer));
  }

  #tell(): void {
    if (this.#facts.length === 0) return;
    const facts = this.#facts;
    this.#facts = [];
    for (const fact of facts) fact();
  }
}

/** Peer ids of the form `A2-1-37-0-...`. */
function isAria2(peerId: Uint8Array): boolean {
  return peerId[0] === 0x41 && peerId[1] === 0x32 && peerId[2] === 0x2d;
}

function progressOf(left: number | undefined, total: number): number {
  if (left === 0) return 1;
  return left === undefined || total === 0 ? 0 : Math.max(0, 1 - left / total);
}

/** The first `room` peers, with `shift` added to when they were seen. */
function* atMost(room: number, peers: Iterable<SavedPeer>, shift: number): Generator<SavedPeer> {
  let count = 0;
  for (const peer of peers) {
    if (count++ >= room) return;
    const endpoints = peer.endpoints.map((at) => ({ ...at, seen: Math.max(1, at.seen + shift) }));
    yield { ...peer, endpoints };
  }
}
