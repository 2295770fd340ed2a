/** Reads the files of a download, while it runs and afterwards. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Download as Place } from "../../client/download.ts";
import { type ByteRange, readBytes } from "../../client/read-bytes.ts";
import type { Torrent } from "../../client/torrent.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";
import { InterruptedError } from "../peer-errors.ts";
import type { DownloadFile, FilePart } from "./get-types.ts";

/** It can't be read here: no such file, or it isn't what is got, or its name is needed. */
export class NoSuchFileError extends BoojumError {
  constructor(message: string) {
    super("no-such-file", message);
  }
}

/** Bytes in order; ends at once, whatever it waits for, when whoever takes them stops. */
type Chunks = AsyncIterableIterator<Uint8Array>;

export interface ReadableDownload {
  readonly metainfo: Metainfo;
  readonly place: Place;
}

/** What was asked for. */
export function filesOf(download: ReadableDownload): readonly DownloadFile[] {
  return selectedOf(download).map(({ path, length }) => ({ path: path.join("/"), bytes: length }));
}

function selectedOf({ metainfo, place }: ReadableDownload): readonly TorrentFile[] {
  return metainfo.files.filter((_, index) => place.selected.has(index));
}

/** Those who read a download that runs: it isn't over before they are. */
export class DownloadReaders {
  readonly #download: ReadableDownload;
  readonly #torrent: Torrent;
  readonly #stops = new Set<(reason: unknown) => void>();
  #onIdle: (() => void) | undefined;
  #isOver = false;

  constructor(download: ReadableDownload, torrent: Torrent) {
    this.#download = download;
    this.#torrent = torrent;
  }

  /** @throws {NoSuchFileError} {InterruptedError} it was stopped before it was complete */
  read(path: string | undefined, part: FilePart): Chunks {
    const { place } = this.#download;
    const file = findFile(this.#download, path);
    const range = rangeOf(file, part);
    if (this.#isOver) {
      if (!this.#torrent.complete) throw new InterruptedError();
      return readStored(this.#download, file, range);
    }
    const stopping = new AbortController();
    const stop = (reason: unknown) => stopping.abort(reason);
    this.#stops.add(stop);
    const inStream = { begin: file.offset + range.begin, end: file.offset + range.end };
    return ending(readBytes(this.#torrent, place.storage, inStream, stopping.signal), stopping, () => {
      this.#stops.delete(stop);
      if (this.#stops.size === 0) this.#onIdle?.();
    });
  }

  /** Settles when nobody reads. */
  async settled(): Promise<void> {
    if (this.#stops.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Whoever reads still gets `reason`. From now on only what is complete can be read, where it lies. */
  stop(reason: unknown): void {
    this.#isOver = true;
    for (const stop of [...this.#stops]) stop(reason);
  }
}

/** Of a complete download whose files lie in their place. @throws {NoSuchFileError} */
export function readComplete(download: ReadableDownload, path: string | undefined, part: FilePart): Chunks {
  const file = findFile(download, path);
  return readStored(download, file, rangeOf(file, part));
}

function readStored({ metainfo, place }: ReadableDownload, file: TorrentFile, range: ByteRange): Chunks {
  const stopping = new AbortController();
  const path = metainfo.singleFile ? place.path : join(place.path, ...file.path);
  return ending(readDisk(path, range, stopping.signal), stopping, () => {});
}

async function* readDisk(
  path: string,
  { begin, end }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (begin === end) return;
  // Its chunks are buffers, since it has no encoding.
  for await (const chunk of createReadStream(path, { start: begin, end: end - 1, signal }))
    yield chunk as Uint8Array;
}

function findFile(download: ReadableDownload, path: string | undefined): TorrentFile {
  const { metainfo } = download;
  const files = selectedOf(download);
  if (path === undefined) {
    const [only] = files;
    if (only !== undefined && files.length === 1) return only;
    throw new NoSuchFileError(`"${metainfo.name}" has ${files.length} files: say which one.`);
  }
  const found = files.find((file) => file.path.join("/") === path);
  if (found === undefined) throw new NoSuchFileError(`There is no file "${path}" in "${metainfo.name}".`);
  return found;
}

function rangeOf({ length }: TorrentFile, { start = 0, end = length - 1 }: FilePart): ByteRange {
  if (!(start >= 0 && Number.isInteger(start) && Number.isInteger(end)))
    throw new RangeError(`Bytes ${start} to ${end} are no part of a file.`);
  const stop = Math.min(end + 1, length);
  return { begin: Math.min(start, Math.max(0, stop)), end: Math.max(0, stop) };
}

/** @param onEnd called once, when nothing more comes */
function ending(chunks: AsyncGenerator<Uint8Array>, stopping: AbortController, onEnd: () => void): Chunks {
  let isOver = false;
  const end = () => {
    if (!isOver) onEnd();
    isOver = true;
  };
  return {
    next: async () => {
      try {
        const result = await chunks.next();
        if (result.done) end();
        return result;
      } catch (error) {
        end();
        throw error;
      }
    },
    return: async () => {
      // The generator itself would hear of it only when what it waits for has come.
      stopping.abort(new InterruptedError());
      end();
      await chunks.return(undefined).catch(() => {});
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
