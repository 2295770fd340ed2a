/** IP addresses as bytes: 4 for IPv4, 16 for IPv6, in network order. Names never pass. */

/** The first bytes of an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Reads an IP literal without brackets: strict dotted decimal, or IPv6 with an optional zone, which is dropped.
 * An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`, as dual-stack sockets report it) gives the 4 bytes of IPv4.
 * @returns undefined when `text` is anything else, a name or a legacy form (`0x7f.1`) for instance.
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  // As dual-stack sockets report IPv4.
  if (text.startsWith("::ffff:")) {
    const mapped = parseIpv4(text.slice(7));
    if (mapped !== undefined) return mapped;
  }
  const zone = text.indexOf("%");
  const bytes = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  return bytes && unmapIp(bytes);
}

/** Without a regular expression: every request and datagram comes this way. */
function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let i = 0; i < 4; i++) {
    const start = at;
    let value = 0;
    for (; at < start + 3; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      // Also beyond the end, where it is NaN.
      if (!(digit >= 0 && digit <= 9)) break;
      value = 10 * value + digit;
    }
    const isPadded = at > start + 1 && text[start] === "0";
    if (at === start || isPadded || value > 255) return undefined;
    if (i < 3 ? text[at++] !== "." : at !== text.length) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const given = head.length + tail.length;
  // "::" stands for at least one group of zeros.
  if (halves.length === 2 ? given > 14 : given !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of groups between colons; only the very last may be dotted decimal. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const dotted = last && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (dotted === undefined) return undefined;
    bytes.push(...dotted);
  }
  return bytes;
}

/** The canonical text of 4 or 16 bytes (RFC 5952), without brackets. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const gap = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (gap.length < 2) return hex.join(":");
  return `${hex.slice(0, gap.start).join(":")}::${hex.slice(gap.start + gap.length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** An address in a URL or before a port: IPv6 in brackets. */
export function formatHost(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIp(bytes) : `[${formatIp(bytes)}]`;
}

/** What an address can reach, the narrowest word that fits. */
export type IpScope = "unspecified" | "loopback" | "linkLocal" | "private" | "multicast" | "public";

/**
 * The scope of 4 or 16 bytes: RFC 1918, 6598 (carrier NAT), 3927, 4193, 4291. "public" is what remains, reserved
 * and documentation ranges included: nobody is harmed by them.
 */
export function ipScope(bytes: Uint8Array): IpScope {
  const a = bytes[0] ?? 0;
  const b = bytes[1] ?? 0;
  if (bytes.length === 4) {
    if (a === 0) return "unspecified";
    if (a === 127) return "loopback";
    if (a === 169 && b === 254) return "linkLocal";
    if (a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168)) return "private";
    if (a === 100 && b >> 6 === 1) return "private";
    return a >= 224 ? "multicast" : "public";
  }
  if (a === 0) {
    let zeros = 1;
    while (zeros < 15 && bytes[zeros] === 0) zeros++;
    if (zeros === 15 && bytes[15] === 0) return "unspecified";
    if (zeros === 15 && bytes[15] === 1) return "loopback";
  }
  if (a === 0xfe && b >> 6 === 2) return "linkLocal";
  // fc00::/7 is unique local; fec0::/10 is its deprecated forerunner.
  if (a >> 1 === 0x7e || (a === 0xfe && b >> 6 === 3)) return "private";
  return a === 0xff ? "multicast" : "public";
}

/**
 * One spelling for each address, by which peers and sockets are compared: RFC 5952, IPv4-mapped as IPv4, no zone.
 * @returns undefined when `text` is not an IP literal.
 */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
}

/** The 4 bytes inside an IPv4-mapped IPv6 address; any other address as it is. */
export function unmapIp(bytes: Uint8Array): Uint8Array {
  return bytes.length === 16 && MAPPED.every((byte, i) => bytes[i] === byte) ? bytes.slice(12) : bytes;
}

/**
 * What counts as one customer when something is bounded by address: an IPv4 address, or an IPv6 /64, which everybody has
 * at least. Anything else stands for itself.
 */
export function networkOf(host: string): string {
  const bytes = parseIp(host);
  return bytes?.length === 16 ? `${formatIp(bytes.slice(0, 8))}/64` : host;
}
