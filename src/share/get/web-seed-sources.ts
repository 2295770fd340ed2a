import type { RangesOptions } from "../../client/http/http-ranges.ts";
import type { WebSeedSource } from "../../client/http/range-types.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";
import type { TrafficOptions } from "../traffic.ts";

/** How long a web seed may take, as the user says. */
export function rangesPatience({
  httpTimeoutSeconds: seconds,
}: Pick<TrafficOptions, "httpTimeoutSeconds">): Pick<RangesOptions, "timeout" | "stallTimeout"> {
  return seconds === undefined ? {} : { timeout: seconds * 1_000, stallTimeout: seconds * 1_000 };
}

/**
 * The web seeds of a torrent. One on the port of a tracker is an appliance like ours, which seeds as a peer there, too.
 */
export function webSeedSources({
  webSeeds,
  trackers,
}: Pick<Metainfo, "webSeeds" | "trackers">): WebSeedSource[] {
  const appliances = new Set(trackers.flat().map((url) => new URL(url).host));
  return webSeeds.map((url) => {
    const { host, hostname, port, protocol } = new URL(url);
    if (!appliances.has(host)) return { url };
    const number = Number(port) || (protocol === "https:" ? 443 : 80);
    return { url, peer: { host: hostname.replace(/^\[|\]$/g, ""), port: number } };
  });
}
