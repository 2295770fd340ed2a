import { toLatin1 } from "../../protocol/bytes.ts";
import type { PeerId } from "../../protocol/ids.ts";

/** Names by the two letters of a peer id in Azureus style (BEP 20). Case matters: `lt` and `LT` are two libraries. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["AZ", "Vuze"],
  ["BC", "BitComet"],
  ["BI", "BiglyBT"],
  ["BJ", "Boojum"],
  ["BT", "BitTorrent"],
  ["DE", "Deluge"],
  ["FD", "Free Download Manager"],
  ["KT", "KTorrent"],
  ["LT", "libtorrent"],
  ["RN", "Rain"],
  ["TL", "Tribler"],
  ["TR", "Transmission"],
  ["TX", "Tixati"],
  ["UM", "uTorrent Mac"],
  ["UT", "uTorrent"],
  ["WD", "WebTorrent Desktop"],
  ["WW", "WebTorrent"],
  ["XL", "Xunlei"],
  ["lt", "rTorrent"],
  ["qB", "qBittorrent"],
  ["rQ", "rqbit"],
]);

/**
 * What a peer id says about its program (BEP 20): `-TR3000-...` is "Transmission 3.0.0", `A2-1-37-0-...` is
 * "aria2 1.37.0"; else the printable beginning of the id, or "unknown". Anybody can claim to be anything: it is for
 * showing only.
 * @returns printable ASCII.
 */
export function clientName(peerId: PeerId): string {
  const text = toLatin1(peerId);
  const azureus = /^-([A-Za-z~]{2})([0-9A-Za-z]{4})-/.exec(text);
  if (azureus !== null) {
    const [, code = "", digits = ""] = azureus;
    return `${NAMES.get(code) ?? code} ${version(digits)}`;
  }
  const aria2 = /^A2-(\d+)-(\d+)-(\d+)/.exec(text);
  if (aria2 !== null) return `aria2 ${aria2.slice(1).join(".")}`;
  const printable = /^[ -~]*/.exec(text)?.[0] ?? "";
  return printable.length >= 4 ? printable : "unknown";
}

/**
 * Whether the program of that peer id sends a `bitfield` in the middle, where BEP 3 allows it only at the start: aria2
 * does instead of many `have`s, when that is shorter.
 */
export function sendsLateBitfields(peerId: PeerId): boolean {
  return toLatin1(peerId).startsWith("A2-");
}

/** Whether a peer says that it is our own program: fit for tuning, not for trust. */
export function isBoojum(peerId: PeerId): boolean {
  return toLatin1(peerId).startsWith("-BJ");
}

/** Three numbers, `A` being 10; the fourth digit is a build, a beta mark or nothing. */
function version(digits: string): string {
  return Array.from(digits.slice(0, 3), (digit) => Number.parseInt(digit, 36)).join(".");
}
