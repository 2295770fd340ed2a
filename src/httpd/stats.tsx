/** `/stats`, `/stats.json` and `/metrics`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { jsonLine } from "../protocol/escape.ts";
import { PAGE_POLICY } from "./page/layout.tsx";
import { StatsPage, type StatsView } from "./page/stats-page.tsx";
import { judgeRequest, type RequestRules } from "./request.ts";

export interface StatsOptions extends RequestRules {
  readonly stats: () => StatsView;
  /** The same for Prometheus. */
  readonly metrics: () => string;
  readonly version: string;
}

/** Makes a handler that answers its three paths, and for all others says false. */
export function createStats(
  options: StatsOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    if (path !== "/stats" && path !== "/stats.json" && path !== "/metrics") return false;
    const judged = judgeRequest(request, options);
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, {
        "Content-Type": `${type}; charset=utf-8`,
        "Content-Length": Buffer.byteLength(body),
        "Cache-Control": "no-store",
        "Content-Security-Policy": PAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
      });
      response.end(body);
    };
    if ("status" in judged) send(judged.status, "text/plain", `${judged.message}\n`);
    else if (path === "/stats.json") send(200, "application/json", jsonLine(options.stats()));
    else if (path === "/metrics") send(200, "text/plain; version=0.0.4", options.metrics());
    else {
      const page = <StatsPage stats={options.stats()} root={judged.root} version={options.version} />;
      send(200, "text/html", `<!doctype html>${String(page)}`);
    }
    return true;
  };
}
