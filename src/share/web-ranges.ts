import { readProxyRules } from "../client/core/proxy-choice.ts";
import { openRanges, type Ranges } from "../client/http/http-ranges.ts";
import { systemClock } from "../platform/clock.ts";
import type { TrafficOptions } from "./traffic.ts";
import { userAgent } from "./version.ts";

/**
 * Asks web servers for parts of files as this machine can, with the user's patience.
 * @param cameFromPublic the torrent came from a public server, which must not lead us to local ones
 */
export function openWebRanges(
  { httpTimeoutSeconds: seconds }: Pick<TrafficOptions, "httpTimeoutSeconds">,
  cameFromPublic: boolean,
): Ranges {
  return openRanges({
    ...(seconds !== undefined && { timeout: seconds * 1_000, stallTimeout: seconds * 1_000 }),
    userAgent,
    clock: systemClock,
    proxies: readProxyRules(process.env),
    cameFromPublic,
  });
}
