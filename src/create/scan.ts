/** Looks at what is to be published: names, sizes and times, not contents. */
import { type BigIntStats, lstat, lstatSync, stat, statSync } from "node:fs";
import { stat as statPromise } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { forEachIndex } from "../platform/bounded.ts";
import { systemClock } from "../platform/clock.ts";
import { Pace } from "../platform/pace.ts";
import { Slices } from "../platform/slices.ts";
import { MetainfoError } from "../protocol/errors.ts";
import { portableName, portablePaths } from "../protocol/portable-path.ts";
import { isPlainName } from "./core/names.ts";
import { comparePaths } from "./core/order.ts";
import { CreateOptionError, SourceError } from "./errors.ts";
import type { Filter } from "./filter.ts";
import { errorCode, fsReason } from "./fs-reason.ts";
import { Notices } from "./notices.ts";
import type { ScanOptions, Source, SourceFile, SourceLink } from "./source.ts";
import { type Candidate, type FoundLink, walk } from "./walk.ts";

/** Enough to keep the thread pool's queue full. */
const STATS_AT_ONCE = 64;
/** Between two looks at the time, and at how slow the disk is. */
const STATS_IN_A_ROW = 256;

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
  const stats = await statPromise(root, { bigint: true }).catch((cause: unknown) => {
    throw new SourceError(root, `Can't publish ${JSON.stringify(root)}: ${fsReason(cause)}.`, { cause });
  });
  const notices = new Notices();
  const found = stats.isFile()
    ? { files: oneFile(root, name, stats, filter), links: [], emptyFolders: [] }
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

function oneFile(root: string, name: string, stats: BigIntStats, filter: Filter): SourceFile[] {
  const onDisk = [basename(root)];
  if (filter.excludes(onDisk, false) || !filter.includes(onDisk, false)) return [];
  return [sourceFile({ path: [name], absolutePath: root, followed: true }, stats)];
}

async function findBelow(
  root: string,
  stats: BigIntStats,
  options: ScanOptions,
  filter: Filter,
  notices: Notices,
  signal: AbortSignal,
): Promise<Pick<Source, "files" | "links" | "emptyFolders">> {
  if (!stats.isDirectory()) {
    throw new SourceError(
      root,
      `${JSON.stringify(root)} is neither a file nor a folder: it can't be published.`,
    );
  }
  const pace = new Pace(systemClock);
  const walked = await walk(root, options, { filter, notices, pace, signal });
  const candidates = walked.files.sort((a, b) => comparePaths(a.path, b.path));
  const files = await statAll(candidates, pace, signal);
  const emptyFolders = walked.emptyFolders.sort(comparePaths);
  const links = linksInside(walked.links, [...files.map(({ path }) => path), ...emptyFolders], notices);
  return { files, links, emptyFolders };
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

/** In the order of `candidates`; those that vanished since their folder was read are as if they had never been there. */
async function statAll(
  candidates: readonly Candidate[],
  pace: Pace,
  signal: AbortSignal,
): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  const slices = new Slices();
  for (let next = 0; next < candidates.length; ) {
    if (slices.isOver) await slices.next(signal);
    const some = candidates.slice(next, next + STATS_IN_A_ROW);
    // At once costs half of what asking the thread pool does, unless a disk must be waited for.
    const stats = pace.isFast ? statAtOnce(some, pace) : await statTogether(some, signal);
    for (const [i, candidate] of some.entries()) {
      const one = stats[i];
      if (one?.isFile() === true) found.push(sourceFile(candidate, one));
    }
    next += some.length;
  }
  return found;
}

function statAtOnce(candidates: readonly Candidate[], pace: Pace): (BigIntStats | undefined)[] {
  return candidates.map(({ absolutePath, followed }) => {
    try {
      const look = followed ? statSync : lstatSync;
      return pace.time(() => look(absolutePath, { bigint: true, throwIfNoEntry: false }));
    } catch (cause) {
      throw unreadable(absolutePath, cause);
    }
  });
}

async function statTogether(
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<(BigIntStats | undefined)[]> {
  const found: (BigIntStats | undefined)[] = candidates.map(() => undefined);
  const look = (index: number, done: (error?: unknown) => void) => {
    const candidate = candidates[index];
    if (candidate === undefined) return done();
    const { absolutePath, followed } = candidate;
    (followed ? stat : lstat)(absolutePath, { bigint: true }, (cause, stats) => {
      if (cause !== null && errorCode(cause) !== "ENOENT") return done(unreadable(absolutePath, cause));
      if (cause === null) found[index] = stats;
      done();
    });
  };
  await forEachIndex(candidates.length, STATS_AT_ONCE, look, signal);
  return found;
}

function unreadable(path: string, cause: unknown): SourceError {
  return new SourceError(path, `Can't read ${JSON.stringify(path)}: ${fsReason(cause)}.`, { cause });
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

function sourceFile(candidate: Candidate, stats: BigIntStats): SourceFile {
  return {
    path: candidate.path,
    absolutePath: candidate.absolutePath,
    length: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
    device: stats.dev,
    executable: (stats.mode & 0o100n) !== 0n,
  };
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
