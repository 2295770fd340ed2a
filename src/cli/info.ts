/** `share info SOURCE`: everything in a torrent. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import type { TorrentInfo } from "../share/info.ts";
import {
  addExamples,
  type CommonFlags,
  collectPeers,
  createOutput,
  duration,
  type Surroundings,
} from "./options.ts";
import type { Output } from "./output.ts";
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";
import { countOf, formatBytes } from "./units.ts";

interface InfoFlags extends CommonFlags, PasswordFlags {
  readonly peer?: readonly string[];
  readonly timeout: number;
}

export function infoCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("info")
    .usage("SOURCE [flags]")
    .description("Show what is in a share's URL, a magnet link or a .torrent.")
    .argument("<source>")
    .option("--peer <host:port>", "for a magnet link: ask this peer, too (repeatable)", collectPeers)
    .option("--timeout <duration>", "for a magnet link: give up after so long", duration, 60);
  addPasswordFlags(command, "of the share; it is asked for, too");
  return addExamples(command, EXAMPLES).action(async (source: string, flags: InfoFlags) => {
    report(await runInfo(source, flags, surroundings));
  });
}

const EXAMPLES = [
  "share info http://192.168.1.20:6881/s/k3f9x2mw",
  "share info debian.torrent --json | jq '.files[].path'",
];

async function runInfo(source: string, flags: InfoFlags, surroundings: Surroundings): Promise<number> {
  const found = findSource(source);
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const { readInfo } = await import("../share.ts");
    const info = await readInfo(found, stop.signal, {
      ...access,
      peers: flags.peer,
      timeoutSeconds: flags.timeout,
    });
    if (output.json) output.event(info);
    else show(output, info);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    throw error;
  } finally {
    stop.release();
  }
}

function show(output: Output, info: TorrentInfo): void {
  const field = (name: string, value: string) =>
    output.result(`${name.padEnd(12)}${escapeForTerminal(value)}`);
  field("name", info.name);
  if (info.infoHash !== undefined) field("info hash", info.infoHash);
  if (info.infoHashV2 !== undefined) field("v2 hash", info.infoHashV2);
  field("size", `${formatBytes(info.bytes)} (${info.bytes.toLocaleString("en")} bytes)`);
  field("pieces", `${info.pieces.toLocaleString("en")} of ${pieceLength(info.pieceLength)}`);
  if (info.private) field("private", "yes");
  if (info.comment !== undefined) field("comment", info.comment);
  if (info.createdBy !== undefined) field("created by", info.createdBy);
  if (info.creationDate !== undefined) field("created", date(info.creationDate));
  for (const [i, tier] of info.trackers.entries()) field(i === 0 ? "trackers" : "", tier.join("  "));
  for (const [i, url] of info.webSeeds.entries()) field(i === 0 ? "web seeds" : "", url);
  field("magnet", info.magnet);
  const files = info.files.filter((file) => file.pad !== true);
  field("files", countOf(files.length, "file"));
  const width = Math.max(0, ...files.map((file) => formatBytes(file.bytes).length));
  for (const file of files) {
    const target = file.symlink === undefined ? "" : ` -> ${file.symlink}`;
    const mark = file.executable === true ? " (executable)" : "";
    output.result(
      `  ${formatBytes(file.bytes).padStart(width)}  ${escapeForTerminal(file.path + target)}${mark}`,
    );
  }
}

/** Piece lengths are powers of two, so they read best in binary units. */
function pieceLength(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** Seconds since 1970, as a stranger's torrent says; may be beyond what a date can be. */
function date(seconds: number): string {
  const when = new Date(seconds * 1000);
  return Number.isNaN(when.getTime()) ? String(seconds) : when.toISOString();
}
