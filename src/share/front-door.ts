/** Which room answers an HTTP request: tracker, statistics or web server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createWeb, type WebOptions } from "../httpd/app.ts";
import { Guard } from "../httpd/guard.ts";
import { createStats } from "../httpd/stats.tsx";
import { ownNames } from "../platform/addresses.ts";
import { systemClock } from "../platform/clock.ts";
import { bytesEqual } from "../protocol/bytes.ts";
import { parseNetwork } from "../protocol/proxy-rule.ts";
import { prometheusText, trackerStats } from "../tracker/core/stats.ts";
import type { TrackerStore } from "../tracker/core/store.ts";
import { createTrackerHttp, trackerRoute } from "../tracker/http.ts";
import { packProgram } from "./program.ts";
import type { PublishOptions } from "./publish-types.ts";
import type { PublishedShare } from "./published-share.ts";
import { version } from "./version.ts";

export interface FrontDoorOptions extends Pick<PublishOptions, "publicUrl" | "password" | "trustProxies"> {
  readonly shares: ReadonlyMap<string, PublishedShare>;
  readonly store: TrackerStore;
  readonly limit: WebOptions["limit"];
}

/** Tracker requests go past the web server: they are many, and need nothing of it. */
export function frontDoor(
  options: FrontDoorOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { shares, store, limit, publicUrl, password, trustProxies = [] } = options;
  const catalog = {
    listed: () => [...shares.values()].filter(({ listed, state }) => listed && state.name !== "ended"),
    get: (id: string) => shares.get(id),
  };
  const proxies = trustProxies.flatMap((text) => parseNetwork(text) ?? []);
  const guard = password === undefined ? undefined : new Guard({ password, now: () => systemClock.now() });
  let packed: ReturnType<typeof packProgram> | undefined;
  const program = () => (packed ??= packProgram());
  const web = createWeb({ catalog, program, guard, publicUrl, proxies, version, hostNames: ownNames, limit });
  const names = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
  const tracker = createTrackerHttp({ store, proxies, hostNames: () => [...ownNames(), ...names] });
  const startedAt = systemClock.now();
  // Only listed shares come here, and their names are on the first page anyway.
  const seen = () =>
    trackerStats(
      store,
      (systemClock.now() - startedAt) / 1000,
      (hash) =>
        catalog.listed().find(({ created }) => created !== undefined && bytesEqual(created.infoHash, hash))
          ?.name,
    );
  const stats = createStats({
    hostNames: ownNames,
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    version,
    stats: seen,
    metrics: () => prometheusText(seen()),
  });
  return (request, response) => {
    if (trackerRoute(request.url ?? "") !== undefined) tracker(request, response);
    // With a password there is nothing to tell to those without it.
    else if (guard !== undefined || !stats(request, response)) web(request, response);
  };
}
