/**
 * The time before a publisher knows its torrent: what it has hashed is fetched over HTTP already, each piece checked by
 * the hash that it told. Only the final info hash makes these pieces good.
 */
import { type EarlyFile, type EarlyHead, HashLinesError } from "../../client/core/hash-lines.ts";
import { readProxyRules } from "../../client/core/proxy-choice.ts";
import type { Download as Place } from "../../client/download.ts";
import { NotFreshError } from "../../client/errors.ts";
import { followHashes, type HashOutcome, NoHashesError } from "../../client/http/hash-stream.ts";
import type { Ranges } from "../../client/http/http-ranges.ts";
import type { Torrent } from "../../client/torrent.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { bytesEqual, toHex } from "../../protocol/bytes.ts";
import { type InfoHash, infoHash, pieceIndex } from "../../protocol/ids.ts";
import { PieceLayout } from "../../protocol/layout.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { encodeInfo, encodeTorrent, type InfoContent, type InfoFile } from "../../protocol/write-metainfo.ts";
import type { GetEvent } from "../events.ts";
import { NobodyHasItError } from "../peer-errors.ts";
import { closePeerPort, openPeerPort, type PeerPort, trafficFor } from "../peer-port.ts";
import { userAgent } from "../version.ts";
import { openWebRanges } from "../web-ranges.ts";
import type { GetOptions } from "./get-types.ts";

export interface EarlyParts {
  /** `/s/ID/hashes` of the share. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly options: GetOptions;
  readonly timeoutSeconds: number;
  readonly tell: (event: GetEvent) => void;
  /** Opens the place on disk for a torrent whose hashes aren't known yet. @throws {NotFreshError} */
  openPlace(metainfo: Metainfo, lost: (pieces: readonly number[]) => void): Promise<Place>;
  /** The place is there, and the download begins. */
  began(metainfo: Metainfo, place: Place): void;
}

/** What is left of it for the download proper: all of it open, and the caller's. */
export interface EarlyResult {
  readonly infoHash: InfoHash;
  /** `have` holds what was fetched. */
  readonly place: Place;
  readonly port: PeerPort;
}

/** What a torrent of pieces without known hashes is made of. */
interface Beginning {
  readonly info: Uint8Array;
  readonly metainfo: Metainfo;
  readonly place: Place;
  readonly webSeed: URL;
}

/** So long what was asked for may take when the torrent is there. */
const DRAIN_MS = 10_000;

/** The files are others than those that it told of first. */
class OtherFilesError extends Error {}

/**
 * Downloads until the publisher knows its torrent.
 * @returns undefined when it must be waited for: the publisher tells no hashes or gave up, or there are files here that
 *   can't be judged yet.
 * @throws {NobodyHasItError} {StorageError} {OutputLockedError} {ListenError}
 */
export async function downloadEarly(
  parts: EarlyParts,
  signal: AbortSignal,
): Promise<EarlyResult | undefined> {
  for (;;) {
    const early = new EarlyDownload(parts);
    try {
      return await early.run(signal);
    } catch (error) {
      await early.close();
      if (error instanceof NoHashesError || error instanceof HashLinesError || error instanceof NotFreshError)
        return undefined;
      // What is on disk stays, and is compared with the new hashes.
      if (!(error instanceof OtherFilesError)) throw error;
    }
  }
}

class EarlyDownload {
  readonly #parts: EarlyParts;
  readonly #stop = new AbortController();
  #info: Uint8Array | undefined;
  #head: EarlyHead | undefined;
  /** 20 bytes for each piece; of the first `#known` pieces. */
  #hashes = new Uint8Array(0);
  #known = 0;
  /** Pieces that have been given to the torrent, or looked for on disk. */
  #passed = 0;
  #place: Place | undefined;
  #port: PeerPort | undefined;
  #torrent: Torrent | undefined;
  #ranges: Ranges | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #beginning: Promise<void> = Promise.resolve();
  #checks: Promise<void> = Promise.resolve();
  #bytesDone = 0;
  #movedAt = systemClock.now();
  #fail: (error: unknown) => void = () => {};

  constructor(parts: EarlyParts) {
    this.#parts = parts;
  }

  async run(outer: AbortSignal): Promise<EarlyResult | undefined> {
    const { url, authorization } = this.#parts;
    const signal = AbortSignal.any([outer, this.#stop.signal]);
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
      outer.addEventListener("abort", () => reject(outer.reason), { once: true, signal: this.#stop.signal });
    });
    this.#ticker = setInterval(() => this.#tick(), 1_000);
    const how = {
      userAgent,
      clock: systemClock,
      proxies: readProxyRules(process.env),
      authorization,
    };
    const following = followHashes(
      url,
      how,
      {
        head: (head, fromPublic) => this.#onHead(head, fromPublic),
        hashes: (from, sha1) => this.#onHashes(from, sha1),
      },
      signal,
    );
    const outcome = await Promise.race([following, failed]);
    return await Promise.race([this.#finish(outcome), failed]);
  }

  /** Nothing is left running; the place on disk keeps what it has. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("ended"));
    await this.#beginning;
    await this.#release();
    const { port, place } = { port: this.#port, place: this.#place };
    if (port !== undefined) await closePeerPort(port);
    await place?.close();
  }

  async #release(): Promise<void> {
    clearInterval(this.#ticker);
    const torrent = this.#torrent;
    this.#torrent = undefined;
    await this.#checks;
    if (torrent !== undefined) await this.#port?.session.remove(torrent);
    this.#ranges?.close();
  }

  #onHead(head: EarlyHead, fromPublic: boolean): void {
    const pieceCount = Math.ceil(head.files.reduce((sum, { bytes }) => sum + bytes, 0) / head.pieceLength);
    if (pieceCount === 0 || pieceCount > MAX_PIECES)
      throw new HashLinesError("it has too many pieces, or none");
    const info = infoOf(head, new Uint8Array(20 * pieceCount));
    if (this.#info === undefined) {
      this.#info = info;
      this.#head = head;
      this.#hashes = new Uint8Array(20 * pieceCount);
      this.#beginning = this.#begin(head, info, fromPublic).catch((error: unknown) => this.#fail(error));
    } else if (bytesEqual(info, this.#info)) {
      // The connection broke, or the publisher began anew: it may answer again.
      this.#torrent?.retryWebSeeds();
    } else this.#fail(new OtherFilesError());
  }

  async #begin(head: EarlyHead, info: Uint8Array, fromPublic: boolean): Promise<void> {
    const { url, options } = this.#parts;
    const webSeed = new URL(head.webSeed, url);
    if (webSeed.origin !== new URL(url).origin) throw new HashLinesError("its files are elsewhere");
    const { token, unlisted } = head;
    const early = encodeTorrent({
      info,
      webSeeds: [webSeed.href],
      unlisted,
      ...(token !== undefined && { token }),
    });
    const metainfo = parseMetainfo(early, nodeHashes);
    const place = await this.#parts.openPlace(metainfo, (pieces) => this.#torrent?.lose(pieces));
    this.#place = place;
    if (this.#stop.signal.aborted) return await place.close();
    const { port } = options;
    // Nobody is sought or told on the local network before the info hash is known.
    this.#port = await openPeerPort({ port, bind: [], ...trafficFor(metainfo, options) });
    if (this.#stop.signal.aborted) return await closePeerPort(this.#port);
    this.#ranges = openWebRanges(options, fromPublic);
    this.#torrent = this.#addTorrent({ info, metainfo, place, webSeed }, this.#port, this.#ranges);
    this.#parts.began(metainfo, place);
    this.#pass();
  }

  #addTorrent({ info, metainfo, place, webSeed }: Beginning, { session }: PeerPort, ranges: Ranges): Torrent {
    const torrent = session.add({
      // Nobody knows it, and no peer is let in.
      infoHash: infoHash(nodeHashes.sha1(info)),
      maxPeers: 0,
      layout: new PieceLayout(
        metainfo.files.map((file) => file.length),
        metainfo.pieceLength,
      ),
      pieceHashes: this.#hashes,
      private: true,
      storage: place.storage,
      have: place.have,
      wanted: place.wanted,
      webSeeds: {
        sources: [{ url: webSeed.href }],
        torrent: metainfo,
        fetch: ranges.fetch,
        areGrowing: true,
      },
    });
    torrent.on("verified", (piece) => {
      this.#bytesDone += place.bytesIn(piece);
      this.#movedAt = systemClock.now();
    });
    torrent.on("failed", (error) => this.#fail(error));
    torrent.on("webSeedDropped", (_, reason) => this.#fail(new NoHashesError(this.#parts.url, reason)));
    return torrent;
  }

  #onHashes(from: number, sha1: Uint8Array): void {
    const count = sha1.length / 20;
    if (20 * (from + count) > this.#hashes.length) throw new HashLinesError("it has more hashes than pieces");
    this.#movedAt = systemClock.now();
    const changed: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = 20 * (from + i);
      const hash = sha1.subarray(20 * i, 20 * i + 20);
      if (from + i < this.#known && !bytesEqual(hash, this.#hashes.subarray(at, at + 20)))
        changed.push(from + i);
    }
    this.#hashes.set(sha1, 20 * from);
    this.#known = Math.max(this.#known, from + count);
    if (changed.length > 0) this.#discard(changed);
    this.#pass();
  }

  /** The source is another than when these were fetched. */
  #discard(pieces: readonly number[]): void {
    const torrent = this.#torrent;
    if (torrent === undefined) return;
    for (const piece of pieces) {
      if (torrent.have.has(piece)) this.#bytesDone -= this.#place?.bytesIn(piece) ?? 0;
    }
    torrent.lose(pieces);
    torrent.learn(pieces);
  }

  /** Lets those pieces be fetched whose hashes have become known, but looks first whether they are here. */
  #pass(): void {
    const [torrent, place] = [this.#torrent, this.#place];
    if (torrent === undefined || place === undefined) return;
    const fresh: number[] = [];
    for (; this.#passed < this.#known; this.#passed++) {
      const piece = this.#passed;
      if (!place.unchecked.has(piece)) fresh.push(piece);
      else this.#checks = this.#checks.then(() => this.#check(torrent, place, piece));
    }
    if (fresh.length > 0) torrent.learn(fresh);
  }

  async #check(torrent: Torrent, place: Place, piece: number): Promise<void> {
    if (this.#torrent === undefined) return;
    const data = new Uint8Array(torrent.layout.pieceSize(piece));
    let isRight = false;
    try {
      await place.storage.read(pieceIndex(piece), 0, [data]);
      isRight = bytesEqual(nodeHashes.sha1(data), this.#hashes.subarray(20 * piece, 20 * piece + 20));
    } catch {
      // What can't be read is fetched; should writing fail as well, that will be told.
    }
    if (isRight) torrent.adopt(pieceIndex(piece));
    else torrent.learn([piece]);
  }

  #tick(): void {
    const { tell, timeoutSeconds } = this.#parts;
    const [torrent, place] = [this.#torrent, this.#place];
    if (systemClock.now() - this.#movedAt >= timeoutSeconds * 1000)
      this.#fail(new NobodyHasItError(timeoutSeconds, 0));
    if (torrent === undefined || place === undefined) return;
    const { downRate, webSeeds, etaSeconds } = torrent.stats();
    tell({
      event: "progress",
      bytesDone: this.#bytesDone,
      bytesTotal: place.selectedBytes,
      downRate: Math.round(downRate),
      upRate: 0,
      peers: 0,
      webSeeds,
      etaSeconds: etaSeconds === null ? null : Math.ceil(etaSeconds),
    });
  }

  /** The publisher has told everything. */
  async #finish(outcome: HashOutcome): Promise<EarlyResult | undefined> {
    await this.#beginning;
    const [torrent, place, port, head] = [this.#torrent, this.#place, this.#port, this.#head];
    if (torrent === undefined || place === undefined || port === undefined || head === undefined) {
      await this.close();
      return undefined;
    }
    const hash = infoHash(nodeHashes.sha1(infoOf(head, this.#hashes)));
    // Another one than what it told makes: nothing that came can be relied on, and all is compared with the torrent.
    if (
      !("infoHash" in outcome) ||
      outcome.infoHash !== toHex(hash) ||
      this.#known * 20 !== this.#hashes.length
    ) {
      await this.close();
      return undefined;
    }
    await this.#checks;
    const patience = AbortSignal.timeout(DRAIN_MS);
    await Promise.race([
      torrent.drainWebSeeds(),
      new Promise((resolve) => patience.addEventListener("abort", resolve, { once: true })),
    ]);
    await this.#release();
    for (const piece of torrent.have) place.have.add(piece);
    await place.identify(hash, place.have);
    return { infoHash: hash, place, port };
  }
}

/** As in `parse-metainfo.ts`, before anything is allocated for them. */
const MAX_PIECES = 2_097_152;

function infoOf(head: EarlyHead, pieceHashes: Uint8Array): Uint8Array {
  const { name, pieceLength } = head;
  return encodeInfo({ name, pieceLength, pieceHashes, private: head.private, ...contentOf(head) });
}

function contentOf({ oneFile, files }: EarlyHead): InfoContent {
  const [first] = files;
  if (oneFile && first !== undefined) return infoFile(first);
  const folders = files.filter(({ folder }) => folder === true).map(({ path }) => path);
  return { files: files.filter(({ folder }) => folder !== true).map(infoFile), folders };
}

function infoFile({ path, bytes, executable, mtime, symlink }: EarlyFile): InfoFile {
  return {
    ...{ path, length: bytes, executable },
    ...(mtime !== undefined && { mtime }),
    ...(symlink !== undefined && { symlink }),
  };
}
