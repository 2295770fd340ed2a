import { canonicalIp } from "./ip-address.ts";

/** A peer's address: an IP literal without brackets, canonical when it comes from us, and a TCP port. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port` as URLs and people write it, IPv6 in brackets. */
export function formatPeerAddress(address: PeerAddress): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Parses `host:port`: an IPv4 literal or a name, or an IPv6 literal in brackets.
 * @returns undefined when it is malformed or the port is not 1 to 65535. `host` has no brackets.
 */
export function parsePeerAddress(text: string): PeerAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]{1,253})):(\d{1,5})$/i.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  const literal = match[1];
  if (literal === undefined) return { host: match[2] ?? "", port };
  const host = literal.includes(":") ? canonicalIp(literal) : undefined;
  return host === undefined ? undefined : { host, port };
}
