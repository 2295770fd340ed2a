/**
 * Who asks, and by which name, when a proxy stands before us. Everybody can send `X-Forwarded-*`, so they count only
 * from proxies that the user named.
 */
import { formatIp, parseIp, unmapIp } from "./ip-address.ts";

/** An address, or all that begin with the same bits. */
export interface Network {
  readonly address: Uint8Array;
  readonly bits: number;
}

/** A request as it arrived: header fields by lower-case name, each field line by itself. */
export interface Arrival {
  /** The other end of the connection, an IP literal. */
  readonly remote: string;
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export interface Origin {
  /** Of whoever asked first, as far as it can be trusted; an IP literal. */
  readonly address: string;
  /** A trusted proxy says so. */
  readonly proxied: boolean;
  readonly scheme: "http" | "https";
  /** The `Host` that the proxy was asked for; absent when it doesn't say, or passes it on as it is. Unchecked. */
  readonly host?: string;
}

/** Proxies in a row that are looked through. */
const MAX_HOPS = 16;

/** `10.0.0.1`, `::1`, `10.0.0.0/8` or `fd00::/8`. @returns undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [, host = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const parsed = parseIp(host);
  if (parsed === undefined) return undefined;
  const address = unmapIp(parsed);
  const bits = length === undefined ? 8 * address.length : Number(length);
  return bits <= 8 * address.length ? { address, bits } : undefined;
}

/** Looks through the trusted proxies, from the nearest on; what lies behind the first that isn't trusted is hearsay. */
export function originOf({ remote, headers }: Arrival, trusted: readonly Network[]): Origin {
  const direct: Origin = { address: remote, proxied: false, scheme: "http" };
  if (trusted.length === 0 || !isWithin(remote, trusted)) return direct;
  const hops = listOf(headers["x-forwarded-for"]);
  if (hops.length === 0) return direct;
  let address = remote;
  for (const hop of hops.reverse().slice(0, MAX_HOPS)) {
    const bytes = parseIp(hop);
    if (bytes === undefined) break;
    address = formatIp(unmapIp(bytes));
    if (!isWithin(address, trusted)) break;
  }
  const scheme = listOf(headers["x-forwarded-proto"]).at(-1)?.toLowerCase() === "https" ? "https" : "http";
  const hosts = listOf(headers["x-forwarded-host"]);
  const [host] = hosts;
  return { address, proxied: true, scheme, ...(hosts.length === 1 && host !== undefined && { host }) };
}

function listOf(lines: readonly string[] | undefined): string[] {
  return (lines ?? [])
    .join(",")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** Whether an IP literal lies in one of the networks; false for what is none. */
export function isWithin(host: string, networks: readonly Network[]): boolean {
  const parsed = parseIp(host);
  if (parsed === undefined) return false;
  const bytes = unmapIp(parsed);
  return networks.some(
    ({ address, bits }) => address.length === bytes.length && beginAlike(address, bytes, bits),
  );
}

function beginAlike(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let i = 0; 8 * i < bits; i++) {
    const mask = 0xff & (0xff << Math.max(0, 8 - (bits - 8 * i)));
    if (((a[i] ?? 0) & mask) !== ((b[i] ?? 0) & mask)) return false;
  }
  return true;
}
