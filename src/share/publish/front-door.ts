/** Which room answers an HTTP request: tracker, or web server. */
import type { WebOptions } from "../../httpd/app.ts";
import { Guard } from "../../httpd/guard.ts";
import { ownNames } from "../../platform/addresses.ts";
import { systemClock } from "../../platform/clock.ts";
import type { HttpHandlers } from "../../platform/listener.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { parseNetwork } from "../../protocol/proxy-rule.ts";
import { trackerStats } from "../../tracker/core/stats.ts";
import type { TrackerStore } from "../../tracker/core/store.ts";
import { createPlainAnnounces, createTrackerHttp, trackerRoute } from "../../tracker/http.ts";
import type { Handler } from "./pages.ts";
import type { PublishOptions } from "./publish-types.ts";
import type { PublishedShare } from "./published-share.ts";

export interface FrontDoorOptions extends Pick<PublishOptions, "publicUrl" | "password" | "trustProxies"> {
  readonly shares: ReadonlyMap<string, PublishedShare>;
  readonly store: TrackerStore;
  readonly limit: WebOptions["limit"];
  /** Names by which we are announced on the local network now. */
  readonly localNames: () => readonly string[];
}

/** Tracker requests, plain announces above all, go past the web server: they are many, and need nothing of it. */
export function frontDoor(options: FrontDoorOptions): Required<HttpHandlers> {
  const { shares, store, limit, localNames, publicUrl, password, trustProxies = [] } = options;
  const catalog = {
    listed: () => [...shares.values()].filter(({ listed, state }) => listed && state.name !== "ended"),
    get: (id: string) => shares.get(id),
  };
  const proxies = trustProxies.flatMap((text) => parseNetwork(text) ?? []);
  const guard = password === undefined ? undefined : new Guard({ password, now: () => systemClock.now() });
  const names = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
  const hostNames = () => [...ownNames(), ...localNames()];
  const tracked = { store, proxies, hostNames: () => [...hostNames(), ...names] };
  const tracker = createTrackerHttp(tracked);
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
  let pages: Handler | undefined;
  const loadPages = async () => {
    const { createPages } = await import("./pages.ts");
    return (pages ??= createPages({ catalog, guard, publicUrl, proxies, limit, seen, hostNames }));
  };
  const request: Handler = (request, response) => {
    if (trackerRoute(request.url ?? "") !== undefined) tracker(request, response);
    else if (pages !== undefined) pages(request, response);
    // Who comes in the first moments waits. Pages can't be missing, unless the program itself was taken away.
    else
      void loadPages().then(
        (answer) => answer(request, response),
        () => response.destroy(),
      );
  };
  return { request, plainGets: createPlainAnnounces(tracked) };
}
