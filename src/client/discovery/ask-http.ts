/** Asks trackers over HTTP and HTTPS. Not by `fetch`, which would tidy the escapes and follow redirects anywhere. */
import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { SourceFor } from "../../platform/source-address.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { credentialsIn } from "../../protocol/urls.ts";
import { type Hop, isLocalScope, reasonAgainst } from "../core/announce-guard.ts";
import type { ParsedReply } from "../core/announce-reply.ts";
import { TrackerError } from "../core/announce-types.ts";
import { NO_PROXIES, type Proxy, type ProxyRules, proxyFor } from "../core/proxy-choice.ts";
import { asProxyError, beginRequest, proxyRefusal } from "../http/http-request.ts";

export interface AskHttpOptions {
  /** Milliseconds for everything, redirects included; 15,000 by default. */
  readonly timeout?: number | undefined;
  /** Which requests go through a proxy; none by default. */
  readonly proxies?: ProxyRules | undefined;
  /** May a hop be made? The rule of `announce-guard.ts` by default; tests, which are on one machine, need others. */
  readonly reasonAgainst?: (hop: Hop) => string | undefined;
  /** Resolves names; the system's by default. */
  readonly lookup?: typeof dnsLookup;
  /** Where requests leave from; by default the system chooses. */
  readonly sourceFor?: SourceFor | undefined;
}

const DEFAULT_TIMEOUT = 15_000;
const MAX_REPLY = 1024 * 1024;
const MAX_REDIRECTS = 5;

/** What is asked of a tracker, and how its answer is read. */
export interface HttpQuestion<T> {
  /** Path and query for the tracker's URL. */
  readonly pathFor: (url: URL) => string;
  readonly read: (body: Uint8Array) => ParsedReply<T>;
}

/**
 * Asks once; a connection is made, and closed.
 * @throws {TrackerError} when there is no answer, or a refusal; the reason of `signal` when that aborts.
 */
export async function askHttp<T>(
  url: string,
  question: HttpQuestion<T>,
  options: AskHttpOptions,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(options.timeout ?? DEFAULT_TIMEOUT);
  try {
    return await askOnce(url, question, options, AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TrackerError) throw error;
    const reason = deadline.aborted
      ? "it took too long"
      : error instanceof Error
        ? error.message
        : String(error);
    throw new TrackerError(url, reason, { cause: error, unanswered: true });
  }
}

async function askOnce<T>(
  url: string,
  { pathFor, read }: HttpQuestion<T>,
  options: AskHttpOptions,
  signal: AbortSignal,
): Promise<T> {
  const fail = (reason: string) => new TrackerError(url, reason, { unanswered: true });
  if (!URL.canParse(url)) throw fail("its URL is malformed");
  let target = new URL(url);
  let path = pathFor(target);
  let sentByPublic = false;
  for (let redirects = 0; ; redirects++) {
    if (target.protocol !== "http:" && target.protocol !== "https:")
      throw fail(`${target.protocol} is not HTTP`);
    const { response, proxy } = await get(target, path, sentByPublic, options, signal);
    const { statusCode = 0 } = response;
    const location = response.headers.location;
    if (statusCode >= 300 && statusCode < 400 && location !== undefined) {
      // A proxy's own address says nothing about who sent us on.
      const from = proxy === undefined ? parseIp(response.socket.remoteAddress ?? "") : undefined;
      response.destroy();
      if (redirects === MAX_REDIRECTS) throw fail(`more than ${MAX_REDIRECTS} redirects`);
      if (!URL.canParse(location, target.href)) throw fail("it redirects to a malformed URL");
      sentByPublic ||= from === undefined || !isLocalScope(ipScope(from));
      target = new URL(location, target);
      path = target.pathname + target.search;
      continue;
    }
    const parsed = read(await readBody(response));
    if (parsed.ok && statusCode === 200) return parsed.reply;
    if (!parsed.ok && parsed.refused) {
      throw new TrackerError(url, parsed.reason, { retryIn: parsed.retryIn });
    }
    throw fail(statusCode === 200 && !parsed.ok ? parsed.reason : `it answered with status ${statusCode}`);
  }
}

async function get(
  target: URL,
  path: string,
  sentByPublic: boolean,
  options: AskHttpOptions,
  signal: AbortSignal,
): Promise<{ readonly response: IncomingMessage; readonly proxy: Proxy | undefined }> {
  const forbids = (ip: Uint8Array | undefined) =>
    (options.reasonAgainst ?? reasonAgainst)({ ip, path: target.pathname, sentByPublic });
  const proxy = proxyFor(target, options.proxies ?? NO_PROXIES);
  if (proxy !== undefined && "problem" in proxy) throw new Error(proxy.problem);
  const literal = parseIp(target.hostname.replace(/^\[|\]$/g, ""));
  const isJudgedNow = literal !== undefined || proxy !== undefined;
  const against = isJudgedNow ? forbids(proxy === undefined ? literal : undefined) : undefined;
  if (against !== undefined) throw new Error(against);
  const how = {
    path,
    headers: { "User-Agent": "Boojum", Accept: "*/*" },
    credentials: credentialsIn(target),
    lookup: guardedLookup(options.lookup ?? dnsLookup, forbids),
    sourceFor: options.sourceFor,
    signal,
  };
  const request = await beginRequest(target, how, proxy);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // Over http the other end of the connection is the proxy.
    const isProxys = proxy !== undefined && target.protocol === "http:";
    request.on("error", (error) => reject(isProxys && !signal.aborted ? asProxyError(proxy, error) : error));
    request.on("response", resolve);
    request.end();
  });
  const refusal = target.protocol === "http:" ? proxyRefusal(proxy, response.statusCode) : undefined;
  if (refusal === undefined) return { response, proxy };
  response.destroy();
  throw refusal;
}

/** Resolves a name and leaves out the addresses that are forbidden, so that a name is no way around the rule. */
function guardedLookup(
  lookup: typeof dnsLookup,
  forbids: (ip: Uint8Array) => string | undefined,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, "", 0);
        return;
      }
      let against: string | undefined;
      const allowed = found.filter(({ address }) => {
        const ip = parseIp(address);
        const reason = ip === undefined ? "an address that is none" : forbids(ip);
        against ??= reason;
        return reason === undefined;
      });
      const first: LookupAddress | undefined = allowed[0];
      if (first === undefined) callback(new Error(against ?? `${hostname} has no address`), "", 0);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    // no encoding is set, so parts are bytes
    length += part.length;
    // Leaving the loop destroys the response.
    if (length > MAX_REPLY) throw new Error("its reply is longer than 1 MiB");
    parts.push(part);
  }
  const body = concatBytes(parts);
  // Not asked for, but some servers compress everything.
  if (!/\bgzip\b/i.test(response.headers["content-encoding"] ?? "")) return body;
  return promisify(gunzip)(body, { maxOutputLength: MAX_REPLY });
}
