import type { PeerId } from "../../protocol/ids.ts";

/** Names by the two letters of a peer id in Azureus style (BEP 20). */
const NAMES = new Map([
  ["BJ", "Boojum"],
  ["TR", "Transmission"],
  ["qB", "qBittorrent"],
  ["LT", "libtorrent"],
  ["lt", "rTorrent"],
  ["DE", "Deluge"],
  ["UT", "uTorrent"],
  ["UM", "uTorrent Mac"],
  ["AZ", "Vuze"],
  ["BI", "BiglyBT"],
  ["WW", "WebTorrent"],
  ["WD", "WebTorrent Desktop"],
  ["KT", "KTorrent"],
  ["FD", "Free Download Manager"],
  ["TX", "Tixati"],
  ["rQ", "rqbit"],
  ["RN", "Rain"],
]);

/** What a peer id says about the program (BEP 20): "Transmission 4.0.2", or the printable part of an unknown id. */
export function clientName(peerId: PeerId): string {
  const text = String.fromCharCode(...peerId);
  const azureus = /^-([A-Za-z~]{2})([0-9A-Za-z]{4})-/.exec(text);
  if (azureus !== null) {
    const [, code = "", version = ""] = azureus;
    const digits = [...version].map((digit) => Number.parseInt(digit, 36));
    while (digits.length > 2 && digits.at(-1) === 0) digits.pop();
    return `${NAMES.get(code) ?? code} ${digits.join(".")}`;
  }
  const aria = /^A2-(\d+)-(\d+)-(\d+)/.exec(text);
  if (aria !== null) return `aria2 ${aria.slice(1, 4).join(".")}`;
  const printable = /^[ -~]*/.exec(text)?.[0] ?? "";
  return printable.length >= 4 ? printable : "unknown";
}
