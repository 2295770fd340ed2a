/** A bounded HTTP GET for things that strangers serve: torrents and small answers. */
import { lookup as lookupName } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { BoojumError } from "../protocol/errors.ts";
import { ipScope, parseIp } from "../protocol/ip-address.ts";
import { NO_PROXIES, type Proxy, type ProxyRules, proxyFor } from "./core/proxy-choice.ts";
import { asProxyError, beginRequest, ProxyError, proxyRefusal } from "./http-request.ts";

/** Something could not be fetched; the message says what the other side did and what to try. */
export class FetchError extends BoojumError {
  readonly url: string;

  constructor(url: string, message: string, options?: ErrorOptions) {
    super("fetch", message, options);
    this.url = url;
  }
}

export interface GetOptions {
  /** The `Accept` header. */
  readonly accept: string;
  /** The body may not be larger, also after decompression. */
  readonly maxBytes: number;
  readonly userAgent: string;
  /** The `Authorization` header; goes to the server of the first URL and no other. */
  readonly authorization?: string | undefined;
  /** Which requests go through a proxy; none by default. */
  readonly proxies?: ProxyRules | undefined;
  /** Whether an IP literal is on a network that is not the internet; tests on one machine have their own answer. */
  readonly isLocalAddress?: (address: string) => boolean;
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
}

const MAX_REDIRECTS = 5;
const CONNECT_TIMEOUT = 10_000;
const IDLE_TIMEOUT = 30_000;

interface Host {
  readonly addresses: readonly { readonly address: string; readonly family: number }[];
  readonly local: boolean;
}

/** How a server is reached: its addresses are known, or a proxy's business. */
type Way =
  | { readonly kind: "direct"; readonly host: Host }
  | { readonly kind: "proxy"; readonly proxy: Proxy };

/**
 * Fetches `url`, following at most five redirects, never from a public to a local address: a stranger's server must
 * not make us talk to machines that only we can reach.
 * @throws {FetchError} for everything but an answer; the answer may still be a 404.
 */
export async function httpGet(url: string, options: GetOptions, signal: AbortSignal): Promise<Got> {
  let at = url;
  let cameFromPublic = false;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const target = parseTarget(url, at);
    const way = await findWay(target, options, signal);
    // What a proxy reaches is not us who reach it; local literals and names never go there.
    const isLocal = way.kind === "direct" && way.host.local;
    if (isLocal && cameFromPublic) {
      throw new FetchError(
        url,
        `${url} leads to ${target.host}, an address on a local network. It was not contacted.`,
      );
    }
    cameFromPublic ||= !isLocal;
    const isSameServer = target.origin === new URL(url).origin;
    const { authorization, ...others } = options;
    const answer = await getOnce(target, way, isSameServer ? { ...others, authorization } : others, signal);
    if (typeof answer !== "string") return answer;
    at = new URL(answer, target).href;
  }
  throw new FetchError(
    url,
    `${url} redirects more than ${MAX_REDIRECTS} times. Ask whoever runs it for the right address.`,
  );
}

function parseTarget(origin: string, text: string): URL {
  if (!URL.canParse(text)) throw new FetchError(origin, `"${text}" is not a URL.`);
  const target = new URL(text);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new FetchError(origin, `${text} can't be fetched: only http and https URLs can.`);
  }
  return target;
}

async function findWay(target: URL, options: GetOptions, signal: AbortSignal): Promise<Way> {
  const proxy = proxyFor(target, options.proxies ?? NO_PROXIES);
  if (proxy !== undefined && "problem" in proxy) {
    throw new FetchError(target.href, `${target.href} can't be fetched: ${proxy.problem}.`);
  }
  if (proxy !== undefined) return { kind: "proxy", proxy };
  return {
    kind: "direct",
    host: await resolveHost(target, options.isLocalAddress ?? isLocalAddress, signal),
  };
}

/** The name is resolved once and the connection pinned to what was checked, so it can't change in between. */
async function resolveHost(
  target: URL,
  isLocal: (address: string) => boolean,
  signal: AbortSignal,
): Promise<Host> {
  signal.throwIfAborted();
  const name = target.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(name);
  const addresses =
    family === 0
      ? await lookupName(name, { all: true }).catch((cause: unknown) => {
          throw new FetchError(
            target.href,
            `The name ${name} in ${target.href} is not known here. Is it spelled right?`,
            {
              cause,
            },
          );
        })
      : [{ address: name, family }];
  signal.throwIfAborted();
  // Where any address is local, the name is: a stranger's name must not be both.
  const local = addresses.some(({ address }) => isLocal(address));
  return { addresses, local };
}

function isLocalAddress(address: string): boolean {
  const bytes = parseIp(address);
  return bytes === undefined || ipScope(bytes) !== "public";
}

/** @returns the answer, or where it redirects to. */
async function getOnce(
  target: URL,
  way: Way,
  options: GetOptions,
  signal: AbortSignal,
): Promise<Got | string> {
  const proxy = way.kind === "proxy" ? way.proxy : undefined;
  const how = {
    path: target.pathname + target.search,
    headers: {
      accept: options.accept,
      "accept-encoding": "identity",
      "user-agent": options.userAgent,
      ...(options.authorization !== undefined && { authorization: options.authorization }),
    },
    credentials: target.username === "" ? undefined : credentialsOf(target),
    lookup: way.kind === "direct" ? pinnedTo(way.host) : nothing,
    signal,
  };
  const request = await beginRequest(target, how, proxy).catch((cause: unknown) => {
    throw signal.aborted ? signal.reason : fetchError(target.href, cause);
  });
  return await new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      request.destroy();
      reject(signal.aborted ? signal.reason : fetchError(target.href, cause));
    };
    // Over http the other end of the connection is the proxy.
    const isProxys = proxy !== undefined && target.protocol === "http:";
    const broke = (cause: unknown) => fail(isProxys ? asProxyError(proxy, cause) : cause);
    const connecting = setTimeout(() => fail(new TimeoutError()), CONNECT_TIMEOUT);
    request.setTimeout(IDLE_TIMEOUT, () => fail(new TimeoutError()));
    request.on("error", broke);
    request.on("close", () => clearTimeout(connecting));
    request.on("response", (response) => {
      clearTimeout(connecting);
      const refusal = isProxys ? proxyRefusal(proxy, response.statusCode) : undefined;
      if (refusal !== undefined) return fail(refusal);
      const redirect = redirectOf(response);
      if (redirect !== undefined) {
        request.destroy();
        if (!URL.canParse(redirect, target.href)) fail(new Error(`it redirects to "${redirect}"`));
        else resolve(redirect);
        return;
      }
      readBody(response, options.maxBytes).then(
        (body) => resolve({ ...describe(response), body, url: target.href, proxy: proxy?.label }),
        fail,
      );
    });
    request.end();
  });
}

function credentialsOf({ username, password }: URL): string {
  return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode) ? headers.location : undefined;
}

function pinnedTo(host: Host): LookupFunction {
  return (_name, lookupOptions, done) => {
    const [first] = host.addresses;
    if (lookupOptions.all) done(null, [...host.addresses]);
    else done(null, first?.address ?? "", first?.family);
  };
}

/** A proxy resolves names itself. */
const nothing: LookupFunction = (name, _options, done) =>
  done(new Error(`${name} is not to be resolved here`), "");

function describe(response: IncomingMessage): Pick<Got, "status" | "contentType" | "retryAfter"> {
  const contentType = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const retryAfter = Number(response.headers["retry-after"] ?? Number.NaN);
  return {
    status: response.statusCode ?? 0,
    contentType,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  };
}

/** Counts what comes out of the decompressor, and stops there: a small answer may unpack to gigabytes. */
async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
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
    if (length > maxBytes) throw new TooLargeError(maxBytes);
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

class TimeoutError extends Error {}

class TooLargeError extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super("too large");
    this.maxBytes = maxBytes;
  }
}

function fetchError(url: string, cause: unknown): FetchError {
  const fail = (message: string) => new FetchError(url, message, { cause });
  const { host, hostname } = new URL(url);
  if (cause instanceof FetchError) return cause;
  if (cause instanceof ProxyError) {
    return fail(
      `${url} can't be fetched: ${cause.message}. Where no proxy is needed, name ${hostname} in no_proxy.`,
    );
  }
  if (cause instanceof TimeoutError) return fail(`${host} doesn't answer. Is it reachable from here?`);
  if (cause instanceof TooLargeError) {
    return fail(
      `${url} sends more than ${cause.maxBytes / 1e6} MB, too much for a torrent. Nothing was kept.`,
    );
  }
  const code = causeCode(cause);
  if (code === "ECONNREFUSED") {
    return fail(`Nobody listens at ${host}. Is the publisher still running, and the port right?`);
  }
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT") {
    return fail(`${host} can't be reached from this machine. Are both on the same network?`);
  }
  if (/CERT|ISSUER|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code)) {
    return fail(
      `The certificate of ${hostname} can't be trusted (${code}). Use http, or ask whoever runs it.`,
    );
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return fail(`${host} doesn't speak https. Try the same URL with http.`);
  }
  const said = cause instanceof Error ? cause.message : String(cause);
  return fail(`${url} can't be fetched: ${said === "" ? code : said}.`);
}

/** The system's code of an error, or of the first one inside an AggregateError (several addresses tried). */
function causeCode(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeCode(cause.errors[0]);
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
