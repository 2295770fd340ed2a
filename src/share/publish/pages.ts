/** What people see, by one handler. A third of the program, so it is loaded when the port is open already. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createWeb, type WebOptions } from "../../httpd/app.ts";
import { createStats } from "../../httpd/stats.tsx";
import { prometheusText, type TrackerStats } from "../../tracker/core/stats.ts";
import { version } from "../version.ts";
import { packProgram } from "./program.ts";

export interface PagesOptions
  extends Pick<WebOptions, "catalog" | "guard" | "publicUrl" | "proxies" | "limit" | "hostNames"> {
  /** What the tracker has to tell of itself now. */
  readonly seen: () => TrackerStats;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export function createPages(options: PagesOptions): Handler {
  const { catalog, guard, publicUrl, proxies, limit, seen, hostNames } = options;
  let packed: ReturnType<typeof packProgram> | undefined;
  const program = () => (packed ??= packProgram());
  const web = createWeb({ catalog, program, guard, publicUrl, proxies, version, hostNames, limit });
  const stats = createStats({
    hostNames,
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    version,
    stats: seen,
    metrics: () => prometheusText(seen()),
  });
  return (request, response) => {
    // With a password there is nothing to tell to those without it.
    if (guard !== undefined || !stats(request, response)) web(request, response);
  };
}
