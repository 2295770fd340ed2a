/** Downloading: from a source to verified files, seeding meanwhile. */
import { systemClock } from "../../platform/clock.ts";
import { type Source, sourceOf } from "../source.ts";
import { openSpool, spoolParent } from "../spool.ts";
import { begin, stoppable } from "./begin-download.ts";
import type { Download, GetOptions } from "./get-types.ts";
import { Preparing } from "./preparing.ts";
import { readSource, type SourceRead } from "./read-source.ts";
import { DEFAULT_TIMEOUT_SECONDS } from "./receiver.ts";

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
 * @throws {SpoolError} it is temporary, and there is no place for that.
 */
export async function get(source: Source | string, options: GetOptions = {}): Promise<Download> {
  const from = typeof source === "string" ? sourceOf(source) : source;
  if (options.temporary === true) return await getIntoSpool(from, options);
  return await stoppable(options, (stopping) => prepare(from, options, stopping));
}

async function getIntoSpool(source: Source, options: GetOptions): Promise<Download> {
  const spool = await openSpool(spoolParent());
  try {
    const placed = { ...options, directory: spool.dir };
    const download = await stoppable(placed, (stopping) => prepare(source, placed, stopping));
    const closed = download.closed.then(() => spool.remove());
    return {
      infoHash: download.infoHash,
      files: download.files,
      done: download.done,
      closed,
      close: async () => {
        await download.close();
        await closed;
      },
      read: (path, part) => download.read(path, part),
      transfers: () => download.transfers(),
      get limits() {
        return download.limits;
      },
      setLimits: (limits) => download.setLimits(limits),
    };
  } catch (error) {
    await spool.remove();
    throw error;
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
        httpTimeoutSeconds: options.httpTimeoutSeconds,
        patience: timeoutSeconds * 1000,
        onUnfinished: (status) => preparing.unfinished(status),
        // A link may ask for some of the files only, which is known when it is read.
        ...(source.kind === "url" &&
          options.pickFiles === undefined && {
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
