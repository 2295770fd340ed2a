/**
 * The `Host` rule: a page on the internet can make a browser call us under a name of its own (DNS rebinding), and
 * that takes a name. So any IP literal passes, and only those names that are ours.
 */
import { formatHost, parseIp } from "./ip-address.ts";

export interface AllowedHosts {
  /** Names without port, compared without case: own host name, its `.local`, the public URL's host. */
  readonly names: readonly string[];
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
  if (parts === null) return MALFORMED;
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
