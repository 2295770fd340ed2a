import type { WebSeedSource } from "../../client/http/range-types.ts";
import type { Metainfo } from "../../protocol/metainfo.ts";

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
