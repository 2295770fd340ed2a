/**
 * The `Host` rule: a page on the internet can make a browser call us under a name of its own (DNS rebinding), and
 * that takes a name. So any IP literal passes, and only those names that are ours.
 */
import { formatHost, parseIp } from "./ip-address.ts";

export interface AllowedHosts {
  /** Names without port, compared without case: own host name, its `.local`, the public URL's host. */
  readonly names: readonly string[];
  /** Our own port, to which the request came, where that is what the asker knows; see `checkBareIpv6`. */
  readonly port?: number | undefined;
}

/** `status` is what to answer: 400 for a missing or malformed header, 421 for somebody else's name (RFC 9110). */
export type HostVerdict =
  | {
      readonly ok: true;
      /** As in a URL: lower case, IPv6 in brackets. */
      readonly host: string;
      /** 4 or 16 bytes when the host is an IP literal. */
      readonly ip?: Uint8Array;
      /** Absent when the header names none. */
      readonly port?: number;
    }
  | { readonly ok: false; readonly status: 400 | 421 };

const MALFORMED: HostVerdict = { ok: false, status: 400 };
const MISDIRECTED: HostVerdict = { ok: false, status: 421 };

/** Judges a `Host` header (RFC 9110, 7.2) by the rule above; `localhost` always passes. */
export function checkHost(header: string | undefined, allowed: AllowedHosts): HostVerdict {
  // 255 is the longest DNS name; brackets, a zone and a port fit beside any IP literal.
  if (header === undefined || header.length > 255 + 6) return MALFORMED;
  const parts = /^(\[[0-9a-fA-F.]*:[0-9a-fA-F:.]*(?:%[\w.%~-]+)?\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(header);
  if (parts === null) return checkBareIpv6(header, allowed.port);
  const host = parts[1] ?? "";
  const port = parts[2] === undefined ? undefined : Number(parts[2]);
  if (port !== undefined && (port < 1 || port > 65535)) return MALFORMED;
  const portOf = port === undefined ? {} : { port };

  const bracketed = host.startsWith("[");
  const ip = parseIp(bracketed ? host.slice(1, -1) : host);
  if (ip !== undefined) return { ok: true, host: formatHost(ip), ip, ...portOf };
  if (bracketed) return MALFORMED;
  const name = host.toLowerCase().replace(/\.$/, "");
  const ours =
    name === "localhost" || allowed.names.some((allowedName) => allowedName.toLowerCase() === name);
  return ours ? { ok: true, host: name, ...portOf } : MISDIRECTED;
}

/**
 * libtorrent 2.0 (qBittorrent, Deluge) writes IPv6 addresses without their brackets, and the port after them, but for
 * port 80. So what comes last is taken for the port wherever that leaves an address, and on port 80 only when nothing
 * else makes sense, or when it is 80. Behind a port that is forwarded to our 80 this is wrong: nobody can know there.
 */
function checkBareIpv6(header: string, ownPort: number | undefined): HostVerdict {
  const cut = header.lastIndexOf(":");
  const port = /^\d{1,5}$/.test(header.slice(cut + 1)) ? Number(header.slice(cut + 1)) : 0;
  const before = port >= 1 && port <= 65535 ? parseIpv6(header.slice(0, cut)) : undefined;
  const whole = parseIpv6(header);
  const isWithPort = ownPort !== 80 || port === 80 || whole === undefined;
  if (before !== undefined && isWithPort) return { ok: true, host: formatHost(before), ip: before, port };
  return whole === undefined ? MALFORMED : { ok: true, host: formatHost(whole), ip: whole };
}

function parseIpv6(text: string): Uint8Array | undefined {
  return /^[0-9a-fA-F.]*:[0-9a-fA-F:.]*$/.test(text) ? parseIp(text) : undefined;
}
