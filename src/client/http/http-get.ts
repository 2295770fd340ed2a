/** A bounded HTTP GET for things that strangers serve: torrents and small answers. */
import type { IncomingMessage } from "node:http";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { FetchError, fetchError, type OpenOptions, openHttp } from "./http-open.ts";

export interface GetOptions
  extends Pick<OpenOptions, "authorization" | "proxies" | "isLocalAddress" | "timeout"> {
  /** The `Accept` header. */
  readonly accept: string;
  /** The body may not be larger, also after decompression. */
  readonly maxBytes: number;
  readonly userAgent: string;
}

export interface Got {
  readonly status: number;
  /** Lower-case, without parameters; empty when the server says none. */
  readonly contentType: string;
  /** Seconds, from `Retry-After` when it is a number. */
  readonly retryAfter: number | undefined;
  readonly body: Uint8Array;
  /** After redirects. */
  readonly url: string;
  /** `HOST:PORT` of the proxy that passed it on. */
  readonly proxy: string | undefined;
  /** A server on a public address was involved. */
  readonly fromPublic: boolean;
}

/**
 * Fetches `url` by the rules of {@link openHttp}.
 * @throws {FetchError} for everything but an answer; the answer may still be a 404.
 */
export async function httpGet(url: string, options: GetOptions, signal: AbortSignal): Promise<Got> {
  const { accept, userAgent, maxBytes, ...rest } = options;
  const headers = { accept, "user-agent": userAgent };
  const { response, url: at, proxy, fromPublic } = await openHttp(url, { ...rest, headers }, signal);
  try {
    const body = await readBody(response, maxBytes, rest.timeout ?? PATIENCE);
    return { ...describe(response), body, url: at, proxy, fromPublic };
  } catch (cause) {
    response.destroy();
    if (signal.aborted) throw signal.reason;
    if (!(cause instanceof TooLargeError)) throw fetchError(at, cause);
    const message = `${at} sends more than ${maxBytes / 1e6} MB, too much for a torrent. Nothing was kept.`;
    throw new FetchError(at, message, { cause });
  }
}

function describe(response: IncomingMessage): Pick<Got, "status" | "contentType" | "retryAfter"> {
  const contentType = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const retryAfter = Number(response.headers["retry-after"] ?? Number.NaN);
  return {
    status: response.statusCode ?? 0,
    contentType,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  };
}

/** Milliseconds that a body may take to get going. */
const PATIENCE = 30_000;
/** Bytes a second that it must come at after that: who gives one now and then would never be done. */
const LEAST_RATE = 1024;

/** Counts what comes out of the decompressor, and stops there: a small answer may unpack to gigabytes. */
async function readBody(response: IncomingMessage, maxBytes: number, patience: number): Promise<Uint8Array> {
  const watch = watchRate(response, patience);
  try {
    return await readWhole(response, maxBytes);
  } finally {
    clearInterval(watch);
  }
}

function watchRate(response: IncomingMessage, patience: number): NodeJS.Timeout {
  const { socket } = response;
  const begin = performance.now();
  const before = socket.bytesRead;
  return setInterval(() => {
    const seconds = (performance.now() - begin - patience) / 1_000;
    if (socket.bytesRead - before < seconds * LEAST_RATE) response.destroy(new Error("it comes too slowly"));
  }, patience / 10);
}

async function readWhole(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const encoding = response.headers["content-encoding"] ?? "identity";
  const unpack = decompressor(encoding);
  const stream =
    unpack === undefined ? response : response.on("error", (error) => unpack.destroy(error)).pipe(unpack);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    // Both kinds of stream give Buffers when no encoding was set.
    const bytes = part as Buffer;
    length += bytes.length;
    if (length > maxBytes) throw new TooLargeError();
    parts.push(bytes);
  }
  if (!response.complete) throw new Error("the answer was cut off");
  return Buffer.concat(parts, length);
}

function decompressor(encoding: string) {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new Error(`it is encoded as "${encoding}", which was not asked for`);
  }
}

class TooLargeError extends Error {
  constructor() {
    super("too large");
  }
}
