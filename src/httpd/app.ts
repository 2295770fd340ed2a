/** The web server's front door: judges each request, then routes it. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Network } from "../protocol/proxy-rule.ts";
import { judgeRequest, type Refusal } from "./request.ts";
import { createRoutes, type RoutesOptions } from "./routes.ts";

export interface WebOptions extends RoutesOptions {
  /** Our own names for the `Host` rule, as they are now: they may change while we run. */
  readonly hostNames: () => readonly string[];
  /** `--public-url`: goes into answers to requests that came through it. */
  readonly publicUrl?: string | undefined;
  /** `--trust-proxy`: whose `X-Forwarded-*` are believed. */
  readonly proxies?: readonly Network[] | undefined;
}

/** Headers of every answer of ours. */
const ALWAYS = [
  ["X-Content-Type-Options", "nosniff"],
  ["Referrer-Policy", "no-referrer"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
] as const;

/**
 * Answers everything but `/announce` and `/scrape`. It keeps nothing that would have to be closed: what it does ends
 * with the connections.
 */
export function createWeb(options: WebOptions): RequestListener {
  const routes = createRoutes(options);
  const { hostNames } = options;
  const rules = { hostNames, proxies: options.proxies, publicUrl: options.publicUrl?.replace(/\/+$/, "") };
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    for (const [name, value] of ALWAYS) outgoing.setHeader(name, value);
    const judged = judgeRequest(incoming, rules);
    if ("status" in judged) {
      refuse(outgoing, judged);
      return;
    }
    // The adapter makes a URL of this header; it gets the host that was checked, in its canonical form.
    incoming.headers.host = judged.host;
    const listener = getRequestListener((request) => routes.fetch(request, { incoming, outgoing, judged }), {
      overrideGlobalObjects: false,
    });
    void listener(incoming, outgoing);
  };
  return (incoming, outgoing) => {
    // One request of a connection at a time: a thousand that come in one packet must not open a thousand files.
    if (outgoing.socket === null) outgoing.once("socket", () => answer(incoming, outgoing));
    else answer(incoming, outgoing);
  };
}

function refuse(response: ServerResponse, { status, message }: Refusal): void {
  if (status === 405) response.setHeader("Allow", "GET, HEAD");
  // What else such a client sends is not worth reading.
  response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${message}\n`);
}
