/** Follows the hashes of a torrent that a publisher is still making, over broken connections too. */
import type { Clock } from "../../protocol/ambient.ts";
import { type EarlyHead, HashLines, HashLinesError } from "../core/hash-lines.ts";
import { FetchError, type OpenOptions, openHttp } from "./http-open.ts";

export interface HashStreamOptions extends Pick<OpenOptions, "proxies" | "authorization"> {
  readonly userAgent: string;
  readonly clock: Clock;
}

export interface HashStreamEvents {
  /** Each time that the publisher begins to tell, so also after a broken connection. */
  head(head: EarlyHead, fromPublic: boolean): void;
  hashes(from: number, sha1: Uint8Array): void;
}

/** How it ended. */
export type HashOutcome =
  | { readonly infoHash: string }
  /** The publisher gave up; what it told before counts for nothing. */
  | { readonly error: string };

/** The server speaks no such thing, or not any more. */
export class NoHashesError extends FetchError {}

const RETRY_MS = 1_000;
/** The publisher says something every five seconds. */
const SILENCE_MS = 20_000;

/**
 * Reads `url` until the publisher has told everything, once or as often as the connection breaks.
 * @throws {NoHashesError} it has nothing of the kind: an older version, or nothing shared there.
 * @throws {HashLinesError} what it tells makes no sense.
 */
export async function followHashes(
  url: string,
  options: HashStreamOptions,
  events: HashStreamEvents,
  signal: AbortSignal,
): Promise<HashOutcome> {
  for (;;) {
    const outcome = await readOnce(url, options, events, signal);
    if (outcome !== undefined) return outcome;
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        timer.cancel();
        reject(signal.reason);
      };
      const timer = options.clock.after(RETRY_MS, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }
}

/** @returns undefined when it's worth another try. */
async function readOnce(
  url: string,
  { proxies, authorization, userAgent, clock }: HashStreamOptions,
  events: HashStreamEvents,
  signal: AbortSignal,
): Promise<HashOutcome | undefined> {
  const headers = { "user-agent": userAgent, accept: "application/x-ndjson" };
  let opened: Awaited<ReturnType<typeof openHttp>>;
  try {
    opened = await openHttp(url, { headers, proxies, authorization, isWatched: true }, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof FetchError)) throw error;
    return undefined;
  }
  const { response, fromPublic } = opened;
  const { statusCode = 0, headers: got } = response;
  if (statusCode !== 200 || got["content-type"] !== "application/x-ndjson") {
    response.destroy();
    // It may still be looking for the files.
    if (statusCode === 503) return undefined;
    throw new NoHashesError(url, `${url} tells no hashes (${statusCode}).`);
  }
  const found: { outcome?: HashOutcome } = {};
  const lines = new HashLines({
    head: (head) => events.head(head, fromPublic),
    hashes: (from, sha1) => events.hashes(from, sha1),
    done: (infoHash) => {
      found.outcome = { infoHash };
    },
    failed: (error) => {
      found.outcome = { error };
    },
  });
  let silence = clock.after(SILENCE_MS, () => response.destroy());
  try {
    for await (const bytes of response) {
      silence.cancel();
      silence = clock.after(SILENCE_MS, () => response.destroy());
      // Without an encoding a response gives Buffers.
      lines.push(bytes as Buffer);
      if (found.outcome !== undefined) break;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // A connection that broke is made again; what makes no sense is not asked for again.
    if (error instanceof HashLinesError) throw error;
  } finally {
    silence.cancel();
    response.destroy();
  }
  return found.outcome;
}
