/**
 * Which addresses a tracker's URL may lead to. A torrent is a stranger's text, and what it makes us fetch, we fetch
 * from inside the user's network: without a rule it could press buttons on routers there.
 */
import { type IpScope, ipScope } from "../../protocol/ip-address.ts";

const IS_TRACKERS = /\/(announce|scrape)/;

export interface Hop {
  /** 4 or 16 bytes: where the connection would go; undefined: a proxy makes it, to wherever it resolves the name to. */
  readonly ip: Uint8Array | undefined;
  /** The URL's path, without its query. */
  readonly path: string;
  /** We are there because a server on a public address redirected us, now or earlier. */
  readonly sentByPublic: boolean;
}

export function isLocalScope(scope: IpScope): boolean {
  return scope !== "public";
}

/**
 * Why a hop must not be made; undefined when it may. Trackers on local addresses are our daily bread, so they are
 * asked, but only under a path that says `announce` (or `scrape`, BEP 48), as every tracker's does and no router's page. What a proxy would
 * connect to may be local to it, so the same goes for it.
 */
export function reasonAgainst(hop: Hop): string | undefined {
  if (hop.ip === undefined) {
    return IS_TRACKERS.test(hop.path)
      ? undefined
      : "a tracker behind a proxy must have /announce in its path";
  }
  if (!isLocalScope(ipScope(hop.ip))) return undefined;
  if (hop.sentByPublic) return "a public server redirected the announce to a local address";
  if (!IS_TRACKERS.test(hop.path)) return "a tracker on a local address must have /announce in its path";
  return undefined;
}
