/** Looks at what is to be published: names, sizes and times, not contents. */
import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { systemClock } from "../platform/clock.ts";
import { Pace } from "../platform/pace.ts";
import { MetainfoError } from "../protocol/errors.ts";
import { portableName, portablePaths } from "../protocol/portable-path.ts";
import { isPlainName } from "./core/names.ts";
import { comparePaths } from "./core/order.ts";
import { CreateOptionError, SourceError } from "./errors.ts";
import { filesOf, note, packFiles, tableOf } from "./file-table.ts";
import type { Filter } from "./filter.ts";
import { fsReason } from "./fs-reason.ts";
import { lookAtAll } from "./look.ts";
import { Notices } from "./notices.ts";
import type { ScanOptions, Source, SourceLink } from "./source.ts";
import type { SourceFile } from "./source-file.ts";
import { type FoundLink, walk } from "./walk.ts";

/**
 * Finds the files of a share, in the order of its torrent. Dotfiles belong to it. A symbolic link given as `path`
 * itself is followed.
 * @throws {SourceError} when something can't be read, when a name is not valid Unicode, when there is no file or only
 *   empty ones.
 * @throws {CreateOptionError} when the share has no name or a bad one, or a glob is malformed.
 */
export async function scan(path: string, options: ScanOptions, signal: AbortSignal): Promise<Source> {
  signal.throwIfAborted();
  const root = resolve(path);
  const name = shareName(root, options.name);
  const filter = await filterOf(options);
  const lookedAt = Date.now();
  const stats = await stat(root, { bigint: true }).catch((cause: unknown) => {
    throw new SourceError(root, `Can't publish ${JSON.stringify(root)}: ${fsReason(cause)}.`, { cause });
  });
  const notices = new Notices();
  const found = stats.isFile()
    ? { ...oneFile(root, name, stats, filter), links: [], emptyFolders: [] }
    : await findBelow(root, stats, options, filter, notices, signal);
  noteRenames(root, name, stats.isFile() ? [] : found.files, notices);
  for (const notice of notices.all()) options.onNotice?.(notice);
  return finish({ name, root, singleFile: stats.isFile(), ...found, lookedAt });
}

/** Globs are rare, and reading them takes a third of what making a torrent takes to load. */
async function filterOf({ include = [], exclude = [] }: ScanOptions): Promise<Filter> {
  if (include.length === 0 && exclude.length === 0) return { excludes: () => false, includes: () => true };
  const { createFilter } = await import("./filter.ts");
  return createFilter(include, exclude);
}

/** @throws {CreateOptionError} `asked` can't be the one component of a path. */
export function checkShareName(asked: string): void {
  if (!isPlainName(asked)) {
    throw new CreateOptionError(
      `${JSON.stringify(asked)} can't be the name of a share: choose one without slashes that is not a step in a path.`,
    );
  }
}

function shareName(root: string, asked: string | undefined): string {
  if (asked !== undefined) checkShareName(asked);
  const name = asked ?? basename(root);
  if (name === "") {
    throw new CreateOptionError(`${JSON.stringify(root)} has no name of its own: choose one with --name.`);
  }
  return name;
}

function oneFile(
  root: string,
  name: string,
  stats: BigIntStats,
  filter: Filter,
): Pick<Source, "files" | "table"> {
  const onDisk = [basename(root)];
  const isWanted = !filter.excludes(onDisk, false) && filter.includes(onDisk, false);
  const candidates = isWanted ? [{ path: [name], absolutePath: root, followed: true }] : [];
  const table = tableOf(candidates);
  if (isWanted) note(table, 0, stats);
  return { files: filesOf(table, candidates), table };
}

async function findBelow(
  root: string,
  stats: BigIntStats,
  options: ScanOptions,
  filter: Filter,
  notices: Notices,
  signal: AbortSignal,
): Promise<Pick<Source, "files" | "table" | "links" | "emptyFolders">> {
  if (!stats.isDirectory()) {
    throw new SourceError(
      root,
      `${JSON.stringify(root)} is neither a file nor a folder: it can't be published.`,
    );
  }
  const pace = new Pace(systemClock);
  const { crew } = options;
  const onFound = (files: number) => crew?.expect(files);
  const walked = await walk(root, options, { filter, notices, pace, onFound, signal });
  const candidates = walked.files.sort((a, b) => comparePaths(a.path, b.path));
  const looked = await lookAtAll(candidates, pace, crew, signal);
  const files = filesOf(looked, candidates);
  const table = files.length === candidates.length ? looked : packFiles(files);
  const emptyFolders = walked.emptyFolders.sort(comparePaths);
  const links = linksInside(walked.links, [...files.map(({ path }) => path), ...emptyFolders], notices);
  return { files, table, links, emptyFolders };
}

/** Those that lead to something in the share, be it another of them. */
function linksInside(
  found: readonly FoundLink[],
  paths: readonly (readonly string[])[],
  notices: Notices,
): SourceLink[] {
  if (found.length === 0) return [];
  const known = new Set(found.map(({ path }) => path.join("/")));
  for (const path of paths) {
    for (let end = path.length; end > 0 && !known.has(path.slice(0, end).join("/")); end--)
      known.add(path.slice(0, end).join("/"));
  }
  const links = found.filter(({ path, target }) => {
    const isInside = known.has(target.join("/"));
    const message = "the symbolic link leads to nothing in the share; left out";
    if (!isInside) notices.add({ code: "symlink", path, message });
    return isInside;
  });
  return links.sort((a, b) => comparePaths(a.path, b.path));
}

/** What receivers will call otherwise than we do; see `protocol/portable-path.ts`. */
function noteRenames(root: string, name: string, files: readonly SourceFile[], notices: Notices): void {
  const note = (path: readonly string[], there: string) => {
    const message = `receivers will store it as ${JSON.stringify(there)}, which every system can hold`;
    notices.add({ code: "renamed", path, message });
  };
  if (portableName(name) !== name) note([name], portableName(name));
  let there: readonly (readonly string[])[];
  try {
    there = portablePaths(files.map((file) => file.path));
  } catch (cause) {
    if (!(cause instanceof MetainfoError)) throw cause;
    throw new SourceError(root, `${JSON.stringify(root)} can't be published: ${cause.message}.`, { cause });
  }
  for (const [i, file] of files.entries()) {
    const renamed = there[i];
    if (renamed !== undefined && comparePaths(renamed, file.path) !== 0) note(file.path, renamed.join("/"));
  }
}

function finish(source: Omit<Source, "totalBytes">): Source {
  let totalBytes = 0;
  for (const file of source.files) totalBytes += file.length;
  const shown = JSON.stringify(source.root);
  if (source.files.length === 0) {
    throw new SourceError(
      source.root,
      `There is no file to publish in ${shown}: put one there, or check the globs.`,
    );
  }
  if (totalBytes === 0) {
    throw new SourceError(
      source.root,
      `Only empty files are in ${shown}: a torrent needs at least one byte.`,
    );
  }
  return { ...source, totalBytes };
}
