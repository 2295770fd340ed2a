/** Opens HTTP answers, following redirects, and never lets a stranger's server send us into our own network. */
import { lookup as lookupName } from "node:dns/promises";
import type { ClientRequest, Agent as HttpAgent, IncomingMessage } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { BoojumError } from "../../protocol/errors.ts";
import { ipScope, parseIp } from "../../protocol/ip-address.ts";
import { credentialsIn } from "../../protocol/urls.ts";
import { NO_PROXIES, type Proxy, type ProxyRules, proxyFor } from "../core/proxy-choice.ts";
import { asProxyError, beginRequest, ProxyError, proxyRefusal } from "./http-request.ts";

/** Something could not be fetched; the message says what the other side did and what to try. */
export class FetchError extends BoojumError {
  readonly url: string;

  constructor(url: string, message: string, options?: ErrorOptions) {
    super("fetch", message, options);
    this.url = url;
  }
}

export interface OpenOptions {
  /** Besides `Host` and `Accept-Encoding: identity`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The `Authorization` header; goes to the server of the first URL and no other. */
  readonly authorization?: string | undefined;
  /** Which requests go through a proxy; none by default. */
  readonly proxies?: ProxyRules | undefined;
  /** A public server told us the URL, so it must not lead to a local address. */
  readonly cameFromPublic?: boolean | undefined;
  /** Why a local address is not to be asked for `target`, if it isn't. */
  readonly reasonAgainstLocal?: ((target: URL) => string | undefined) | undefined;
  /**
   * Milliseconds until somebody must take the call, until the answer must begin, and that it may stand still; by
   * default 10,000, 30,000 and 30,000.
   */
  readonly timeout?: number | undefined;
  /** Whoever reads the body sees for himself whether it stands still. */
  readonly isWatched?: boolean | undefined;
  /** Keep connections for the next request; none by default. */
  readonly agents?: { readonly http: HttpAgent; readonly https: HttpsAgent } | undefined;
  /** Whether an IP literal is on a network that is not the internet; tests on one machine have their own answer. */
  readonly isLocalAddress?: ((address: string) => boolean) | undefined;
}

/** The head of an answer has come; its body is the caller's to read or to destroy. */
export interface Opened {
  readonly response: IncomingMessage;
  /** After redirects. */
  readonly url: string;
  /** `HOST:PORT` of the proxy that passed it on. */
  readonly proxy: string | undefined;
  /** A server on a public address was involved. */
  readonly fromPublic: boolean;
}

const MAX_REDIRECTS = 5;
/** Milliseconds until somebody takes the call. A system does that by itself, however busy its programs are. */
const CONNECT_TIMEOUT = 10_000;
/** From then until the head of the answer: a program on a busy machine takes its time. */
const ANSWER_TIMEOUT = 30_000;
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
 * Asks for `url`, following at most five redirects, never from a public to a local address: a stranger's server must
 * not make us talk to machines that only we can reach. A body that stands still for half a minute is cut.
 * @throws {FetchError} for everything but an answer; the answer may still be a 404.
 */
export async function openHttp(url: string, options: OpenOptions, signal: AbortSignal): Promise<Opened> {
  let at = url;
  let cameFromPublic = options.cameFromPublic ?? false;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const target = parseTarget(url, at);
    const way = await findWay(target, options, signal);
    // What a proxy reaches is not us who reach it; local literals and names never go there.
    const isLocal = way.kind === "direct" && way.host.local;
    const reason = isLocal ? options.reasonAgainstLocal?.(target) : undefined;
    if (isLocal && (cameFromPublic || reason !== undefined)) {
      const why = cameFromPublic ? "" : `, and ${reason}`;
      throw new FetchError(
        url,
        `${url} leads to ${target.host}, an address on a local network${why}. It was not contacted.`,
      );
    }
    cameFromPublic ||= !isLocal;
    const isSameServer = target.origin === new URL(url).origin;
    const { authorization, ...others } = options;
    const answer = await openOnce(target, way, isSameServer ? { ...others, authorization } : others, signal);
    if (typeof answer !== "string") return { ...answer, fromPublic: cameFromPublic };
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

async function findWay(target: URL, options: OpenOptions, signal: AbortSignal): Promise<Way> {
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
            { cause },
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
async function openOnce(
  target: URL,
  way: Way,
  options: OpenOptions,
  signal: AbortSignal,
): Promise<Omit<Opened, "fromPublic"> | string> {
  const proxy = way.kind === "proxy" ? way.proxy : undefined;
  const { headers, authorization, agents } = options;
  // A request that waits for its connection can't be destroyed.
  const over = new AbortController();
  const how = {
    path: target.pathname + target.search,
    headers: {
      "accept-encoding": "identity",
      ...headers,
      ...(authorization !== undefined && { authorization }),
    },
    credentials: credentialsIn(target),
    lookup: way.kind === "direct" ? pinnedTo(way.host) : nothing,
    agent: target.protocol === "https:" ? agents?.https : agents?.http,
    signal: AbortSignal.any([signal, over.signal]),
  };
  const request = await beginRequest(target, how, proxy).catch((cause: unknown) => {
    throw signal.aborted ? signal.reason : fetchError(target.href, cause);
  });
  return await new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      over.abort();
      reject(signal.aborted ? signal.reason : fetchError(target.href, cause));
    };
    // Over http the other end of the connection is the proxy.
    const isProxys = proxy !== undefined && target.protocol === "http:";
    const broke = (cause: unknown) => fail(isProxys ? asProxyError(proxy, cause) : cause);
    const failLate = () => fail(new TimeoutError());
    let waiting = setTimeout(failLate, options.timeout ?? CONNECT_TIMEOUT);
    whenConnected(request, () => {
      clearTimeout(waiting);
      waiting = setTimeout(failLate, options.timeout ?? ANSWER_TIMEOUT);
    });
    let body: IncomingMessage | undefined;
    request.setTimeout(options.timeout ?? IDLE_TIMEOUT, () => {
      if (body === undefined) fail(new TimeoutError());
      else body.destroy(new TimeoutError());
    });
    request.on("error", broke);
    request.on("close", () => clearTimeout(waiting));
    request.on("response", (response) => {
      clearTimeout(waiting);
      const refusal = isProxys ? proxyRefusal(proxy, response.statusCode) : undefined;
      if (refusal !== undefined) return fail(refusal);
      const redirect = redirectOf(response);
      body = response;
      if (options.isWatched) request.setTimeout(0);
      if (redirect === undefined) return resolve({ response, url: target.href, proxy: proxy?.label });
      request.destroy();
      if (!URL.canParse(redirect, target.href)) fail(new Error(`it redirects to "${redirect}"`));
      else resolve(redirect);
    });
    request.end();
  });
}

function whenConnected(request: ClientRequest, then: () => void): void {
  request.once("socket", (socket) => {
    if (socket.connecting) socket.once("connect", then);
    else then();
  });
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

class TimeoutError extends Error {
  constructor() {
    super("it stood still for too long");
  }
}

/** In words for people, whatever went wrong on the way. */
export function fetchError(url: string, cause: unknown): FetchError {
  const fail = (message: string) => new FetchError(url, message, { cause });
  const { host, hostname } = new URL(url);
  if (cause instanceof FetchError) return cause;
  if (cause instanceof ProxyError) {
    return fail(
      `${url} can't be fetched: ${cause.message}. Where no proxy is needed, name ${hostname} in no_proxy.`,
    );
  }
  if (cause instanceof TimeoutError) return fail(`${host} doesn't answer. Is it reachable from here?`);
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

/** The system's code of an error. */
function causeCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
