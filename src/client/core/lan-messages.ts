/** The datagram of local service discovery: which torrents somebody on this network has (BEP 14). */
import { fromLatin1, toHex, toLatin1 } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { parseInfoHash } from "../../protocol/magnet.ts";

export const LAN_PORT = 6771;
/** The groups of BEP 14: IPv4, and IPv6 of the organisation. */
export const LAN_GROUP_4 = "239.192.152.143";
export const LAN_GROUP_6 = "ff15::efc0:988f";

/** Info hashes in one datagram, so that it is no longer than a packet. */
export const MAX_LAN_HASHES = 20;
const MAX_LENGTH = 2000;

export interface LanAnnouncement {
  /** Where the sender accepts peers. */
  readonly port: number;
  readonly infoHashes: readonly InfoHash[];
  /** By which senders know their own datagrams. */
  readonly cookie: string | undefined;
}

/** @returns one datagram, owned by the caller. @param group as in `Host`, which must name a group. */
export function encodeLanAnnouncement(
  { port, infoHashes, cookie }: LanAnnouncement,
  group: typeof LAN_GROUP_4 | typeof LAN_GROUP_6,
): Uint8Array {
  const host = group.includes(":") ? `[${group}]` : group;
  const lines = ["BT-SEARCH * HTTP/1.1", `Host: ${host}:${LAN_PORT}`, `Port: ${port}`];
  for (const hash of infoHashes) lines.push(`Infohash: ${toHex(hash)}`);
  if (cookie !== undefined) lines.push(`cookie: ${cookie}`);
  return fromLatin1(`${lines.join("\r\n")}\r\n\r\n\r\n`);
}

/** @returns undefined when it is anything else, or names no torrent or port that could be. */
export function parseLanAnnouncement(bytes: Uint8Array): LanAnnouncement | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  const [first = "", ...lines] = toLatin1(bytes).split(/\r?\n/);
  if (!/^BT-SEARCH \* HTTP\/1\.[01]$/i.test(first.trim())) return undefined;
  let port = 0;
  let cookie: string | undefined;
  const infoHashes: InfoHash[] = [];
  for (const line of lines) {
    const [, name = "", value = ""] = /^([\w-]+):\s*(\S*)\s*$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (key === "port" && /^\d{1,5}$/.test(value)) port = Number(value);
    else if (key === "cookie") cookie = value.slice(0, 64);
    else if (key === "infohash" && infoHashes.length < MAX_LAN_HASHES) {
      const hash = parseInfoHash(value);
      if (hash !== undefined) infoHashes.push(hash);
    }
  }
  if (port < 1 || port > 65_535 || infoHashes.length === 0) return undefined;
  return { port, infoHashes, cookie };
}
