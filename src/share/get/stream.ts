/** A download for players on this machine: its files over local HTTP while they come. */
import { contentLabel } from "../../httpd/core/content.ts";
import { openStreamServer, type StreamFile, type StreamServer } from "../../httpd/stream-server.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { Download, DownloadFile } from "./get-types.ts";

export interface StreamOptions {
  /** Of the local server; default: any. */
  readonly port?: number | undefined;
}

export interface StreamedFile extends DownloadFile {
  readonly url: string;
  /** As in `Content-Type`. */
  readonly type: string;
}

/** A running server on 127.0.0.1. */
export interface Streaming {
  /** What to open: the largest film or piece of music, else the largest file. */
  readonly url: string;
  /** All files, that one first. */
  readonly files: readonly StreamedFile[];
  /** Cuts whoever still reads. May be called again. */
  close(): Promise<void>;
}

/** The port can't be had. */
export class StreamError extends BoojumError {
  constructor(port: number, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    super("listen", `Port ${port} of this machine can't be used for the player: ${said}.`, { cause });
  }
}

/** Bytes at the end that players look at before they begin: the index of a film may be there. */
const TAIL = 256 * 1024;

/**
 * Serves the files of `download` (Range, HEAD) to programs on this machine. Wherever a player reads, that is fetched
 * first; until one comes, both ends of the first file. The download goes on, and isn't over, while somebody reads.
 * @throws {StreamError}
 */
export async function stream(download: Download, { port = 0 }: StreamOptions = {}): Promise<Streaming> {
  const files = [...download.files].sort(
    (a, b) => Number(isMedia(b)) - Number(isMedia(a)) || b.bytes - a.bytes,
  );
  const served = files.map(
    (file): StreamFile => ({
      path: file.path.split("/"),
      length: file.bytes,
      read: (start, end) => download.read(file.path, { start, end }),
    }),
  );
  const [first] = files;
  const ahead = first === undefined ? [] : readAhead(download, first);
  const stopAhead = () => {
    for (const reading of ahead.splice(0)) void reading.return?.();
  };
  let server: StreamServer;
  try {
    server = await openStreamServer({
      files: served,
      version: download.infoHash,
      port,
      onRequest: stopAhead,
    });
  } catch (error) {
    stopAhead();
    throw new StreamError(port, error);
  }
  const streamed = files.map(
    (file, i): StreamedFile => ({
      ...file,
      url: server.urls[i] ?? "",
      type: contentLabel(file.path).type,
    }),
  );
  return {
    url: streamed[0]?.url ?? "",
    files: streamed,
    close: async () => {
      stopAhead();
      await server.close();
    },
  };
}

function isMedia({ path }: DownloadFile): boolean {
  return /^(video|audio)\//.test(contentLabel(path).type);
}

/** Has both ends fetched, by readers that take no more than a little. */
function readAhead(download: Download, { path, bytes }: DownloadFile): AsyncIterableIterator<Uint8Array>[] {
  const readings = [download.read(path), download.read(path, { start: Math.max(0, bytes - TAIL) })];
  // Whoever is cut off here wanted nothing in particular.
  for (const reading of readings) reading.next().catch(() => {});
  return readings;
}
