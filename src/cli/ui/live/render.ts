/** Draws the live view: state and size in, lines out. Nothing here knows of a terminal, so tests read what users see. */
import type { AvailabilityPart, Limits } from "../../../share/transfer-types.ts";
import { countOf, formatBytes, formatRate } from "../../units.ts";
import { describeProgress } from "../progress.ts";
import { cell, clip } from "./cells.ts";
import type { Colors, LiveState, ShownTransfer, Size } from "./state.ts";
import { files, header, info, log, peers, table } from "./tables.ts";

/** Cells of the widest strip; one column stays free, since terminals differ about what a full line does. */
const WIDEST_STRIP = 120;

/** Lines that a panel has for its content, below and above what is always there. */
export function roomFor(state: Pick<LiveState, "warnings">, { rows }: Size): number {
  return Math.max(1, rows - 4 - Math.min(2, state.warnings.length));
}

/** At most `rows - 1` lines, none wider than `columns - 1` cells. */
export function render(state: LiveState, size: Size, colors: Colors): readonly string[] {
  const width = size.columns - 1;
  const room = roomFor(state, size);
  const lines = [
    ...state.warnings.slice(0, 2).map((text) => colors.yellow(cell(`! ${text}`, width).trimEnd())),
    ...panel(state, width, room, colors),
    ...footer(state, width, colors),
  ];
  return lines.slice(0, Math.max(1, size.rows - 1));
}

function panel(state: LiveState, width: number, room: number, colors: Colors): readonly string[] {
  switch (state.panel) {
    case "overview":
      return overview(state, width, room, colors);
    case "peers":
      return peers(state, width, room, colors);
    case "files":
      return files(state, width, room, colors);
    case "log":
      return log(state, width, room, colors);
    case "info":
      return state.transfers.flatMap((transfer) => info(transfer, width)).slice(0, room);
    case "help":
      return HELP.map((line) => clip(line, width)).slice(0, room);
  }
}

function overview(state: LiveState, width: number, room: number, colors: Colors): readonly string[] {
  const { work, transfers } = state;
  const [only, ...more] = transfers;
  if (work !== undefined && (only === undefined || only.stats.phase === "hashing")) {
    const { bytesDone, bytesTotal } = work.progress;
    const words = describeProgress(work.progress);
    const done = bar(bytesDone, bytesTotal, width - work.title.length - words.length - 4, colors);
    return [done === "" ? clip(`${work.title}  ${words}`, width) : `${work.title}  ${done}${words}`];
  }
  if (only === undefined) return [];
  if (more.length > 0) return [header(width, colors), ...table(transfers, width, room - 1)];
  return [...single(only, width, colors), ...strip(only, width, colors)];
}

/** One transfer has three lines to itself. */
function single({ name, stats }: ShownTransfer, width: number, colors: Colors): readonly string[] {
  const traffic = [
    `${formatRate(stats.upRate)} up`,
    ...(stats.phase === "getting" ? [] : [`${formatRate(stats.downRate)} down`]),
    `${formatBytes(stats.uploaded)} sent`,
    `ratio ${stats.ratio.toFixed(2)}`,
    `${stats.copies.toFixed(2)} copies`,
    countOf(stats.peers, "peer"),
    ...(stats.completed > 0 ? [`${stats.completed} complete`] : []),
    ...(stats.webSeeds > 0 ? [countOf(stats.webSeeds, "web seed")] : []),
  ];
  const second = clip(traffic.join("  "), width);
  if (stats.phase !== "getting") {
    const rest = `  ${formatBytes(stats.bytesTotal)}  ${stats.phase}`;
    return [colors.bold(cell(name, width - rest.length).trimEnd()) + rest, second];
  }
  const words = describeProgress({ ...stats, rate: stats.downRate });
  const done = bar(stats.bytesDone, stats.bytesTotal, width - words.length - 11, colors);
  return [done === "" ? clip(`getting  ${words}`, width) : `getting  ${done}${words}`, second];
}

function bar(done: number, total: number, room: number, colors: Colors): string {
  const cells = Math.min(40, room);
  if (cells < 8) return "";
  const filled = Math.round(Math.min(1, total === 0 ? 1 : done / total) * cells);
  return `${colors.cyan("█".repeat(filled))}${colors.dim("░".repeat(cells - filled))}  `;
}

/** While getting: what is here, what somebody has, what nobody has. Else: how many peers have it besides us. */
function strip({ stats, strip: parts }: ShownTransfer, width: number, colors: Colors): readonly string[] {
  if (parts.length === 0) return [];
  const cells = Math.min(WIDEST_STRIP, width);
  const shown = Array.from({ length: cells }, (_, i) => parts[Math.floor((i * parts.length) / cells)]);
  const draw = stats.phase === "getting" ? ownMark : copiesMark;
  return [shown.map((part) => (part === undefined ? " " : draw(part, colors))).join("")];
}

function ownMark({ have, copies }: AvailabilityPart, colors: Colors): string {
  if (have >= 1) return colors.green("█");
  if (copies === 0) return have > 0 ? colors.red("▒") : colors.red("×");
  return have > 0 ? colors.cyan("▓") : colors.dim("░");
}

function copiesMark({ copies }: AvailabilityPart, colors: Colors): string {
  if (copies === 0) return colors.dim("░");
  if (copies === 1) return colors.cyan("▒");
  return copies < 4 ? colors.green("▓") : colors.green("█");
}

function footer(state: LiveState, width: number, colors: Colors): readonly string[] {
  if (state.transfers.length === 0) return [];
  const limits = (["up", "down"] as const).map((way) => limitWords(state.limits, way, state)).join("  ");
  const first = clip(`limits: ${limits}`, width);
  if (!state.hasKeys) return [colors.dim(first)];
  const keys = state.panel === "overview" ? KEYS : `o overview  ${KEYS}`;
  return [colors.dim(first), colors.dim(clip(keys, width))];
}

function limitWords(limits: Limits, way: "up" | "down", { chosen, hasKeys }: LiveState): string {
  const limit = limits[way];
  const mark = hasKeys && chosen === way ? "*" : "";
  return `${way}${mark} ${limit === undefined ? "none" : formatRate(limit)}`;
}

const KEYS = "p peers  f files  l log  i info  +/- limit  ? help  q quit";

const HELP = [
  "p peers    f files    l log    i info    o overview    ? this",
  "+ -        change the limit marked *     u d  choose which: up or down",
  "arrows     scroll files and log          Page Up, Page Down  faster",
  "q, Ctrl-C  quit: what is here is kept    Ctrl-Z  stop, fg goes on",
  "Words work, too, with Enter: info, list, quit.",
  "Peers: U served by us, u waiting for us; D serves us, d lets us wait; last: most moved.",
  "Strip, publishing: ░ only here, ▒ one more copy, ▓ two or three, █ more.",
  "Strip, getting: █ here, ▓ partly, ░ others have it, × nobody who is connected has it.",
];
