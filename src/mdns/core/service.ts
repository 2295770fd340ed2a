/** A share as DNS-SD services (RFC 6763): what is announced of it, and what can be read from such announcements. */
import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { AddressRecord, DnsRecord } from "./messages.ts";

/** Ours, for our own programs. */
export const SHARE_TYPE = "_boojum._tcp.local";
/** What web browsers and file managers list: the share's page. */
const PAGE_TYPE = "_http._tcp.local";
/** Lists the types themselves (RFC 6763, 9). */
export const TYPES_NAME = "_services._dns-sd._udp.local";

/** Seconds, as RFC 6762, 10 recommends: records that hold a host's name or address, and others. */
const HOST_TTL = 120;
export const OTHER_TTL = 4_500;

/** What is told of a share. */
export interface Announcement {
  /** Letters and digits. */
  readonly id: string;
  readonly name: string;
  /** 40 lower-case hexadecimal digits. */
  readonly infoHash: string;
  readonly bytes: number;
  readonly files: number;
  readonly port: number;
  /** The path of its page. */
  readonly path: string;
  /** What people call the machine. */
  readonly host: string;
}

/** The names that nobody else may have at the same time. */
export interface UniqueNames {
  /** A label: `photos (k3f9x2mw)`. */
  readonly instance: string;
  /** `boojum-k3f9x2mw.local`. */
  readonly host: string;
}

/** A DNS label; bytes. */
const MAX_LABEL = 63;
/** A string of a TXT record; bytes. */
const MAX_ENTRY = 255;

/**
 * The names of a share that announces itself. The ID makes them unique; the same share published twice at the same time
 * takes another one, by `attempt`.
 */
export function uniqueNames({ id, name }: Pick<Announcement, "id" | "name">, attempt: number): UniqueNames {
  const more = attempt === 0 ? "" : `-${attempt + 1}`;
  const suffix = ` (${id}${more})`;
  // No dot: names are written as text, in which it would end the label. This one looks like it.
  const shown = name.replaceAll(".", "\u2024").replace(/[\0-\x1f\x7f]/g, " ");
  return {
    instance: cutToBytes(shown, MAX_LABEL - suffix.length) + suffix,
    host: `boojum-${id}${more}.local`,
  };
}

/** The records that others share with us: anybody may answer for the same name. */
export function sharedRecords({ instance }: UniqueNames): readonly DnsRecord[] {
  return [SHARE_TYPE, PAGE_TYPE].flatMap((type): DnsRecord[] => [
    { type: "PTR", name: TYPES_NAME, ttl: OTHER_TTL, flush: false, target: type },
    { type: "PTR", name: type, ttl: OTHER_TTL, flush: false, target: `${instance}.${type}` },
  ]);
}

/** The records of names that are ours alone, but for the addresses, which differ from interface to interface. */
export function ownRecords(share: Announcement, { instance, host }: UniqueNames): readonly DnsRecord[] {
  const texts = new Map([
    [SHARE_TYPE, shareEntries(share)],
    // The key by which browsers know which page is meant.
    [PAGE_TYPE, ["txtvers=1", entry("path", share.path)]],
  ]);
  return [...texts].flatMap(([type, entries]): DnsRecord[] => {
    const name = `${instance}.${type}`;
    return [
      { type: "SRV", name, ttl: HOST_TTL, flush: true, port: share.port, target: host },
      { type: "TXT", name, ttl: OTHER_TTL, flush: true, entries },
    ];
  });
}

export function addressRecords(host: string, addresses: readonly string[]): readonly AddressRecord[] {
  return addresses.map((address) => ({
    type: address.includes(":") ? "AAAA" : "A",
    name: host,
    ttl: HOST_TTL,
    flush: true,
    address,
  }));
}

function shareEntries(share: Announcement): string[] {
  return [
    "txtvers=1",
    entry("name", share.name),
    entry("ih", share.infoHash),
    entry("bytes", String(share.bytes)),
    entry("files", String(share.files)),
    entry("path", share.path),
    entry("host", share.host),
  ];
}

function entry(key: string, value: string): string {
  return `${key}=${cutToBytes(value, MAX_ENTRY - key.length - 1)}`;
}

/** What a TXT record of {@link SHARE_TYPE} says; nothing in it is trusted, but all of it is bounded. */
export type Described = Pick<Announcement, "name" | "infoHash" | "bytes" | "files" | "path" | "host">;

/** @returns undefined when something that is needed is missing or can't be. */
export function readEntries(entries: readonly string[]): Described | undefined {
  const fields = new Map<string, string>();
  for (const each of entries) {
    const equals = each.indexOf("=");
    const key = each.slice(0, equals).toLowerCase();
    // The first one counts (RFC 6763, 6.4).
    if (equals > 0 && !fields.has(key)) fields.set(key, each.slice(equals + 1));
  }
  const infoHash = fromHex(fields.get("ih") ?? "");
  const name = fields.get("name") ?? "";
  const path = fields.get("path") ?? "";
  const [bytes, files] = [amount(fields.get("bytes")), amount(fields.get("files"))];
  if (infoHash?.length !== 20 || name === "" || name.includes("/") || bytes === undefined) return undefined;
  if (files === undefined || !/^\/s\/[\w-]{1,64}$/.test(path)) return undefined;
  return { name, infoHash: toHex(infoHash), bytes, files, path, host: fields.get("host") ?? "" };
}

function amount(text = ""): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The longest beginning that fits, without half a character. */
function cutToBytes(text: string, bytes: number): string {
  let end = 0;
  let length = 0;
  for (const character of text) {
    length += new TextEncoder().encode(character).length;
    if (length > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
