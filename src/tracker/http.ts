/** The tracker over HTTP, at Node's level: a request is a scan over its raw URL, and a reply one write. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { PlainAnswer } from "../platform/fast-lane.ts";
import { systemLatin1 } from "../platform/latin1.ts";
import { checkHost, type HostVerdict } from "../protocol/host-rule.ts";
import { ipScope, parseIp } from "../protocol/ip-address.ts";
import { type Network, originOf } from "../protocol/proxy-rule.ts";
import { parseAnnounce, parseScrape } from "./core/query.ts";
import { encodeAnnounce, encodeFailure, encodeScrape } from "./core/response.ts";
import type { OwnEndpoint } from "./core/select.ts";
import type { TrackerStore } from "./core/store.ts";

export interface TrackerHttpOptions {
  readonly store: TrackerStore;
  /** Our own names for the `Host` rule, as they are now: they may change while we run. */
  readonly hostNames: () => readonly string[];
  /** Whose `X-Forwarded-*` are believed; none by default. */
  readonly proxies?: readonly Network[] | undefined;
}

/** What a request to the tracker asks for. */
export interface TrackerRoute {
  readonly action: "announce" | "scrape";
  /** What follows `/announce/` or `/scrape/`: ID, or ID/TOKEN; undefined for the bare path. */
  readonly shareId: string | undefined;
  /** Raw, without `?`. */
  readonly query: string;
}

/** @returns undefined when `url` (path and query, raw) is none of the tracker's. */
export function trackerRoute(url: string): TrackerRoute | undefined {
  const action = url.startsWith("/announce") ? "announce" : url.startsWith("/scrape") ? "scrape" : undefined;
  if (action === undefined) return undefined;
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? "" : url.slice(mark + 1);
  const rest = path.slice(action.length + 1);
  if (rest === "" || rest === "/") return { action, shareId: undefined, query };
  // IDs and tokens are letters and digits: nothing to unescape, and a deeper path is none of ours.
  return /^\/[\w-]{1,64}(\/[\w-]{1,64})?$/.test(rest) ? { action, shareId: rest.slice(1), query } : undefined;
}

/**
 * Answers `/announce`, `/announce/ID`, `/scrape` and `/scrape/ID`; everything else gets 404, so route with
 * {@link trackerRoute} first. The socket's address is the peer's, or what a
 * trusted proxy says; `ip=` is not read.
 */
export function createTrackerHttp(
  options: TrackerHttpOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { store, hostNames, proxies = [] } = options;
  const judgeHost = hostJudge(hostNames);
  return (request, response) => {
    // Nothing is awaited from a body; Node reads it away before the next request.
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendText(response, 405, "GET or HEAD");
      return;
    }
    const remote = request.socket.remoteAddress ?? "";
    // Gathered by Node when asked for, which would cost more than the announce.
    const headers = proxies.length === 0 ? {} : request.headersDistinct;
    const origin = originOf({ remote, headers }, proxies);
    const host = judgeHost(
      origin.host ?? request.headers.host,
      origin.proxied ? undefined : request.socket.localPort,
    );
    if (!host.ok) {
      sendText(
        response,
        host.status,
        host.status === 421 ? "not our name: use our address" : "bad Host header",
      );
      return;
    }
    const route = trackerRoute(request.url ?? "");
    if (route === undefined) {
      sendText(response, 404, "not found");
      return;
    }
    if (route.action === "scrape") {
      send(response, 200, scrape(store, route));
      return;
    }
    const address = parseIp(origin.address);
    const reachedAs = ownEndpoint(request.socket, host, origin.proxied);
    // The asker has hung up: there is nobody to answer.
    if (address === undefined || reachedAs === undefined) response.destroy();
    else send(response, 200, announce(store, route, address, reachedAs));
  };
}

/**
 * Answers the plain announces of a connection with what {@link createTrackerHttp} would say, and leaves it everything
 * else: scrapes, refusals, and all when a proxy may speak for others.
 */
export function createPlainAnnounces(
  options: TrackerHttpOptions,
): ((socket: Socket) => PlainAnswer | undefined) | undefined {
  const { store, hostNames, proxies = [] } = options;
  if (proxies.length > 0) return undefined;
  const judgeHost = hostJudge(hostNames);
  return (socket) => {
    const address = parseIp(socket.remoteAddress ?? "");
    if (address === undefined) return undefined;
    return (request) => {
      const route = trackerRoute(request.target);
      if (route?.action !== "announce") return undefined;
      const host = judgeHost(request.host, socket.localPort);
      if (!host.ok) return undefined;
      const reachedAs = ownEndpoint(socket, host, false);
      return reachedAs && announce(store, route, address, reachedAs);
    };
  };
}

/** {@link checkHost}, remembering the last address: what announces come to is nearly always the same one. */
function hostJudge(
  hostNames: () => readonly string[],
): (header: string | undefined, port: number | undefined) => HostVerdict {
  let last: string | undefined;
  let lastPort: number | undefined;
  let verdict: HostVerdict = { ok: false, status: 400 };
  return (header, port) => {
    if (header !== undefined && header === last && port === lastPort) return verdict;
    const fresh = checkHost(header, { names: hostNames(), port });
    // Names may be ours now and not later; an address is judged by itself.
    if (!fresh.ok || fresh.ip === undefined) return fresh;
    last = header;
    lastPort = port;
    verdict = fresh;
    return fresh;
  };
}

function announce(
  store: TrackerStore,
  route: TrackerRoute,
  address: Uint8Array,
  reachedAs: OwnEndpoint,
): Uint8Array {
  const query = parseAnnounce(route.query);
  if (!query.ok) return encodeFailure(query.reason);
  const outcome = store.announce({ query, address, shareId: route.shareId, reachedAs });
  if (!outcome.ok) return encodeFailure(outcome.reason, outcome.retryIn);
  return encodeAnnounce(
    { ...outcome, externalIp: address, interval: store.interval, minInterval: store.minInterval },
    query,
  );
}

function scrape(store: TrackerStore, route: TrackerRoute): Uint8Array {
  const query = parseScrape(route.query);
  if (!query.ok) return encodeFailure(query.reason);
  return encodeScrape(store.scrape(query.infoHashes, route.shareId), store.interval);
}

/**
 * Where the asker reached us: what its `Host` header says, when that is an address (it knows better than we do when
 * a port is forwarded), else our end of its connection. `http://0.0.0.0:6881/` works on some systems, but no peer
 * can be told to go there.
 */
function ownEndpoint(
  socket: Socket,
  host: { readonly ip?: Uint8Array; readonly port?: number },
  proxied: boolean,
): OwnEndpoint | undefined {
  if (host.ip !== undefined) {
    const scope = ipScope(host.ip);
    // A proxy's port speaks HTTP only; peers find ours beside it when both are on one machine.
    const port = proxied ? socket.localPort : (host.port ?? 80);
    if (scope !== "unspecified" && scope !== "multicast" && port !== undefined) return { ip: host.ip, port };
  }
  const ip = parseIp(socket.localAddress ?? "");
  return ip === undefined || socket.localPort === undefined ? undefined : { ip, port: socket.localPort };
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, new TextEncoder().encode(`${text}\n`));
}

function send(response: ServerResponse, status: number, body: Uint8Array): void {
  // For HEAD Node keeps the body back itself. Text, because BEP 3 says so and browsers then show it.
  response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": body.length });
  // As a string it goes out in one write with the header.
  response.end(systemLatin1(body), "latin1");
}
