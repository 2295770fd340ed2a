/** What every request must pass before anything reads it: method, target, `Host`. */
import type { IncomingMessage } from "node:http";
import { checkHost } from "../protocol/host-rule.ts";
import { type Network, originOf } from "../protocol/proxy-rule.ts";
import { parseTarget, type Target } from "./core/target.ts";

export interface RequestRules {
  /** Our names for the `Host` rule, as they are now. */
  readonly hostNames: () => readonly string[];
  /** `--public-url`, without a slash at the end. */
  readonly publicUrl?: string | undefined;
  /** Whose `X-Forwarded-*` are believed; none by default. */
  readonly proxies?: readonly Network[] | undefined;
}

export interface Judged {
  readonly target: Target;
  /** Scheme, host and perhaps a path, as the asker reached us; no slash at the end. Goes into URLs. */
  readonly base: string;
  /** The path in `base`, for links on pages: empty but behind a proxy. */
  readonly root: string;
  /** The checked host and port alone. */
  readonly host: string;
  /** The IP address of whoever asks, on the far side of trusted proxies. */
  readonly client: string;
}

export interface Refusal {
  readonly status: 400 | 405 | 421;
  /** For people. */
  readonly message: string;
}

const BAD_TARGET: Refusal = { status: 400, message: "This is not a path that could exist here." };
const BAD_METHOD: Refusal = { status: 405, message: "Things can only be fetched here: GET or HEAD." };
const BAD_HOST: Refusal = {
  status: 400,
  message: "The request does not say, in one Host header, where it wants to go.",
};
const NOT_OURS: Refusal = {
  status: 421,
  message: "This machine does not go by that name. Use its IP address; --public-url adds a name.",
};

/** Judges a request by its line and headers. */
export function judgeRequest(request: IncomingMessage, rules: RequestRules): Judged | Refusal {
  if (request.method !== "GET" && request.method !== "HEAD") return BAD_METHOD;
  const target = parseTarget(request.url);
  if (target === undefined) return BAD_TARGET;
  // Node keeps the first of several and drops the others; a proxy before us might have read another.
  const hosts = request.headersDistinct["host"] ?? [];
  if (hosts.length !== 1) return BAD_HOST;
  const publicUrl = rules.publicUrl === undefined ? undefined : new URL(rules.publicUrl);
  const names = [...rules.hostNames(), ...(publicUrl === undefined ? [] : [publicUrl.hostname])];
  const remote = request.socket.remoteAddress ?? "";
  const origin = originOf({ remote, headers: request.headersDistinct }, rules.proxies ?? []);
  const verdict = checkHost(origin.host ?? hosts[0], {
    names,
    port: origin.proxied ? undefined : request.socket.localPort,
  });
  if (!verdict.ok) return verdict.status === 400 ? BAD_HOST : NOT_OURS;
  const host = verdict.port === undefined ? verdict.host : `${verdict.host}:${verdict.port}`;
  const client = origin.address;
  if (publicUrl !== undefined && rules.publicUrl !== undefined && host === publicUrl.host) {
    return { target, base: rules.publicUrl, root: publicUrl.pathname.replace(/\/$/, ""), host, client };
  }
  return { target, base: `${origin.scheme}://${host}`, root: "", host, client };
}
