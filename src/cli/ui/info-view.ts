/** What `share info` says to people. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import type { TorrentInfo, TorrentInfoFile } from "../../share/tools/info.ts";
import type { Output } from "../output.ts";
import { countOf, formatBytes, formatCount } from "../units.ts";

export function showInfo(output: Output, info: TorrentInfo): void {
  const field = (name: string, value: string) =>
    output.result(`${name.padEnd(12)}${escapeForTerminal(value)}`);
  const list = (name: string, values: readonly string[]) => {
    for (const [i, value] of values.entries()) field(i === 0 ? name : "", value);
  };
  field("name", info.name);
  if (info.infoHash !== undefined) field("info hash", info.infoHash);
  if (info.infoHashV2 !== undefined) field("v2 hash", info.infoHashV2);
  field("size", `${formatBytes(info.bytes)} (${formatCount(info.bytes)} bytes)`);
  field("pieces", `${formatCount(info.pieces)} of ${pieceLength(info.pieceLength)}`);
  if (info.private) field("private", "yes");
  if (info.source !== undefined) field("source", info.source);
  if (info.comment !== undefined) field("comment", info.comment);
  if (info.createdBy !== undefined) field("created by", info.createdBy);
  if (info.creationDate !== undefined) field("created", date(info.creationDate));
  list(
    "trackers",
    info.trackers.map((tier) => tier.join("  ")),
  );
  list("web seeds", info.webSeeds);
  field("magnet", info.magnet);
  showSwarm(output, info);
  const files = info.files.filter((file) => file.pad !== true);
  field("files", countOf(files.length, "file"));
  showTree(output, files, info.emptyFolders ?? []);
  for (const { message } of info.warnings) output.warn(message);
}

function showSwarm(output: Output, { swarm, availability }: TorrentInfo): void {
  if (swarm === undefined || availability === undefined) return;
  const count = (n: number | null, what: string) => `${n === null ? "?" : formatCount(n)} ${what}`;
  for (const { tracker, seeders, leechers, completed, error } of swarm) {
    const counts = [count(seeders, "seeding"), count(leechers, "getting it"), count(completed, "completed")];
    const said = error === undefined ? counts.join(", ") : `no answer: ${error}`;
    output.result(`${"swarm".padEnd(12)}${escapeForTerminal(`${tracker}  ${said}`)}`);
  }
  const { peers, complete, copies } = availability;
  output.result(
    `${"visible".padEnd(12)}${copies.toFixed(2)} distributed copies at ${countOf(peers, "peer")}, ${complete} complete`,
  );
}

/** `99.9 MB` */
const SIZE_WIDTH = 7;

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: { readonly name: string; readonly file: TorrentInfoFile }[];
  bytes: number;
}

function showTree(output: Output, files: readonly TorrentInfoFile[], emptyFolders: readonly string[]): void {
  const root = emptyFolder();
  for (const file of files) place(root, file);
  for (const path of emptyFolders) folderAt(root, path.split("/"), 0);
  const line = (bytes: number, depth: number, text: string) =>
    output.result(`  ${formatBytes(bytes).padStart(SIZE_WIDTH)}  ${"  ".repeat(depth)}${text}`);
  // No recursion: how deep it goes is a stranger's choice.
  const waiting: { readonly folder: Folder; readonly depth: number; readonly name?: string }[] = [
    { folder: root, depth: 0 },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { folder, depth, name } = next;
    if (name !== undefined) line(folder.bytes, depth - 1, `${escapeForTerminal(name)}/`);
    for (const entry of folder.files) line(entry.file.bytes, depth, describe(entry));
    const below = [...folder.folders].map(([below, inner]) => ({
      folder: inner,
      depth: depth + 1,
      name: below,
    }));
    waiting.push(...below.reverse());
  }
}

function emptyFolder(): Folder {
  return { folders: new Map(), files: [], bytes: 0 };
}

function place(root: Folder, file: TorrentInfoFile): void {
  const path = file.path.split("/");
  const name = path.pop() ?? "";
  folderAt(root, path, file.bytes).files.push({ name, file });
}

/** The folder at `path`, where it and those above have `bytes` more. */
function folderAt(root: Folder, path: readonly string[], bytes: number): Folder {
  let folder = root;
  folder.bytes += bytes;
  for (const component of path) {
    let inner = folder.folders.get(component);
    if (inner === undefined) {
      inner = emptyFolder();
      folder.folders.set(component, inner);
    }
    folder = inner;
    folder.bytes += bytes;
  }
  return folder;
}

function describe({ name, file }: { readonly name: string; readonly file: TorrentInfoFile }): string {
  const target = file.symlink === undefined ? "" : ` -> ${file.symlink}`;
  const marks = [
    ...(file.executable === true ? ["executable"] : []),
    ...(file.mtime === undefined ? [] : [date(file.mtime)]),
  ];
  return `${escapeForTerminal(name + target)}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`;
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
