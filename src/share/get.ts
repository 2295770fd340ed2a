/** Downloading: from a source to verified files, seeding meanwhile. */
import { forgetMetadata, saveMetadata } from "../client/saved-metadata.ts";
import { systemClock } from "../platform/clock.ts";
import { nodeHashes } from "../platform/hashes.ts";
import { parseMetainfo } from "../protocol/parse-metainfo.ts";
import { formatPeerAddress } from "../protocol/peer-address.ts";
import type { Download, GetOptions } from "./get-types.ts";
import { InterruptedError } from "./peer-errors.ts";
import { Preparing } from "./preparing.ts";
import { readSource, type SourceRead } from "./read-source.ts";
import { DEFAULT_TIMEOUT_SECONDS, finishAtOnce, isComplete, Receiver, wantsToSeed } from "./receiver.ts";
import { type Source, sourceOf } from "./source.ts";
import { UnsupportedError } from "./unsupported-error.ts";

/**
 * Begins to download from a share's URL, a magnet link or a `.torrent` (a path or a URL). What is found to be wrong before the first
 * peer is asked, rejects here.
 * @throws {PasswordError} it needs a password, or another one.
 * @throws {FetchError} {SourceReadError} the torrent can't be had.
 * @throws {MagnetError} {NobodyHasItError} a magnet link is none, or nobody knows what it stands for.
 * @throws {MetainfoError} it must not be used.
 * @throws {UnsupportedError} it has only a v2 part.
 * @throws {OutputExistsError} {OutputLockedError} {StorageError} the place on disk can't be used.
 * @throws {ListenError} the port that was asked for is taken.
 */
export async function get(source: Source | string, options: GetOptions = {}): Promise<Download> {
  const from = typeof source === "string" ? sourceOf(source) : source;
  return await stoppable(options, (stopping) => prepare(from, options, stopping));
}

/** Like {@link get}, of a torrent that is here already. */
export async function getRead(read: SourceRead, options: GetOptions): Promise<Download> {
  return await stoppable(options, async (stopping) => {
    const preparing = new Preparing(options, stopping.signal);
    try {
      return await begin(read, preparing, { options, stopping, startedAt: systemClock.now() });
    } catch (error) {
      await preparing.close();
      throw error;
    }
  });
}

async function stoppable(
  { signal }: GetOptions,
  start: (stopping: AbortController) => Promise<Download>,
): Promise<Download> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new InterruptedError());
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const download = await start(stopping);
    void download.closed.then(() => signal?.removeEventListener("abort", stop));
    return download;
  } catch (error) {
    signal?.removeEventListener("abort", stop);
    throw stopping.signal.aborted ? stopping.signal.reason : error;
  }
}

async function prepare(source: Source, options: GetOptions, stopping: AbortController): Promise<Download> {
  const { signal } = stopping;
  const startedAt = systemClock.now();
  const preparing = new Preparing(options, signal);
  const timeoutSeconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const { password, askPassword, onWork } = options;
  let read: SourceRead | undefined;
  try {
    read = await readSource(
      source,
      {
        swarm: {
          ...options,
          directory: options.directory ?? ".",
          timeoutSeconds,
          onProgress: (bytesDone, bytesTotal) =>
            onWork?.({ work: "asking for the torrent", bytesDone, bytesTotal }),
          onWarning: (code, message) => preparing.tell({ event: "warning", code, message }),
        },
        password,
        askPassword,
        patience: timeoutSeconds * 1000,
        onUnfinished: (status) => preparing.unfinished(status),
        // A link may ask for some of the files only, which is known when it is read.
        ...(source.kind === "url" && {
          meanwhile: (url: string, authorization: string | undefined) =>
            preparing.downloadEarly(url, authorization),
        }),
      },
      signal,
    );
    return await begin(read, preparing, { options, stopping, startedAt });
  } catch (error) {
    await preparing.close();
    await read?.foothold?.close();
    throw error;
  }
}

interface Beginning {
  readonly options: GetOptions;
  readonly stopping: AbortController;
  readonly startedAt: number;
}

async function begin(
  { bytes, magnet, peers = [], foothold, fromPublic = false }: SourceRead,
  preparing: Preparing,
  { stopping, startedAt, ...beginning }: Beginning,
): Promise<Download> {
  const metainfo = parseMetainfo(bytes, nodeHashes);
  // Those of a private torrent come from its tracker (BEP 27).
  const more = [...(magnet?.peers ?? []).map(formatPeerAddress), ...(metainfo.private ? [] : peers)];
  const options = { ...beginning.options, peers: [...(beginning.options.peers ?? []), ...more] };
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      `"${metainfo.name}" is a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.`,
    );
  }
  const prepared = await preparing.openFor(metainfo, infoHash, magnet?.select);
  const directory = options.directory ?? ".";
  // Only of a link: whoever has the torrent needs no copy of it.
  if (magnet !== undefined) await saveMetadata(directory, infoHash, metainfo.info);
  const onComplete = async () => {
    if (magnet !== undefined) await forgetMetadata(directory, infoHash);
  };
  const parts = {
    metainfo,
    infoHash,
    fromPublic,
    ...prepared,
    options,
    tell: preparing.tell,
    stopping,
    startedAt,
    foothold,
    onComplete,
  };
  // What came early was never told to the tracker, which counts copies.
  const isEarly = prepared.port !== undefined;
  if (isComplete(prepared.place) && !wantsToSeed(options.seed) && !isEarly) return await finishAtOnce(parts);
  const running = await Receiver.open(parts);
  preparing.onLost = (pieces) => running.lose(pieces);
  return running;
}
