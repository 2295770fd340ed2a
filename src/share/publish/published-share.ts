/** One share of an appliance: from a path, through hashing, to a tracked and seeded torrent. */
import { RateMeter } from "../../client/core/rate.ts";
import type { Announcer } from "../../client/discovery/announcer.ts";
import type { FileVersion } from "../../client/storage/seed-source.ts";
import { openSeedStorage, type SeedStorage } from "../../client/storage/seed-storage.ts";
import type { SourceWatcher } from "../../client/storage/source-checks.ts";
import type { Torrent } from "../../client/torrent.ts";
import { contentOf } from "../../create/content.ts";
import { createTorrent } from "../../create/create-torrent.ts";
import type { Created } from "../../create/created.ts";
import { Crew } from "../../create/crew.ts";
import { scan } from "../../create/scan.ts";
import type { SourceFile } from "../../create/source-file.ts";
import type { Room, Share, SharedFile, ShareState } from "../../httpd/model.ts";
import { systemClock } from "../../platform/clock.ts";
import type { Millis } from "../../protocol/ambient.ts";
import { toHex } from "../../protocol/bytes.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import { defaultCacheDir } from "../cache-dir.ts";
import { filesWanted } from "../content-options.ts";
import type { HashingEvent } from "../events.ts";
import type { FileNews } from "../file-news.ts";
import { describeNotice } from "../notices.ts";
import { TorrentTransfer } from "../transfer.ts";
import type { Transfer } from "../transfer-types.ts";
import { type Adopted, adoptData, type GivenTorrent } from "./given-torrent.ts";
import { GrowingFront } from "./growing-front.ts";
import { Invitation, isPrivate } from "./invitation.ts";
import type { Fill, PublishedPath } from "./names.ts";
import { PeerRoster } from "./peer-roster.ts";
import type { PublishEvents, PublishOptions } from "./publish-types.ts";
import { ReturnCalls } from "./return-calls.ts";
import { RoomWatch, type WebTraffic } from "./room-watch.ts";

const READING_INTERVAL: Millis = 500;
/** As long as that over which rates of peers are taken. */
const HTTP_RATE_SPAN: Millis = 5_000;

/** What the pages and the tracker read of it; changes as the share comes to life. */
export class PublishedShare implements Share {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly realPath: string;
  readonly oneFile: boolean;
  readonly listed: boolean;
  readonly token: string | undefined;
  readonly invitation: Invitation;
  readonly roster: PeerRoster;
  readonly calls = new ReturnCalls();
  readonly #watch: RoomWatch;
  state: ShareState = { name: "scanning" };
  files: readonly SourceFile[] = [];
  bytes = 0;
  front: GrowingFront | undefined;
  created: Created | undefined;
  storage: SeedStorage | undefined;
  torrent: Torrent | undefined;
  announcer: Announcer | undefined;
  /** See `word-code.ts`; undefined until it is known, and when the share is not announced on the local network. */
  code: string | undefined;
  /** Takes it from the local network. */
  leaveLan: (() => void) | undefined;
  readonly #http = new RateMeter(HTTP_RATE_SPAN, systemClock.now());
  readonly onSent = (bytes: number): void => this.#http.add(bytes, systemClock.now());
  /** What goes out over HTTP. */
  readonly web = (): WebTraffic => {
    return { uploaded: this.#http.total, upRate: this.#http.rate(systemClock.now()) };
  };
  /** Ends its hashing; the reason is why it ended. */
  readonly ending = new AbortController();
  /** The torrent, when it was there before the share. */
  readonly #given: GivenTorrent | undefined;
  /** Brings what is to be read. */
  readonly #fill: Fill | undefined;
  #adopted: Adopted | undefined;

  constructor(
    id: string,
    { path, realPath, name, oneFile, fill }: PublishedPath,
    access: { readonly listed: boolean; readonly token: string | undefined },
    tell: PublishEvents,
    given?: GivenTorrent,
  ) {
    this.id = id;
    this.#given = given;
    this.listed = access.listed;
    this.token = access.token;
    this.name = name;
    this.path = path;
    this.realPath = realPath;
    this.oneFile = oneFile;
    this.#fill = fill;
    this.invitation = new Invitation(this, given);
    this.roster = new PeerRoster(id, tell);
    this.#watch = new RoomWatch(this.roster);
  }

  /** To be called once a second: what the page shows of the last minutes comes from here. */
  tick(now: Millis): void {
    this.#watch.sample(this.torrent, this.web(), now);
    this.torrent?.addPeers(this.calls.due(now), "tracker");
  }

  /** A receiver needs us no more. */
  dismiss(peerId: Uint8Array): void {
    const address = this.calls.done(peerId);
    if (address !== undefined) this.torrent?.forgetPeer(address);
  }

  room(): Room {
    return this.#watch.room();
  }

  /** What can be watched of it; `base` is where people find it. */
  transfer(base: string): Transfer {
    return new TorrentTransfer({
      id: this.id,
      name: this.name,
      url: this.invitation.url(base),
      infoHash: () => this.created && toHex(this.created.infoHash),
      torrent: () => this.torrent,
      files: () => this.files,
      phase: () => PHASES[this.state.name],
      completed: () => this.roster.completed,
      web: this.web,
      hashing: () => (this.state.name === "hashing" ? this.state : undefined),
    });
  }

  /**
   * Reads and hashes everything. The pages show how far it is.
   * @throws {SourceError} {SourceChangedError} {CreateOptionError}
   */
  async hash(options: PublishOptions, tell: PublishEvents, signal: AbortSignal): Promise<Created> {
    await this.#fill?.(this.#reading(tell), signal);
    const crew = new Crew({});
    try {
      if (this.#given === undefined) return await this.#create(crew, options, tell, signal);
      const hashing = { ...remembering(options, tell), crew, onProgress: this.#progress(tell, signal) };
      return await this.#adopt(this.#given, hashing, signal);
    } finally {
      await crew.close();
    }
  }

  async #create(
    crew: Crew,
    options: PublishOptions,
    tell: PublishEvents,
    signal: AbortSignal,
  ): Promise<Created> {
    const source = await scan(
      this.path,
      {
        name: this.name,
        ...filesWanted(options),
        crew,
        onNotice: (notice) => tell({ event: "warning", code: notice.code, message: describeNotice(notice) }),
      },
      signal,
    );
    this.files = source.files;
    this.bytes = source.totalBytes;
    const onProgress = this.#progress(tell, signal);
    onProgress(0, source.totalBytes);
    this.created = await createTorrent(
      source,
      {
        private: isPrivate(options),
        times: options.times ?? false,
        ...(options.pieceLength !== undefined && { pieceLength: options.pieceLength }),
        crew,
        onProgress,
        onPlan: (pieceLength) => {
          const content = contentOf(source, options.times ?? false);
          this.front = new GrowingFront(pieceLength, isPrivate(options), content);
        },
        onPieces: (_, to, hashes) => this.front?.grow(to, hashes),
        // What came by a pipe never comes again as the same file.
        ...(this.#fill === undefined ? remembering(options, tell) : {}),
      },
      signal,
    );
    return this.created;
  }

  /** @throws {MismatchError} {SourceError} {SourceChangedError} */
  async #adopt(
    given: GivenTorrent,
    hashing: Parameters<typeof adoptData>[2],
    signal: AbortSignal,
  ): Promise<Created> {
    this.#adopted = await adoptData(given, this.path, hashing, signal);
    this.created = this.#adopted.created;
    this.files = this.created.files;
    this.bytes = this.created.totalBytes;
    return this.created;
  }

  #reading(tell: PublishEvents): (bytes: number) => void {
    let toldAt = Number.NEGATIVE_INFINITY;
    return (bytes) => {
      const now = systemClock.now();
      if (now - toldAt < READING_INTERVAL) return;
      toldAt = now;
      tell({ event: "reading", share: this.id, bytes });
    };
  }

  #progress(tell: PublishEvents, signal: AbortSignal) {
    let told = -1;
    return (bytesDone: number, bytesTotal: number) => {
      if (signal.aborted || bytesDone === told) return;
      told = bytesDone;
      this.state = { name: "hashing", bytesDone, bytesTotal };
      const event: HashingEvent = { event: "hashing", share: this.id, bytesDone, bytesTotal };
      tell(event);
    };
  }

  /** Opens the data for seeding. What becomes of the files is for `news`, for the torrent, and for whoever downloads by HTTP. */
  openStorage(news: FileNews): {
    readonly created: Created;
    readonly storage: SeedStorage;
    readonly layout: PieceLayout;
  } {
    const { created } = this;
    if (created === undefined) throw new Error("not hashed yet");
    const files = this.#adopted?.seedFiles ?? created.files;
    const { pieceHashes } = created;
    const layout = new PieceLayout(
      files.map((file) => file.length),
      created.pieceLength,
    );
    const watcher: SourceWatcher = {
      changed: (path, message) => news.changed(path, message),
      restored: (path) => news.restored(path),
      lost: (piece) => this.torrent?.lose([piece]),
      regained: (piece) => this.torrent?.regain(piece),
      renewed: (versions) => this.#renew(versions),
    };
    this.storage = openSeedStorage({ files, layout, pieceHashes, watcher });
    return { created, storage: this.storage, layout };
  }

  /** A file that was found to be another one than that which was shared. */
  suspect({ absolutePath }: SharedFile): void {
    this.storage?.suspect(absolutePath);
  }

  #renew(versions: ReadonlyMap<string, FileVersion>): void {
    this.files = this.files.map((file) => {
      const version = versions.get(file.absolutePath);
      if (version === undefined) return file;
      const { mtimeNs, ctimeNs, inode } = version;
      return { ...file, mtimeNs, ctimeNs, inode };
    });
  }

  /** Once nothing reads it any more. */
  async closeStorage(): Promise<void> {
    const { storage } = this;
    this.storage = undefined;
    await storage?.close();
  }
}

const PHASES = {
  scanning: "hashing",
  hashing: "hashing",
  ready: "seeding",
  failed: "failed",
  ended: "ended",
} as const;

/** Where hashes are kept from run to run. */
function remembering({ cacheDir = defaultCacheDir() }: PublishOptions, tell: PublishEvents) {
  return {
    cacheDir,
    onCacheTrouble: (message: string) => tell({ event: "warning", code: "cache", message }),
  };
}
