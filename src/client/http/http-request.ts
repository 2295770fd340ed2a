/** Begins HTTP requests, directly or through a proxy (RFC 9112, 3.2.2; RFC 9110, 9.3.6). */
import { lookup as lookupName } from "node:dns";
import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { SourceFor } from "../../platform/source-address.ts";
import type { Proxy } from "../core/proxy-choice.ts";
import { RacingHttpAgent, RacingHttpsAgent, type RacingRequest } from "./http-agents.ts";

export interface RequestHow {
  /** Goes out as it stands here, whatever `target` says: escapes must stay as they are. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `NAME:PASSWORD` for the server itself. */
  readonly credentials?: string | undefined;
  /** Resolves the server's name; a proxy's is resolved by the system. */
  readonly lookup: LookupFunction;
  /** Keeps the connection to the server for the next request; not one by a proxy. */
  readonly agent?: Agent | undefined;
  /** Which address of ours a connection to an address leaves from; by default the system chooses. */
  readonly sourceFor?: SourceFor | undefined;
  readonly signal: AbortSignal;
}

/** A proxy would not pass the request on. */
export class ProxyError extends Error {
  constructor(proxy: Proxy, reason: string, options?: ErrorOptions) {
    super(`the proxy ${proxy.label} (from ${proxy.variable}) ${reason}`, options);
    this.name = "ProxyError";
  }
}

/** Milliseconds in which a proxy must have opened a tunnel. */
const TUNNEL_TIMEOUT = 15_000;

/**
 * Begins a GET of `how.path` at the server of `target`.
 * @returns a request that has still to be ended; listen for `response` and `error`.
 * @throws {ProxyError} the proxy opened no tunnel to an https server.
 */
export async function beginRequest(
  target: URL,
  how: RequestHow,
  proxy: Proxy | undefined,
): Promise<ClientRequest> {
  const request = await requestBy(target, how, proxy);
  // Node drops a connection that its server takes for something else, and says nothing.
  return request.once("upgrade", (_answer, socket) => {
    socket.destroy();
    request.emit("error", new Error("it wants to speak something else than HTTP"));
  });
}

async function requestBy(target: URL, how: RequestHow, proxy: Proxy | undefined): Promise<ClientRequest> {
  const { path, headers, credentials, lookup, sourceFor, signal } = how;
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const isSecure = target.protocol === "https:";
  const common = { path, headers, signal, until: signal, auth: credentials ?? null };
  if (proxy === undefined) {
    const agent = how.agent ?? newAgent(isSecure, sourceFor);
    const direct: RacingRequest = { ...common, host, port: target.port, agent, lookup };
    return isSecure ? requestHttps(direct) : requestHttp(direct);
  }
  const toProxy = { ...common, agent: newAgent(proxy.secure, sourceFor) };
  if (!isSecure) {
    return askProxy(proxy, {
      ...toProxy,
      path: `http://${target.host}${path}`,
      headers: { ...headers, ...proxyHeaders(proxy), Host: target.host },
    });
  }
  const tunnel = await openTunnel(proxy, { host, port: Number(target.port) || 443 }, how);
  // A name for SNI and the certificate; literals go without SNI (RFC 6066, 3).
  const name = isIP(host) === 0 ? { servername: host } : {};
  const createConnection = () => connectTls({ socket: tunnel, host, ALPNProtocols: ["http/1.1"], ...name });
  return requestHttps({ ...common, host, port: target.port, createConnection });
}

function newAgent(isSecure: boolean, sourceFor: SourceFor | undefined): Agent {
  return isSecure ? new RacingHttpsAgent({ sourceFor }) : new RacingHttpAgent({ sourceFor });
}

/** What an answer of that status means, if it was the proxy and not the server behind it that wants to know who we are. */
export function proxyRefusal(
  proxy: Proxy | undefined,
  statusCode: number | undefined,
): ProxyError | undefined {
  if (proxy === undefined || statusCode !== 407) return undefined;
  const hint = `${proxy.variable}=http://NAME:PASSWORD@${proxy.label}`;
  const reason =
    proxy.credentials === undefined
      ? `wants a name and a password (407). Write ${hint}`
      : `doesn't take the name and password that it got (407). They stand in ${proxy.variable}`;
  return new ProxyError(proxy, reason);
}

function askProxy(proxy: Proxy, options: RacingRequest): ClientRequest {
  const whole: RacingRequest = { ...options, host: proxy.host, port: proxy.port, lookup: lookupName };
  return proxy.secure ? requestHttps(whole) : requestHttp(whole);
}

function proxyHeaders({ credentials }: Proxy): Record<string, string> {
  if (credentials === undefined) return {};
  return { "Proxy-Authorization": `Basic ${Buffer.from(credentials, "utf8").toString("base64")}` };
}

function openTunnel(
  proxy: Proxy,
  { host, port }: { readonly host: string; readonly port: number },
  { sourceFor, signal }: RequestHow,
): Promise<Duplex> {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const request = askProxy(proxy, {
      method: "CONNECT",
      path: authority,
      headers: { ...proxyHeaders(proxy), Host: authority },
      signal: until,
      until,
      agent: newAgent(proxy.secure, sourceFor),
    });
    const fail = (cause: unknown) => {
      over.abort();
      reject(signal.aborted ? signal.reason : asProxyError(proxy, cause));
    };
    request.setTimeout(TUNNEL_TIMEOUT, () => fail(new ProxyError(proxy, "doesn't answer")));
    request.on("error", fail);
    request.on("connect", ({ statusCode }: IncomingMessage, socket: Duplex, first: Uint8Array) => {
      request.setTimeout(0);
      // A server behind it speaks only after we have: what is here already, somebody else has said.
      const isOpen = statusCode !== undefined && statusCode >= 200 && statusCode < 300;
      if (isOpen && first.length === 0) return resolve(socket);
      socket.destroy();
      const said = isOpen ? "speaks before it is asked" : `opens no way to ${authority} (${statusCode})`;
      fail(proxyRefusal(proxy, statusCode) ?? new ProxyError(proxy, said));
    });
    request.end();
  });
}

/** What went wrong on the way to the proxy itself. */
export function asProxyError(proxy: Proxy, cause: unknown): ProxyError {
  if (cause instanceof ProxyError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return new ProxyError(proxy, `can't be reached: ${said}`, { cause });
}
