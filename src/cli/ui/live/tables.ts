/** The tables of the live view: transfers, their peers and files, and what has happened. */
import type { TransferPeer, TransferStats } from "../../../share/transfer-types.ts";
import { countOf, formatBytes, formatDuration, formatRate } from "../../units.ts";
import { cell, clip } from "./cells.ts";
import type { Colors, LiveState, ShownTransfer } from "./state.ts";

const COLUMNS = [
  ["SIZE", 8],
  ["DONE", 5],
  ["DOWN", 10],
  ["UP", 10],
  ["PEERS", 5],
  ["COPIES", 6],
  ["RATIO", 6],
] as const;
const FIXED = COLUMNS.reduce((sum, [, width]) => sum + width + 1, 0);

export function header(width: number, colors: Colors): string {
  const words = COLUMNS.map(([name, cells]) => cell(name, cells, "right")).join(" ");
  return colors.dim(clip(`${cell("NAME", nameWidth(width))} ${words}`, width));
}

function nameWidth(width: number): number {
  return Math.max(8, Math.min(60, width - FIXED));
}

export function table(transfers: readonly ShownTransfer[], width: number, room: number): readonly string[] {
  const shown = transfers.length <= room ? transfers : transfers.slice(0, room - 1);
  const more = transfers.length - shown.length;
  return [...shown.map((transfer) => row(transfer, width)), ...(more > 0 ? [`… and ${more} more`] : [])];
}

function row({ name, stats }: ShownTransfer, width: number): string {
  const values = [
    formatBytes(stats.bytesTotal),
    percent(stats.bytesTotal === 0 ? 1 : stats.bytesDone / stats.bytesTotal),
    formatRate(stats.downRate),
    formatRate(stats.upRate),
    String(stats.peers),
    stats.copies.toFixed(2),
    stats.ratio.toFixed(2),
  ];
  const cells = COLUMNS.map(([, cells], i) => cell(values[i] ?? "", cells, "right"));
  return clip(`${cell(name, nameWidth(width))} ${cells.join(" ")}`, width);
}

function percent(part: number): string {
  return `${Math.floor(part * 100)} %`;
}

export function peers(state: LiveState, width: number, room: number, colors: Colors): readonly string[] {
  const each = Math.max(1, Math.floor((room - 1) / Math.max(1, state.transfers.length)) - 1);
  const lines = state.transfers.flatMap((transfer) => {
    const busiest = [...transfer.peers].sort(
      (a, b) => rateOf(b) - rateOf(a) || (a.address < b.address ? -1 : 1),
    );
    const shown = busiest.length <= each ? busiest : busiest.slice(0, Math.max(0, each - 1));
    const more = busiest.length - shown.length;
    return [
      colors.bold(row(transfer, width)),
      ...shown.map((peer) => peerRow(peer, width)),
      ...(more > 0 ? [`  … and ${countOf(more, "other peer")}`] : []),
      ...(busiest.length === 0 ? [colors.dim("  nobody is connected")] : []),
    ];
  });
  return [header(width, colors), ...lines].slice(0, room);
}

function rateOf({ upRate, downRate }: TransferPeer): number {
  return upRate + downRate;
}

/** The rates stand below those of the transfers; what the letters mean is in the help. */
function peerRow(peer: TransferPeer, width: number): string {
  const [[, size]] = COLUMNS;
  const room = nameWidth(width) + 1 + size - 3;
  // The client's name gets what is left, a third at least.
  const address = Math.min(Math.max(15, peer.address.length), Math.floor((room * 2) / 3));
  const flags = [
    peer.isInterested ? (peer.isServed ? "U" : "u") : "-",
    peer.interestsUs ? (peer.servesUs ? "D" : "d") : "-",
  ].join("");
  const moved = formatBytes(Math.max(peer.downloaded, peer.uploaded));
  const cells = [
    cell(percent(peer.progress), 5, "right"),
    cell(formatRate(peer.downRate), 10, "right"),
    cell(formatRate(peer.upRate), 10, "right"),
    cell(flags, 5, "right"),
    cell(moved, 13, "right"),
  ];
  const who = `  ${cell(peer.address, address)} ${cell(peer.client, room - address)}`;
  return clip(`${who} ${cells.join(" ")}`, width);
}

export function files(state: LiveState, width: number, room: number, colors: Colors): readonly string[] {
  const all = state.transfers.reduce((sum, { fileCount }) => sum + fileCount, 0);
  const shown = state.files.slice(0, room - 1);
  const from = state.scrolled;
  const where = all > shown.length ? `  ${from + 1} to ${from + shown.length} of ${all}` : "";
  const several = state.transfers.length > 1;
  return [
    colors.dim(`${cell("DONE", 5, "right")} ${cell("SIZE", 8, "right")}  FILE${where}`),
    ...shown.map(({ path, bytes, progress, isWanted, transfer }) => {
      const whose = several ? `${state.transfers[transfer]?.name ?? ""}/` : "";
      const done = isWanted ? percent(progress) : "-";
      const line = `${cell(done, 5, "right")} ${cell(formatBytes(bytes), 8, "right")}  ${cell(whose + path, width - 16)}`;
      return (progress >= 1 ? colors.green(line) : line).trimEnd();
    }),
  ];
}

export function log(state: LiveState, width: number, room: number, colors: Colors): readonly string[] {
  if (state.log.length === 0) return [colors.dim("Nothing has happened yet.")];
  const end = state.log.length - state.scrolled;
  return state.log
    .slice(Math.max(0, end - room), end)
    .map(({ time, text }) => `${colors.dim(time)} ${cell(text, width - 9).trimEnd()}`);
}

function overHttp({ uploadedHttp }: TransferStats): string {
  return uploadedHttp === 0 ? "" : `${formatBytes(uploadedHttp)} over HTTP, `;
}

export function info({ name, url, stats, fileCount }: ShownTransfer, width: number): readonly string[] {
  const field = (key: string, value: string) => `${cell(key, 12)}${cell(value, width - 12).trimEnd()}`;
  return [
    field("name", name),
    ...(url === undefined ? [] : [field("URL", url)]),
    ...(stats.infoHash === undefined ? [] : [field("info hash", stats.infoHash)]),
    field("size", `${formatBytes(stats.bytesTotal)} in ${countOf(fileCount, "file")}, ${stats.phase}`),
    field("here", percent(stats.bytesTotal === 0 ? 1 : stats.bytesDone / stats.bytesTotal)),
    field(
      "sent",
      `${formatBytes(stats.uploaded)} (${overHttp(stats)}ratio ${stats.ratio.toFixed(2)}), now ${formatRate(stats.upRate)}`,
    ),
    field(
      "received",
      `${formatBytes(stats.downloaded)} (${formatBytes(stats.wasted)} wasted), now ${formatRate(stats.downRate)}`,
    ),
    field(
      "swarm",
      `${countOf(stats.peers, "peer")}, ${stats.seeders} of them complete, ${stats.copies.toFixed(2)} distributed copies`,
    ),
    ...(stats.etaSeconds === null || stats.phase !== "getting"
      ? []
      : [field("left", formatDuration(stats.etaSeconds))]),
  ];
}
