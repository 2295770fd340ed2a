/** Which of the machine's addresses to tell people first. Pure: what the system said goes in. */
import { formatHost, type IpScope, ipScope, parseIp } from "../protocol/ip-address.ts";

/** One address of one network interface. */
export interface InterfaceAddress {
  readonly interface: string;
  /** An IP literal, perhaps with a zone. */
  readonly address: string;
}

export interface AddressFacts {
  readonly addresses: readonly InterfaceAddress[];
  /** Interfaces that lead to everywhere, the best one first; empty when no route does. */
  readonly defaultInterfaces: readonly string[];
  /** The machine's own name, with or without a domain. */
  readonly hostName: string;
}

/** How far the first host reaches: along the default route, within a private network, or only on this machine. */
type Reach = "route" | "private" | "loopback";

export interface OrderedHosts {
  /** For URLs: IPv6 in brackets, the `.local` name after the first address. Never empty. */
  readonly hosts: readonly [string, ...string[]];
  readonly reach: Reach;
}

interface Candidate {
  readonly host: string;
  readonly version: 4 | 6;
  readonly scope: IpScope;
  /** Position of its interface among those of the default route; Infinity when it isn't one. */
  readonly routeRank: number;
}

/**
 * The hosts to print in URLs: an address of the default route's interface first, else a private one, else
 * 127.0.0.1. IPv4 goes before IPv6, which people find hard to type; link-local IPv6 is left out, for no browser
 * takes a zone.
 */
export function orderHosts(facts: AddressFacts): OrderedHosts {
  const candidates = facts.addresses.flatMap((each) => candidate(each, facts.defaultInterfaces));
  const [first, ...others] = [...candidates].sort(compare);
  if (first === undefined) return { hosts: ["127.0.0.1"], reach: "loopback" };
  const name = localName(facts.hostName);
  return {
    hosts: [first.host, ...(name === undefined ? [] : [name]), ...new Set(others.map(({ host }) => host))],
    reach: first.routeRank < Number.POSITIVE_INFINITY ? "route" : "private",
  };
}

/** `machine.local` (RFC 6762) for `machine` and `machine.example.org`; nothing for what is no name. */
export function localName(hostName: string): string | undefined {
  const label = hostName.split(".", 1)[0]?.toLowerCase() ?? "";
  return label !== "localhost" && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)
    ? `${label}.local`
    : undefined;
}

function candidate(found: InterfaceAddress, defaultInterfaces: readonly string[]): Candidate[] {
  const bytes = parseIp(found.address);
  if (bytes === undefined) return [];
  const scope = ipScope(bytes);
  const version = bytes.length === 4 ? 4 : 6;
  if (scope === "loopback" || scope === "unspecified" || scope === "multicast") return [];
  if (scope === "linkLocal" && version === 6) return [];
  const rank = defaultInterfaces.indexOf(found.interface);
  return [{ host: formatHost(bytes), version, scope, routeRank: rank < 0 ? Number.POSITIVE_INFINITY : rank }];
}

/** Stable, so within one rank the system's own order remains. */
function compare(a: Candidate, b: Candidate): number {
  const routed =
    Number(b.routeRank < Number.POSITIVE_INFINITY) - Number(a.routeRank < Number.POSITIVE_INFINITY);
  if (routed !== 0) return routed;
  if (a.version !== b.version) return a.version - b.version;
  if (a.routeRank !== b.routeRank) return a.routeRank - b.routeRank;
  return scopeRank(a.scope) - scopeRank(b.scope);
}

/** People share with their neighbours: private before public, self-assigned last. */
function scopeRank(scope: IpScope): number {
  return scope === "private" ? 0 : scope === "public" ? 1 : 2;
}

/**
 * Interfaces with a default route, best first, from Linux's `/proc/net/route` (IPv4) or `/proc/net/ipv6_route`.
 * Lines that don't look right are passed over.
 */
export function defaultInterfaces(table: string, version: 4 | 6): string[] {
  const found: { name: string; metric: number }[] = [];
  for (const line of table.split("\n")) {
    const route = version === 4 ? parseRoute4(line) : parseRoute6(line);
    if (route !== undefined) found.push(route);
  }
  return [...new Set(found.sort((a, b) => a.metric - b.metric).map(({ name }) => name))];
}

/** RTF_UP set and RTF_REJECT clear. */
function isUsable(flags: string | undefined): boolean {
  const value = Number.parseInt(flags ?? "", 16);
  return (value & 0x1) !== 0 && (value & 0x200) === 0;
}

function parseRoute4(line: string): { name: string; metric: number } | undefined {
  const [name, destination, , flags, , , metric, mask] = line.trim().split(/\s+/);
  if (destination !== "00000000" || mask !== "00000000" || !isUsable(flags)) return undefined;
  return name === undefined ? undefined : { name, metric: Number(metric) };
}

function parseRoute6(line: string): { name: string; metric: number } | undefined {
  const [destination, length, , , , metric, , , flags, name] = line.trim().split(/\s+/);
  if (destination !== "0".repeat(32) || length !== "00" || !isUsable(flags)) return undefined;
  return name === undefined || name === "lo"
    ? undefined
    : { name, metric: Number.parseInt(metric ?? "", 16) };
}
