/** Downloading: from a source to verified files, seeding meanwhile. */
import { openDownload } from "../client/open-download.ts";
import { forgetMetadata, saveMetadata } from "../client/saved-metadata.ts";
import { systemClock } from "../platform/clock.ts";
import { nodeHashes } from "../platform/hashes.ts";
import { systemRandom } from "../platform/random.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Magnet } from "../protocol/magnet.ts";
import { parseMetainfo } from "../protocol/parse-metainfo.ts";
import { formatPeerAddress } from "../protocol/peer-address.ts";
import type { GetEvent } from "./events.ts";
import type { Download, GetOptions } from "./get-types.ts";
import { InterruptedError } from "./peer-errors.ts";
import { DEFAULT_TIMEOUT_SECONDS, finishAtOnce, isComplete, Receiver, wantsToSeed } from "./receiver.ts";
import { isWanted, selector } from "./selection.ts";
import { readSource, type Source, type SourceRead, sourceOf } from "./source.ts";
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
  const { password, askPassword } = options;
  const read = await readSource(
    source,
    {
      swarm: {
        ...options,
        directory: options.directory ?? ".",
        timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        onProgress: (bytesDone, bytesTotal) =>
          options.onWork?.({ work: "asking for the torrent", bytesDone, bytesTotal }),
        onWarning: (code, message) => tell({ event: "warning", code, message }),
      },
      password,
      askPassword,
      onUnfinished: (status) => {
        if (status === undefined || status.bytes === 0) return;
        const { name, files, bytes, bytesDone } = status;
        if (!announcedEarly) tell({ event: "started", infoHash: null, name, bytes, files, resumedBytes: 0 });
        announcedEarly = true;
        options.onWork?.({ work: "hashing elsewhere", bytesDone, bytesTotal: bytes });
      },
    },
    signal,
  );
  try {
    return await begin(read, { options, stopping, startedAt, tell, announcedEarly });
  } catch (error) {
    await read.foothold?.close();
    throw error;
  }
}

interface Beginning {
  readonly options: GetOptions;
  readonly stopping: AbortController;
  readonly startedAt: number;
  readonly tell: (event: GetEvent) => void;
  readonly announcedEarly: boolean;
}

async function begin(
  { bytes, magnet, foothold, fromPublic = false }: SourceRead,
  beginning: Beginning,
): Promise<Download> {
  const { stopping, startedAt, tell, announcedEarly } = beginning;
  const { signal } = stopping;
  const options = withPeersOf(magnet, beginning.options);
  const metainfo = parseMetainfo(bytes, nodeHashes);
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      `"${metainfo.name}" is a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.`,
    );
  }
  const select = selector(metainfo, options.select, magnet?.select);
  const directory = options.directory ?? ".";
  let running: Receiver | undefined;
  const place = await openDownload(
    {
      metainfo,
      directory,
      overwrite: options.overwrite ?? false,
      ...(select !== undefined && { select }),
      random: systemRandom,
      onProgress: (bytesDone, bytesTotal) => options.onWork?.({ work: "checking", bytesDone, bytesTotal }),
      onLost: (pieces, error) => {
        const message = `${error.message} ${pieces.length} pieces are fetched again.`;
        tell({ event: "warning", code: error.code, message });
        running?.lose(pieces);
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
    // Only of a link: whoever has the torrent needs no copy of it.
    if (magnet !== undefined) await saveMetadata(directory, infoHash, metainfo.info);
    const onComplete = async () => {
      if (magnet !== undefined) await forgetMetadata(directory, infoHash);
    };
    const parts = {
      metainfo,
      infoHash,
      fromPublic,
      place,
      options,
      tell,
      stopping,
      startedAt,
      foothold,
      onComplete,
    };
    if (isComplete(place) && !wantsToSeed(options.seed)) return await finishAtOnce(parts);
    running = await Receiver.open(parts);
    return running;
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** A magnet link may name peers (BEP 9, `x.pe`). */
function withPeersOf(magnet: Magnet | undefined, options: GetOptions): GetOptions {
  if (magnet === undefined) return options;
  return { ...options, peers: [...(options.peers ?? []), ...magnet.peers.map(formatPeerAddress)] };
}
