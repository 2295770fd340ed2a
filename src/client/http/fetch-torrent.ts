/** Gets a `.torrent` from an HTTP URL: a share's page, or any server. */
import type { Clock } from "../../protocol/ambient.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { ProxyRules } from "../core/proxy-choice.ts";
import { type Got, httpGet } from "./http-get.ts";
import { FetchError } from "./http-open.ts";

/** The largest `.torrent` that is read; bytes. */
const MAX_TORRENT_BYTES = 10_000_000;
/** Milliseconds between two looks at a publisher that still hashes. */
const POLL_INTERVAL = 500;
/** ... and at one that still looks for its files. */
const SCAN_INTERVAL = 100;
const MAX_SCANS = 20;
/** ... and for one that is gone. */
const RETRY_INTERVAL = 1_000;
/** A server that is busy but isn't hashing gets this many chances. */
const MAX_BUSY_ANSWERS = 5;

/** A publisher that still hashes, as its share's JSON tells it. */
export interface Unfinished {
  readonly name: string;
  readonly bytes: number;
  readonly files: number;
  /** Hashed so far, bytes. */
  readonly bytesDone: number;
  /** The share's own, on the server that was asked; absent when it doesn't say. */
  readonly url?: string;
}

/** The server wants a password (401). */
export class PasswordError extends BoojumError {
  /** One was given, and it is wrong. */
  readonly wrong: boolean;

  constructor(url: string, wrong: boolean, proxy?: string) {
    const how = "Give it with --password or --password-file, or in BOOJUM_PASSWORD.";
    // Some proxies say 401 where they mean 407.
    const via = proxy === undefined ? "" : ` Or is it the proxy ${proxy} that wants another one of its own?`;
    super(
      "password",
      wrong
        ? `That is not the password of ${url}. Ask whoever gave you the link.${via}`
        : `${url} needs a password. ${how}${via}`,
    );
    this.wrong = wrong;
  }
}

export interface FetchTorrentOptions {
  readonly userAgent: string;
  /** Of the share; none by default. */
  readonly password?: string | undefined;
  /** Which requests go through a proxy; none by default. */
  readonly proxies?: ProxyRules | undefined;
  readonly clock: Clock;
  /** See `OpenOptions.timeout`. */
  readonly timeout?: number | undefined;
  /** Told every half second while the publisher hashes; undefined when it doesn't say how far it is. */
  readonly onUnfinished: (status: Unfinished | undefined) => void;
  /** Milliseconds for which a publisher that was hashing may not answer: it may be started again. None by default. */
  readonly patience?: number | undefined;
  /**
   * Called once, when the publisher has listed its files; asked again when it has settled.
   * @param url where the publisher tells the hashes that it knows
   */
  readonly meanwhile?: ((url: string, authorization: string | undefined) => Promise<void>) | undefined;
}

export interface FetchedTorrent {
  readonly bytes: Uint8Array;
  /** After redirects. */
  readonly url: string;
  /** A server on a public address was involved: what the torrent names must not lead into our own network. */
  readonly fromPublic: boolean;
}

/**
 * Fetches the `.torrent` at `url`, waiting for a publisher that still hashes.
 * @throws {PasswordError} a password is needed, or another one.
 * @throws {FetchError} saying what is there instead.
 */
export async function fetchTorrent(
  url: string,
  options: FetchTorrentOptions,
  signal: AbortSignal,
): Promise<FetchedTorrent> {
  const { userAgent, password, proxies, clock, timeout } = options;
  const authorization = password === undefined ? undefined : basic(password);
  const how = {
    accept: "application/x-bittorrent",
    maxBytes: MAX_TORRENT_BYTES,
    userAgent,
    authorization,
    proxies,
    timeout,
  };
  let { meanwhile } = options;
  let hashedAt: number | undefined;
  let scans = 0;
  for (let busy = 0; ; ) {
    let got: Got;
    try {
      got = await httpGet(url, how, signal);
    } catch (error) {
      const isGone = hashedAt === undefined || clock.now() - hashedAt >= (options.patience ?? 0);
      if (isGone || !(error instanceof FetchError)) throw error;
      await pause(clock, RETRY_INTERVAL, signal);
      continue;
    }
    if (got.status === 401) throw new PasswordError(url, password !== undefined, got.proxy);
    if (got.status !== 503) {
      return { bytes: checkTorrent(url, got), url: got.url, fromPublic: got.fromPublic };
    }
    const status = statusOf(got);
    if (status === undefined && ++busy >= MAX_BUSY_ANSWERS) {
      throw new FetchError(url, `${url} is busy (503). Try again later.`);
    }
    options.onUnfinished(status);
    if (status !== undefined) hashedAt = clock.now();
    const share = shareUrl(got.url, status);
    if (share !== undefined && meanwhile !== undefined) {
      const run = meanwhile;
      meanwhile = undefined;
      await run(`${share}/hashes`, authorization);
      hashedAt = clock.now();
      continue;
    }
    const delay = status === undefined ? Math.min(got.retryAfter ?? 1, 5) * 1000 : POLL_INTERVAL;
    // Files are listed in no time, as a rule; what comes by a pipe may take hours.
    const isListing = status?.bytes === 0 && ++scans <= MAX_SCANS;
    await pause(clock, isListing ? SCAN_INTERVAL : delay, signal);
  }
}

/** The share that is being prepared: only where it was asked for, and when its files are known. */
function shareUrl(askedAt: string, status: Unfinished | undefined): string | undefined {
  const { url, bytes = 0 } = status ?? {};
  if (url === undefined || bytes === 0 || !URL.canParse(url)) return undefined;
  return new URL(url).origin === new URL(askedAt).origin ? url.replace(/\/+$/, "") : undefined;
}

/** RFC 7617; our own servers don't look at the user's name. */
export function basic(password: string): string {
  return `Basic ${Buffer.from(`:${password}`, "utf8").toString("base64")}`;
}

/** Looks at what arrived and refuses what can't be a torrent, by its first bytes rather than by its label. */
function checkTorrent(url: string, { status, contentType, body, proxy }: Got): Uint8Array {
  if (status !== 200) {
    const via = proxy === undefined ? "" : ` It was asked through the proxy ${proxy}.`;
    throw new FetchError(url, refusal(url, status) + via);
  }
  // A bencoded dictionary starts with "d"; nothing else can be a torrent.
  if (body[0] === 0x64) return body;
  if (contentType === "text/html" || body[0] === 0x3c) {
    throw new FetchError(
      url,
      `${url} is a web page, not a torrent. Open it in a browser and copy the torrent's link.`,
    );
  }
  const what = contentType === "" ? "" : ` but ${contentType}`;
  throw new FetchError(
    url,
    `${url} is not a torrent${what}. Is the URL whole? A share's ends with /s/ and its ID.`,
  );
}

/** What an answer of that status means, other than 200, 401 and 503, and what to do. */
export function refusal(url: string, status: number): string {
  switch (status) {
    case 403:
      return `${url} needs a permission that you don't have (403).`;
    case 404:
      return `There is nothing at ${url} (404). Is the share still published, and the URL whole?`;
    case 410:
      return `${url} isn't shared any more (410). Ask whoever published it.`;
    case 421:
      return `${url} was refused for its host name (421). Use the numeric address.`;
    case 429:
      return `${url} had too many tries from here (429). Wait a minute and try again.`;
    default:
      return `${url} answers with an error (${status}). Try again later.`;
  }
}

/** A share that still hashes answers with its JSON; any other busy server with anything. */
function statusOf({ contentType, body }: Got): Unfinished | undefined {
  if (contentType !== "application/json") return undefined;
  try {
    return readStatus(JSON.parse(Buffer.from(body).toString("utf8")));
  } catch {
    return undefined;
  }
}

function readStatus(value: unknown): Unfinished | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const name = fields.get("name");
  const url = fields.get("url");
  if (typeof name !== "string") return undefined;
  return {
    ...(typeof url === "string" && { url }),
    name,
    bytes: amount(fields.get("bytes")),
    files: amount(fields.get("files")),
    bytesDone: amount(fields.get("bytesDone")),
  };
}

function amount(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function pause(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(delay, () => {
      signal.removeEventListener("abort", end);
      resolve();
    });
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
