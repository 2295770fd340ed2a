/** A download that runs: owns its port, session, torrent and place, and takes them down in order. */
import type { Announcer } from "../../client/discovery/announcer.ts";
import type { Download as Place } from "../../client/download.ts";
import type { Ranges } from "../../client/http/http-ranges.ts";
import type { Session } from "../../client/session.ts";
import type { SourceWatcher } from "../../client/storage/source-checks.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { TorrentOptions } from "../../client/torrent-types.ts";
import { systemClock } from "../../platform/clock.ts";
import type { Listener } from "../../platform/listener.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { announceTorrent } from "../announcing.ts";
import type { DoneEvent, GetEvent } from "../events.ts";
import { FileNews } from "../file-news.ts";
import type { Outside } from "../outside-port.ts";
import { InterruptedError, NobodyHasItError } from "../peer-errors.ts";
import { openPeerPort, type PeerPort, trafficFor } from "../peer-port.ts";
import { proverOf } from "../token.ts";
import { limitsOf, setLimitsOf, TorrentTransfer } from "../transfer.ts";
import type { Limits, Transfer } from "../transfer-types.ts";
import { openWebRanges } from "../web-ranges.ts";
import type { Foothold } from "./foothold.ts";
import type { Download, DownloadFile, FilePart, GetOptions, SeedGoal } from "./get-types.ts";
import { lastLookAt } from "./last-look.ts";
import { trackersToTell } from "./own-trackers.ts";
import { resolvePeer } from "./peer-names.ts";
import { DownloadReaders, filesOf, readComplete } from "./reading.ts";
import { webSeedSources } from "./web-seed-sources.ts";

/** Uploads that others asked for may take so long at the end; also how long trackers get to hear that we stop. */
const GRACE_MS = 2_000;
/** With fewer the trackers are asked again as soon as they allow. */
const FEW_PEERS = 3;
/** Without `--timeout`. */
export const DEFAULT_TIMEOUT_SECONDS = 600;

export interface ReceiverParts {
  readonly metainfo: Metainfo;
  readonly infoHash: InfoHash;
  /** The torrent came from a public server. */
  readonly fromPublic: boolean;
  readonly place: Place;
  /** Pieces that were here before anything was fetched. */
  readonly resumedPieces: number;
  /** Bytes that were missing when the download began, should that be before the tracker could be told; else 0. */
  readonly leftAtStart: number;
  /** Open already, and ours from now on. */
  readonly port?: PeerPort | undefined;
  readonly options: GetOptions;
  readonly tell: (event: GetEvent) => void;
  readonly stopping: AbortController;
  readonly startedAt: number;
  /** Where the metadata came from: its port, announcer and peers are used, and closed. */
  readonly foothold?: Foothold | undefined;
  /** Everything that was asked for is there. */
  readonly onComplete?: () => Promise<void>;
}

export function isComplete(place: Place): boolean {
  for (const piece of place.wanted) if (!place.have.has(piece)) return false;
  return true;
}

export function wantsToSeed(goal: SeedGoal | undefined): boolean {
  return (
    goal !== undefined && (goal.forever === true || goal.seconds !== undefined || goal.ratio !== undefined)
  );
}

/** Everything is here and verified: nobody needs to be told or asked. */
export async function finishAtOnce(parts: ReceiverParts): Promise<Download> {
  await parts.place.finish();
  await parts.onComplete?.();
  await parts.foothold?.close();
  await parts.place.close();
  const event = doneEvent(parts);
  parts.tell(event);
  return {
    infoHash: event.infoHash,
    files: filesOf(parts),
    done: Promise.resolve(event),
    closed: Promise.resolve(),
    close: () => Promise.resolve(),
    read: (path, part = {}) => readComplete(parts, path, part),
    // Nothing moves, so there is nothing to show and nothing to limit.
    transfers: () => [],
    limits: {},
    setLimits: () => {},
  };
}

function doneEvent({ place, infoHash, startedAt }: ReceiverParts): DoneEvent {
  return {
    event: "done",
    path: place.path,
    bytes: place.selectedBytes,
    seconds: Math.round(systemClock.now() - startedAt) / 1000,
    infoHash: toHex(infoHash),
  };
}

function torrentOf(
  { metainfo, infoHash, place }: ReceiverParts,
  ranges: Ranges,
  lastLook: () => Promise<void>,
): TorrentOptions {
  return {
    infoHash,
    layout: new PieceLayout(
      metainfo.files.map((file) => file.length),
      metainfo.pieceLength,
    ),
    pieceHashes: metainfo.pieceHashes,
    private: metainfo.private,
    unlisted: metainfo.unlisted,
    metadata: metainfo.info,
    ...(metainfo.token !== undefined && { prove: proverOf(metainfo.token, infoHash) }),
    storage: place.storage,
    have: place.have,
    wanted: place.wanted,
    webSeeds: { sources: webSeedSources(metainfo), torrent: metainfo, fetch: ranges.fetch },
    lastLook,
  };
}

export class Receiver implements Download {
  readonly infoHash: string;
  readonly files: readonly DownloadFile[];
  readonly done: Promise<DoneEvent>;
  readonly closed: Promise<void>;
  readonly #parts: ReceiverParts;
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #transfer: Transfer;
  readonly #readers: DownloadReaders;
  readonly #listener: Listener;
  readonly #finders: PeerPort["finders"];
  readonly #announceTo: PeerPort["announce"];
  readonly #ranges: Ranges;
  #announcer: Announcer | undefined;
  #outside: Outside | undefined;
  #bytesDone: number;
  #lastPieceAt = systemClock.now();
  #completedAt: number | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #fail: (error: unknown) => void = () => {};
  #seeded: () => void = () => {};

  static async open(parts: ReceiverParts): Promise<Receiver> {
    const opened = parts.port ?? parts.foothold?.port;
    if (opened !== undefined) return new Receiver(parts, opened);
    const { port } = parts.options;
    const traffic = trafficFor(parts.metainfo, parts.options);
    return new Receiver(parts, await openPeerPort({ port, bind: [], ...traffic }));
  }

  private constructor(parts: ReceiverParts, { listener, session, finders, announce }: PeerPort) {
    const { metainfo, place } = parts;
    this.#parts = parts;
    this.infoHash = toHex(parts.infoHash);
    this.files = filesOf(parts);
    this.#listener = listener;
    this.#session = session;
    this.#finders = finders;
    this.#announceTo = announce;
    this.#bytesDone = 0;
    for (const piece of place.have) this.#bytesDone += place.bytesIn(piece);
    this.#ranges = openWebRanges(parts.options, parts.fromPublic);
    const lastLook = lastLookAt(parts, (pieces) => this.lose(pieces));
    this.#torrent = session.add(torrentOf(parts, this.#ranges, lastLook));
    this.#transfer = new TorrentTransfer({
      id: this.infoHash,
      name: metainfo.name,
      infoHash: () => this.infoHash,
      torrent: () => this.#torrent,
      files: () => metainfo.files,
      phase: () => (this.#completedAt === undefined ? "getting" : "seeding"),
      wanted: () => ({ done: this.#bytesDone, total: place.selectedBytes, pieces: place.wanted }),
    });
    this.#readers = new DownloadReaders(parts, this.#torrent);
    let isDone: (event: DoneEvent) => void = () => {};
    let isNotDone: (error: unknown) => void = () => {};
    this.done = new Promise((resolve, reject) => {
      isDone = resolve;
      isNotDone = reject;
    });
    // Whoever waits only for `closed` must not be killed by this.
    this.done.catch(() => {});
    this.closed = this.#live(isDone).catch(isNotDone);
  }

  /** The files don't hold these pieces any more. */
  lose(pieces: readonly number[]): void {
    for (const piece of pieces)
      if (this.#torrent.have.has(piece)) this.#bytesDone -= this.#parts.place.bytesIn(piece);
    this.#torrent.lose(pieces);
  }

  read(path?: string, part: FilePart = {}): AsyncIterableIterator<Uint8Array> {
    return this.#readers.read(path, part);
  }

  transfers(): readonly Transfer[] {
    return [this.#transfer];
  }

  get limits(): Limits {
    return limitsOf(this.#session);
  }

  setLimits(limits: Limits): void {
    setLimitsOf(this.#session, limits);
  }

  async close(): Promise<void> {
    this.#parts.stopping.abort(new InterruptedError());
    await this.closed;
  }

  /** Rejects only when nothing is left running. */
  async #live(isDone: (event: DoneEvent) => void): Promise<void> {
    try {
      await this.#run(isDone);
      this.#readers.stop(new InterruptedError());
    } catch (error) {
      this.#readers.stop(error);
      throw error;
    } finally {
      await this.#takeDown();
    }
  }

  async #run(isDone: (event: DoneEvent) => void): Promise<void> {
    const { options, place, tell, stopping } = this.#parts;
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
      const { signal } = stopping;
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    failed.catch(() => {});
    const complete = this.#watch();
    this.#announcer = this.#announce();
    void this.#addPeers(options.peers ?? []);
    if (options.upnp === true) await this.#openOutside();
    this.#ticker = setInterval(() => this.#tick(), 1_000);
    await Promise.race([complete, failed]);
    this.#completedAt = systemClock.now();
    // A part of the torrent is no download that others should count; nor is one that was complete before.
    if (this.#torrent.have.isComplete && this.#parts.resumedPieces < this.#torrent.have.count)
      this.#announcer?.completed();
    await place.finish();
    this.#torrent.onlyGive();
    if (wantsToSeed(options.seed)) await place.watch(this.#watcher());
    await this.#parts.onComplete?.();
    const event = doneEvent(this.#parts);
    this.#tellProgress();
    tell(event);
    isDone(event);
    const wanted = Promise.all([this.#seed(), this.#readers.settled()]);
    await Promise.race([wanted, failed.catch(() => {})]);
    if (!stopping.signal.aborted) await this.#torrent.finish(GRACE_MS);
  }

  #announce(): Announcer | undefined {
    const { metainfo, foothold, tell } = this.#parts;
    if (foothold !== undefined) {
      foothold.becomes(this.#torrent);
      return foothold.announcer;
    }
    this.#finders.seek(this.#torrent);
    const { trouble } = this.#finders;
    if (trouble !== undefined) this.#parts.tell({ event: "warning", code: "dht", message: trouble });
    return announceTorrent({
      torrent: this.#torrent,
      session: this.#session,
      port: this.#listener.port,
      announce: this.#announceTo,
      trackers: trackersToTell(metainfo),
      leftAtStart: this.#parts.leftAtStart,
      onWarning: (message) => tell({ event: "warning", code: "tracker", message }),
    });
  }

  /** Loaded only when it's wanted. */
  async #openOutside(): Promise<void> {
    const { openOutside } = await import("../outside-port.ts");
    const { tell, options } = this.#parts;
    const { port } = this.#listener;
    this.#outside = openOutside({ port, bind: [], udp: options.dht === true, http: false, tell });
  }

  /** Settles when everything wanted is verified. */
  #watch(): Promise<void> {
    const torrent = this.#torrent;
    const { place } = this.#parts;
    torrent.on("verified", (piece) => {
      this.#bytesDone += place.bytesIn(piece);
      this.#lastPieceAt = systemClock.now();
    });
    torrent.on("failed", (error) => this.#fail(error));
    torrent.on("webSeedDropped", (url, reason) => {
      this.#parts.tell({ event: "warning", code: "web-seed", message: `${url} is not used: ${reason}.` });
    });
    if (torrent.complete) return Promise.resolve();
    return new Promise((resolve) => torrent.on("complete", resolve));
  }

  /** Of files that are seeded: who else writes to them may make bad data of what was verified. */
  #watcher(): SourceWatcher {
    const news = new FileNews(this.#parts.tell);
    return {
      lost: (piece) => this.lose([piece]),
      regained: (piece) => {
        if (!this.#torrent.have.has(piece)) this.#bytesDone += this.#parts.place.bytesIn(piece);
        this.#torrent.regain(piece);
      },
      changed: (path, message) => news.changed(path, message),
      restored: (path) => news.restored(path),
      renewed: () => {},
    };
  }

  async #addPeers(peers: readonly string[]): Promise<void> {
    for (const text of peers) {
      const addresses = await resolvePeer(text);
      this.#torrent.addPeers(addresses, "user");
      if (addresses.length === 0) {
        const message = `The peer "${text}" can't be used: its name is not known here, or it is not HOST:PORT.`;
        this.#parts.tell({ event: "warning", code: "peer", message });
      }
    }
  }

  #tick(): void {
    this.#tellProgress();
    const now = systemClock.now();
    if (this.#completedAt === undefined) {
      if (this.#torrent.stats().peers < FEW_PEERS) this.#announcer?.needPeers();
      const seconds = this.#parts.options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
      if (now - this.#lastPieceAt >= seconds * 1000) {
        this.#fail(new NobodyHasItError(seconds, this.#torrent.stats().peers));
      }
      return;
    }
    const { seconds = Number.POSITIVE_INFINITY, ratio = Number.POSITIVE_INFINITY } = this.#goal();
    const sent = this.#torrent.stats().uploaded / Math.max(1, this.#parts.place.selectedBytes);
    if (now - this.#completedAt >= seconds * 1000 || sent >= ratio) this.#seeded();
  }

  #goal(): { readonly seconds?: number; readonly ratio?: number } {
    const { forever, seconds, ratio } = this.#parts.options.seed ?? {};
    if (forever) return {};
    return { ...(seconds !== undefined && { seconds }), ...(ratio !== undefined && { ratio }) };
  }

  /** Settles when the goal is reached, at once without one. */
  async #seed(): Promise<void> {
    if (!wantsToSeed(this.#parts.options.seed)) return;
    await new Promise<void>((resolve) => {
      this.#seeded = resolve;
    });
  }

  #tellProgress(): void {
    const stats = this.#torrent.stats();
    this.#parts.tell({
      event: "progress",
      bytesDone: this.#bytesDone,
      bytesTotal: this.#parts.place.selectedBytes,
      downRate: Math.round(stats.downRate),
      upRate: Math.round(stats.upRate),
      peers: stats.peers,
      webSeeds: stats.webSeeds,
      etaSeconds: stats.etaSeconds === null ? null : Math.ceil(stats.etaSeconds),
    });
  }

  async #takeDown(): Promise<void> {
    clearInterval(this.#ticker);
    const told = Promise.all([this.#announcer?.close(GRACE_MS), this.#outside?.close()]);
    await this.#session.close();
    this.#ranges.close();
    await Promise.all([told, this.#finders.close(), this.#listener.close(), this.#parts.place.close()]);
  }
}
