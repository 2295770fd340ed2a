/** Downloading: from a source to verified files, seeding meanwhile. */
import { lookup } from "node:dns/promises";
import picomatch from "picomatch";
import type { Announcer } from "../client/discovery/announcer.ts";
import type { Download as Place } from "../client/download.ts";
import { openDownload } from "../client/open-download.ts";
import { Session } from "../client/session.ts";
import type { Torrent } from "../client/torrent.ts";
import { systemClock } from "../platform/clock.ts";
import { nodeHashes } from "../platform/hashes.ts";
import { type Listener, listen } from "../platform/listener.ts";
import { systemRandom } from "../platform/random.ts";
import { dialTcp, TcpTransport } from "../platform/tcp.ts";
import { toHex } from "../protocol/bytes.ts";
import { BoojumError } from "../protocol/errors.ts";
import type { InfoHash } from "../protocol/ids.ts";
import { PieceLayout } from "../protocol/layout.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import { parseMetainfo } from "../protocol/parse-metainfo.ts";
import { type PeerAddress, parsePeerAddress } from "../protocol/peer-address.ts";
import { announceTorrent } from "./announcing.ts";
import type { DoneEvent, GetEvent } from "./events.ts";
import { readSource, type Source, sourceOf } from "./source.ts";
import { version } from "./version.ts";

/** Until when to seed what was downloaded; the first condition that is met ends it, none means not at all. */
export interface SeedGoal {
  /** Until it is stopped; the other conditions don't count then. */
  readonly forever?: boolean | undefined;
  readonly seconds?: number | undefined;
  /** Copies sent, e.g. 1.5. */
  readonly ratio?: number | undefined;
}

export interface GetOptions {
  /** The folder that gets NAME; default: the working folder. */
  readonly directory?: string | undefined;
  /** Globs over paths below NAME; default: everything. */
  readonly select?: readonly string[] | undefined;
  readonly seed?: SeedGoal | undefined;
  /** Replace files that are there and differ. */
  readonly overwrite?: boolean | undefined;
  /** Bytes a second over all peers; default: none. */
  readonly limitUp?: number | undefined;
  readonly limitDown?: number | undefined;
  /** Where peers can reach us, 0 for any; default: the first free of 6881 to 6999. */
  readonly port?: number | undefined;
  /** `HOST:PORT` of peers to ask besides those that the tracker knows. */
  readonly peers?: readonly string[] | undefined;
  /** Give up after so long without a verified piece; default 600. */
  readonly timeoutSeconds?: number | undefined;
  readonly onEvent?: ((event: GetEvent) => void) | undefined;
  /** Stops the download, as {@link Download.close} does. */
  readonly signal?: AbortSignal | undefined;
}

/** A running download. */
export interface Download {
  /** Everything that was asked for is verified and on disk; rejects, with everything taken down, when that can't be or it is stopped before. */
  readonly done: Promise<DoneEvent>;
  /** Nothing is left running: after the last upload, or after seeding. Never rejects. */
  readonly closed: Promise<void>;
  /** Saves what is there and stops everything; may be called at any time, and again. */
  close(): Promise<void>;
}

/** `--timeout` ran out. */
export class NobodyHasItError extends BoojumError {
  constructor(seconds: number, peers: number) {
    const who = peers === 0 ? "No peer answers" : "Nobody who answers has the missing data";
    super(
      "timeout",
      `${who}: no piece came for ${seconds} seconds. Is the publisher still running? What is there is kept; the same command again continues.`,
    );
  }
}

/** The torrent is fine, but this version can't download it. */
export class UnsupportedError extends BoojumError {
  constructor(message: string) {
    super("unsupported", message);
  }
}

/** The download was stopped before it was complete. */
export class InterruptedError extends BoojumError {
  constructor() {
    super("interrupted", "The download was stopped; what is there is kept.");
  }
}

/** Uploads that others asked for may take so long at the end; also how long trackers get to hear that we stop. */
const GRACE_MS = 2_000;
/** With fewer the trackers are asked again as soon as they allow. */
const FEW_PEERS = 3;
const DEFAULT_TIMEOUT_SECONDS = 600;

/**
 * Begins to download from a share's URL or a `.torrent` (a path or a URL). Everything that is found to be wrong before the first peer is asked, rejects here.
 * @throws {FetchError} {SourceReadError} the torrent can't be had.
 * @throws {MetainfoError} it must not be used.
 * @throws {UnsupportedError} it has only a v2 part.
 * @throws {OutputExistsError} {OutputLockedError} {StorageError} the place on disk can't be used.
 * @throws {ListenError} the port that was asked for is taken.
 */
export async function get(source: Source | string, options: GetOptions = {}): Promise<Download> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new InterruptedError());
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const from = typeof source === "string" ? sourceOf(source) : source;
    const download = await prepare(from, options, stopping);
    void download.closed.then(() => options.signal?.removeEventListener("abort", stop));
    return download;
  } catch (error) {
    options.signal?.removeEventListener("abort", stop);
    throw stopping.signal.aborted ? stopping.signal.reason : error;
  }
}

async function prepare(source: Source, options: GetOptions, stopping: AbortController): Promise<Download> {
  const { signal } = stopping;
  const startedAt = systemClock.now();
  const tell = (event: GetEvent) => options.onEvent?.(event);
  let announcedEarly = false;
  const { bytes } = await readSource(
    source,
    {
      onUnfinished: (status) => {
        if (announcedEarly || status === undefined || status.bytes === 0) return;
        announcedEarly = true;
        const { name, files } = status;
        tell({ event: "started", infoHash: null, name, bytes: status.bytes, files, resumedBytes: 0 });
      },
    },
    signal,
  );
  const metainfo = parseMetainfo(bytes, nodeHashes);
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      `"${metainfo.name}" is a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.`,
    );
  }
  const select = selector(metainfo, options.select);
  const place = await openDownload(
    {
      metainfo,
      directory: options.directory ?? ".",
      overwrite: options.overwrite ?? false,
      ...(select !== undefined && { select }),
      random: systemRandom,
      onLost: (pieces, error) => {
        tell({
          event: "warning",
          code: error.code,
          message: `${error.message} ${pieces.length} pieces are fetched again.`,
        });
      },
    },
    signal,
  );
  try {
    for (const path of place.skipped) {
      tell({
        event: "warning",
        code: "symlink",
        message: `"${path}" is a symbolic link in the torrent; it was not made.`,
      });
    }
    if (announcedEarly) tell({ event: "identified", infoHash: toHex(infoHash) });
    else {
      tell({
        event: "started",
        infoHash: toHex(infoHash),
        name: metainfo.name,
        bytes: place.selectedBytes,
        files: metainfo.files.filter((file) => isWanted(file, select)).length,
        resumedBytes: place.resumedBytes,
      });
    }
    const parts = { metainfo, infoHash, place, options, tell, stopping, startedAt };
    if (isComplete(place) && !wantsToSeed(options.seed)) return await finishAtOnce(parts);
    return await Receiver.open(parts);
  } catch (error) {
    await place.close();
    throw error;
  }
}

function isComplete(place: Place): boolean {
  for (const piece of place.wanted) if (!place.have.has(piece)) return false;
  return true;
}

function wantsToSeed(goal: SeedGoal | undefined): boolean {
  return (
    goal !== undefined && (goal.forever === true || goal.seconds !== undefined || goal.ratio !== undefined)
  );
}

/** Everything is here and verified: nobody needs to be told or asked. */
async function finishAtOnce(parts: ReceiverParts): Promise<Download> {
  await parts.place.finish();
  await parts.place.close();
  const event = doneEvent(parts);
  parts.tell(event);
  return { done: Promise.resolve(event), closed: Promise.resolve(), close: () => Promise.resolve() };
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

function isWanted(
  file: { readonly pad: boolean; readonly path: readonly string[] },
  select: ((path: readonly string[]) => boolean) | undefined,
): boolean {
  return !file.pad && (select === undefined || select(file.path));
}

/** A glob without a slash fits names in every folder, and one that fits a folder takes all that is in it. */
function selector(
  metainfo: Metainfo,
  globs: readonly string[] | undefined,
): ((path: readonly string[]) => boolean) | undefined {
  if (globs === undefined || globs.length === 0) return undefined;
  const matchers = globs.map((glob) =>
    picomatch(glob.replace(/\/+$/, ""), { dot: true, basename: !glob.includes("/") }),
  );
  const select = (path: readonly string[]) =>
    path.some((_, i) => {
      const part = path.slice(0, i + 1).join("/");
      return matchers.some((matches) => matches(part));
    });
  if (!metainfo.files.some((file) => isWanted(file, select))) {
    throw new UnsupportedError(
      `No file of "${metainfo.name}" fits ${globs.join(" ")}. See its files with: share info`,
    );
  }
  return select;
}

interface ReceiverParts {
  readonly metainfo: Metainfo;
  readonly infoHash: InfoHash;
  readonly place: Place;
  readonly options: GetOptions;
  readonly tell: (event: GetEvent) => void;
  readonly stopping: AbortController;
  readonly startedAt: number;
}

/** Owns everything that a download runs, and takes it down in order. */
class Receiver implements Download {
  readonly done: Promise<DoneEvent>;
  readonly closed: Promise<void>;
  readonly #parts: ReceiverParts;
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #listener: Listener;
  #announcer: Announcer | undefined;
  #bytesDone: number;
  #lastPieceAt = systemClock.now();
  #completedAt: number | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #fail: (error: unknown) => void = () => {};
  #seeded: () => void = () => {};

  static async open(parts: ReceiverParts): Promise<Receiver> {
    const { options } = parts;
    const desk: { session?: Session } = {};
    const listener = await listen(
      { port: options.port, bind: [] },
      {
        peer: (socket, firstBytes) => {
          if (desk.session === undefined) socket.destroy();
          else desk.session.accept(new TcpTransport(socket, firstBytes));
        },
      },
    );
    desk.session = new Session({
      dial: dialTcp,
      clock: systemClock,
      random: systemRandom,
      sha1: nodeHashes.sha1,
      listenPort: listener.port,
      client: `Boojum ${version}`,
      ...(options.limitUp !== undefined && { limitUp: options.limitUp }),
      ...(options.limitDown !== undefined && { limitDown: options.limitDown }),
    });
    return new Receiver(parts, listener, desk.session);
  }

  private constructor(parts: ReceiverParts, listener: Listener, session: Session) {
    const { metainfo, infoHash, place } = parts;
    this.#parts = parts;
    this.#listener = listener;
    this.#session = session;
    this.#bytesDone = place.resumedBytes;
    this.#torrent = session.add({
      infoHash,
      layout: new PieceLayout(
        metainfo.files.map((file) => file.length),
        metainfo.pieceLength,
      ),
      pieceHashes: metainfo.pieceHashes,
      private: metainfo.private,
      storage: place.storage,
      have: place.have,
      wanted: place.wanted,
    });
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

  async close(): Promise<void> {
    this.#parts.stopping.abort(new InterruptedError());
    await this.closed;
  }

  /** Rejects only when nothing is left running. */
  async #live(isDone: (event: DoneEvent) => void): Promise<void> {
    try {
      await this.#run(isDone);
    } finally {
      await this.#takeDown();
    }
  }

  async #run(isDone: (event: DoneEvent) => void): Promise<void> {
    const { options, place, metainfo, tell, stopping } = this.#parts;
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
      const { signal } = stopping;
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    failed.catch(() => {});
    const complete = this.#watch();
    this.#announcer = announceTorrent({
      torrent: this.#torrent,
      session: this.#session,
      port: this.#listener.port,
      trackers: metainfo.trackers,
      onWarning: (message) => tell({ event: "warning", code: "tracker", message }),
    });
    void this.#addPeers(options.peers ?? []);
    this.#ticker = setInterval(() => this.#tick(), 1_000);
    await Promise.race([complete, failed]);
    this.#completedAt = systemClock.now();
    // A part of the torrent is no download that others should count; nor is one that was complete before.
    if (this.#torrent.have.isComplete && place.have.count < this.#torrent.have.count)
      this.#announcer?.completed();
    await place.finish();
    const event = doneEvent(this.#parts);
    this.#tellProgress();
    tell(event);
    isDone(event);
    await Promise.race([this.#seed(), failed.catch(() => {})]);
    if (!stopping.signal.aborted) await this.#torrent.finish(GRACE_MS);
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
    if (torrent.complete) return Promise.resolve();
    return new Promise((resolve) => torrent.on("complete", resolve));
  }

  async #addPeers(peers: readonly string[]): Promise<void> {
    for (const text of peers) {
      const address = await resolvePeer(text);
      if (address !== undefined) this.#torrent.addPeers([address], "user");
      else {
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
      etaSeconds: stats.etaSeconds === null ? null : Math.ceil(stats.etaSeconds),
    });
  }

  async #takeDown(): Promise<void> {
    clearInterval(this.#ticker);
    const told = this.#announcer?.close(GRACE_MS);
    await this.#session.close();
    await Promise.all([told, this.#listener.close(), this.#parts.place.close()]);
  }
}

async function resolvePeer(text: string): Promise<PeerAddress | undefined> {
  const address = parsePeerAddress(text);
  if (address === undefined) return undefined;
  try {
    const { address: host } = await lookup(address.host);
    return { host, port: address.port };
  } catch {
    return undefined;
  }
}
