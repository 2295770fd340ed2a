/** Fetches ranges of files over HTTP (RFC 9110, 14), on connections that are kept. */
import type { IncomingMessage } from "node:http";
import type { Clock, Timer } from "../../protocol/ambient.ts";
import { RacingHttpAgent, RacingHttpsAgent } from "./http-agents.ts";
import { type OpenOptions, openHttp } from "./http-open.ts";
import { type FetchRange, type FileRange, RangeFailure } from "./range-types.ts";

export interface RangesOptions
  extends Pick<OpenOptions, "proxies" | "cameFromPublic" | "isLocalAddress" | "timeout"> {
  readonly userAgent: string;
  readonly clock: Clock;
  /** Milliseconds that an answer may stand still; 10,000 by default. */
  readonly stallTimeout?: number;
}

export interface Ranges {
  readonly fetch: FetchRange;
  /** Closes the connections that are kept. */
  close(): void;
}

const STALL_TIMEOUT = 10_000;
/** Longer than our own server keeps them would only find them closed. */
const KEPT_FOR = 10_000;

export function openRanges(options: RangesOptions): Ranges {
  const agents = {
    http: new RacingHttpAgent({ keepAlive: true, timeout: KEPT_FOR }),
    https: new RacingHttpsAgent({ keepAlive: true, timeout: KEPT_FOR }),
  };
  const fetch: FetchRange = async (range, onData, signal) => {
    const { offset, length } = range;
    const headers = {
      "user-agent": options.userAgent,
      accept: "*/*",
      range: `bytes=${offset}-${offset + length - 1}`,
    };
    const { proxies, cameFromPublic, isLocalAddress, clock, timeout } = options;
    const how = {
      headers,
      proxies,
      cameFromPublic,
      isLocalAddress,
      // Others have the data, too: who doesn't begin at once is not waited for.
      timeout: timeout ?? STALL_TIMEOUT,
      agents,
      isWatched: true,
      reasonAgainstLocal,
    };
    const { response } = await openHttp(range.url, how, signal).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new RangeFailure("failed", cause instanceof Error ? cause.message : String(cause));
    });
    try {
      checkHead(response, range);
      await readRange(response, range, onData, {
        clock,
        stallTimeout: options.stallTimeout ?? STALL_TIMEOUT,
      });
    } catch (error) {
      response.destroy();
      if (signal.aborted) throw signal.reason;
      if (error instanceof RangeFailure) throw error;
      throw new RangeFailure("failed", `${range.url}: ${error instanceof Error ? error.message : error}`);
    }
  };
  return {
    fetch,
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

/** A torrent is a stranger's text: a query could press buttons on a router; the path of a file does little. */
function reasonAgainstLocal(target: URL): string | undefined {
  return target.search === "" ? undefined : "web seeds there must not have a query";
}

/** @throws {RangeFailure} the answer isn't the range that was asked for. */
function checkHead({ statusCode = 0, headers }: IncomingMessage, range: FileRange): void {
  const fail = (verdict: RangeFailure["verdict"], what: string, retryAfter?: number) =>
    new RangeFailure(verdict, `${range.url} ${what}`, retryAfter);
  const { offset, length, fileLength } = range;
  const encoding = headers["content-encoding"] ?? "identity";
  if (statusCode === 206) {
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    if (size !== undefined && size !== "*" && Number(size) !== fileLength)
      throw fail("absent", `has ${size} bytes, not ${fileLength}`);
    if (Number(first) !== offset || Number(last) !== offset + length - 1)
      throw fail("useless", "gives another range than it was asked for");
  } else if (statusCode === 200) {
    const size = headers["content-length"];
    if (length !== fileLength) throw fail("useless", "gives no ranges, only whole files");
    if (size !== undefined && Number(size) !== fileLength)
      throw fail("absent", `has ${size} bytes, not ${fileLength}`);
  } else if ([403, 404, 409, 410, 416].includes(statusCode))
    throw fail("absent", `is not there (${statusCode})`);
  else if (statusCode === 429 || statusCode === 503) {
    const seconds = Number(headers["retry-after"] ?? Number.NaN);
    throw fail("busy", `is busy (${statusCode})`, Number.isFinite(seconds) ? seconds : undefined);
  } else if (statusCode === 408 || statusCode >= 500) throw fail("failed", `answers ${statusCode}`);
  else throw fail("useless", `answers ${statusCode}`);
  if (encoding !== "identity") throw fail("useless", `is encoded as "${encoding}", which was not asked for`);
}

interface ReadingOptions {
  readonly clock: Clock;
  readonly stallTimeout: number;
}

/** Settles at the last byte of the range, whatever else the server would send. */
function readRange(
  response: IncomingMessage,
  { url, length }: FileRange,
  onData: (bytes: Uint8Array) => Promise<void> | undefined,
  { clock, stallTimeout }: ReadingOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = length;
    let movedAt = clock.now();
    let timer: Timer | undefined;
    const settle = (error?: Error) => {
      timer?.cancel();
      timer = undefined;
      if (error !== undefined) reject(error);
      else resolve();
    };
    // Not a timer for each chunk: one that looks whether anything has moved since it was set.
    const watch = (): void => {
      const idle = clock.now() - movedAt;
      if (idle >= stallTimeout && !response.isPaused())
        settle(new RangeFailure("failed", `${url} stands still`));
      else timer = clock.after(Math.max(1_000, stallTimeout - idle), watch);
    };
    watch();
    response.on("data", (bytes: Buffer) => {
      left -= bytes.length;
      if (left < 0) return settle(new RangeFailure("useless", `${url} sends more than it was asked for`));
      movedAt = clock.now();
      const wait = onData(bytes);
      if (wait === undefined) return;
      response.pause();
      void wait.then(() => {
        movedAt = clock.now();
        return response.resume();
      });
    });
    response.on("end", () => settle(left === 0 ? undefined : new Error("it ended early")));
    response.on("error", (error) => settle(error));
    response.on("close", () => settle(left === 0 ? undefined : new Error("the connection broke")));
  });
}
