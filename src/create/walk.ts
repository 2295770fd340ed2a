/** Reads a tree of folders. Contents, sizes and times of files are left to the caller. */
import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync } from "node:fs";
import { lstat, readdir, readlink, realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { drainQueue } from "../platform/bounded.ts";
import type { Pace } from "../platform/pace.ts";
import { Slices } from "../platform/slices.ts";
import { isDownloadState, isJunk } from "./core/names.ts";
import { SourceError } from "./errors.ts";
import type { Filter } from "./filter.ts";
import { errorCode, fsReason } from "./fs-reason.ts";
import type { Notices } from "./notices.ts";
import type { ScanNoticeCode, ScanOptions } from "./source.ts";
import type { Candidate } from "./source-file.ts";

/** A symbolic link to be told of as such, and where it leads, below the root: that may be nowhere. */
export interface FoundLink {
  readonly path: readonly string[];
  readonly target: readonly string[];
}

export interface Walked {
  readonly files: Candidate[];
  readonly links: FoundLink[];
  /** Folders in which nothing is at all. */
  readonly emptyFolders: (readonly string[])[];
}

interface Folder {
  readonly path: readonly string[];
  readonly absolutePath: string;
  /** Where it really is, links resolved. */
  readonly realPath: string;
  readonly parent: Folder | undefined;
  /** A parent of it, or itself, was reached through a link, so that circles are possible. */
  readonly behindLink: boolean;
  /** An include glob matches a parent or itself. */
  readonly included: boolean;
}

type Kind = "file" | "folder" | "link" | "special" | "gone";

const FOLDERS_AT_ONCE = 16;
/** Far more than a torrent can list; links can make a small tree endlessly bushy. */
const MOST_FILES = 1_000_000;

/**
 * @returns what should be in the share, in no particular order; what is left out goes to `notices`.
 * @throws {SourceError} when a folder can't be read, or a name that isn't excluded is not valid Unicode: torrents
 *   hold UTF-8, and leaving a file out silently would be worse.
 */
export async function walk(
  root: string,
  { followSymlinks = 0, symlinks = false }: Pick<ScanOptions, "followSymlinks" | "symlinks">,
  parts: Pick<WalkerParts, "filter" | "notices" | "pace" | "onFound" | "signal">,
): Promise<Walked> {
  const realRoot = await realpath(root);
  const walker = new Walker({ ...parts, realRoot, followSymlinks, symlinks });
  walker.folders.push({
    path: [],
    absolutePath: root,
    realPath: realRoot,
    parent: undefined,
    behindLink: false,
    included: false,
  });
  await drainQueue(walker.folders, FOLDERS_AT_ONCE, (folder) => walker.read(folder), parts.signal);
  return walker;
}

interface WalkerParts {
  readonly realRoot: string;
  readonly filter: Filter;
  readonly followSymlinks: 0 | 1 | 2;
  readonly symlinks: boolean;
  readonly notices: Notices;
  readonly pace: Pace;
  /** Told now and then how many files there are so far. */
  readonly onFound: (files: number) => void;
  readonly signal: AbortSignal;
}

class Walker implements Walked {
  readonly folders: Folder[] = [];
  readonly files: Candidate[] = [];
  readonly links: FoundLink[] = [];
  readonly emptyFolders: (readonly string[])[] = [];
  readonly #realRoot: string;
  readonly #filter: Filter;
  readonly #followSymlinks: 0 | 1 | 2;
  readonly #symlinks: boolean;
  readonly #notices: Notices;
  readonly #pace: Pace;
  readonly #onFound: (files: number) => void;
  readonly #signal: AbortSignal;
  readonly #slices = new Slices();

  constructor({ realRoot, filter, followSymlinks, symlinks, notices, pace, onFound, signal }: WalkerParts) {
    this.#symlinks = symlinks;
    this.#realRoot = realRoot;
    this.#filter = filter;
    this.#followSymlinks = followSymlinks;
    this.#notices = notices;
    this.#pace = pace;
    this.#onFound = onFound;
    this.#signal = signal;
  }

  async read(folder: Folder): Promise<void> {
    let entries: Dirent[];
    try {
      entries = await this.#list(folder.absolutePath);
    } catch (cause) {
      // A folder that vanished since its parent was read is as if it had never been there; not so the root.
      if (errorCode(cause) === "ENOENT" && folder.parent !== undefined) return;
      throw unreadable(folder.absolutePath, "folder", cause);
    }
    if (entries.length === 0 && folder.parent !== undefined && folder.included)
      this.emptyFolders.push(folder.path);
    if (entries.some(({ name }) => mayBeMangled(name))) await this.#refuseBadNames(folder);
    for (const entry of entries) {
      const settled = this.#take(folder, entry.name, kindOf(entry));
      if (settled !== undefined) await settled;
    }
    this.#onFound(this.files.length);
    if (this.files.length + this.links.length + this.emptyFolders.length > MOST_FILES) {
      throw new SourceError(
        this.#realRoot,
        `There are more than ${MOST_FILES} files in ${JSON.stringify(this.#realRoot)}, more than a torrent can list: publish an archive, or parts of it.`,
      );
    }
  }

  async #list(folder: string): Promise<Dirent[]> {
    if (!this.#pace.isFast) return await readdir(folder, { withFileTypes: true });
    if (this.#slices.isOver) await this.#slices.next(this.#signal);
    return this.#pace.time(() => readdirSync(folder, { withFileTypes: true }));
  }

  /** @returns a promise only when the file system must be asked: nearly never, and there are very many entries. */
  #take(folder: Folder, name: string, kind: Kind | undefined): Promise<void> | undefined {
    const path = [...folder.path, name];
    const absolutePath = join(folder.absolutePath, name);
    switch (kind) {
      case undefined:
        return this.#classify(folder, name, absolutePath);
      case "file":
        if (this.#wants(folder, path, name)) this.files.push({ path, absolutePath, followed: false });
        return undefined;
      case "folder":
        this.#enter(folder, path, absolutePath, join(folder.realPath, name), folder.behindLink);
        return undefined;
      case "link":
        return this.#excluded(path, false) ? undefined : this.#takeLink(folder, path, name, absolutePath);
      case "special":
        if (!this.#excluded(path, false)) {
          this.#note("special", path, "it is neither a file nor a folder; left out");
        }
        return undefined;
      case "gone":
        return undefined;
      default:
        return kind satisfies never;
    }
  }

  /** Some file systems don't say in a folder's list what its entries are. */
  async #classify(folder: Folder, name: string, absolutePath: string): Promise<void> {
    let kind: Kind;
    try {
      kind = kindOf(await lstat(absolutePath)) ?? "special";
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw unreadable(absolutePath, "file", cause);
      kind = "gone";
    }
    await this.#take(folder, name, kind);
  }

  #wants(folder: Folder, path: readonly string[], name: string): boolean {
    if (this.#excluded(path, false) || !(folder.included || this.#filter.includes(path, false))) return false;
    if (isJunk(name)) {
      this.#note("junk", path, "left by a file manager; left out");
      return false;
    }
    if (isDownloadState(name)) {
      this.#note("state", path, "it is the state of an unfinished download; left out");
      return false;
    }
    return true;
  }

  #excluded(path: readonly string[], isFolder: boolean): boolean {
    return this.#filter.excludes(path, isFolder);
  }

  #enter(
    parent: Folder,
    path: readonly string[],
    absolutePath: string,
    realPath: string,
    behindLink: boolean,
  ): void {
    if (this.#excluded(path, true)) return;
    if (behindLink && isAbove(parent, realPath)) {
      return this.#note("symlink", path, "a symbolic link leads in a circle here; left out");
    }
    const included = parent.included || this.#filter.includes(path, true);
    this.folders.push({ path, absolutePath, realPath, parent, behindLink, included });
  }

  async #takeLink(
    folder: Folder,
    path: readonly string[],
    name: string,
    absolutePath: string,
  ): Promise<void> {
    if (this.#symlinks) return await this.#tellLink(folder, path, absolutePath);
    if (this.#followSymlinks === 0) {
      return this.#note("symlink", path, "symbolic links are not followed; left out");
    }
    let target: string;
    let kind: Kind;
    try {
      target = await realpath(absolutePath);
      kind = kindOf(await stat(absolutePath)) ?? "special";
    } catch (cause) {
      const code = errorCode(cause);
      if (code === "ENOENT") return this.#note("symlink", path, "the symbolic link leads nowhere; left out");
      if (code === "ELOOP")
        return this.#note("symlink", path, "the symbolic link leads in a circle; left out");
      throw unreadable(absolutePath, "file", cause);
    }
    if (this.#followSymlinks === 1 && !isInside(target, this.#realRoot)) {
      return this.#note("symlink", path, "the symbolic link leads out of the share; left out");
    }
    if (kind === "folder") this.#enter(folder, path, absolutePath, target, true);
    else if (kind !== "file") this.#note("special", path, "it is neither a file nor a folder; left out");
    else if (this.#wants(folder, path, name)) this.files.push({ path, absolutePath, followed: true });
  }

  /** Where it leads is judged by its text alone: receivers will have the links as they are told. */
  async #tellLink(folder: Folder, path: readonly string[], absolutePath: string): Promise<void> {
    if (!(folder.included || this.#filter.includes(path, false))) return;
    const text = await readlink(absolutePath, { encoding: "buffer" });
    if (!isUtf8(text)) return this.#note("symlink", path, "the symbolic link is not valid UTF-8; left out");
    const from = join(this.#realRoot, folder.path.join(sep));
    const target = relative(this.#realRoot, resolve(from, text.toString()));
    if (target === "" || isAbsolute(target) || target.split(sep)[0] === "..") {
      return this.#note("symlink", path, "the symbolic link leads out of the share; left out");
    }
    this.links.push({ path, target: target.split(sep) });
  }

  /** Node decodes names leniently; a mangled one could neither be opened nor named to others. */
  async #refuseBadNames(folder: Folder): Promise<void> {
    for (const name of await readdir(folder.absolutePath, { encoding: "buffer" })) {
      if (isUtf8(name)) continue;
      const path = [...folder.path, name.toString()];
      if (this.#excluded(path, false)) continue;
      throw new SourceError(
        folder.absolutePath,
        `The name ${escapeBytes(name)} in ${JSON.stringify(folder.absolutePath)} is not valid UTF-8, so others can't be told it: rename it, or leave it out with --exclude.`,
      );
    }
  }

  #note(code: ScanNoticeCode, path: readonly string[], message: string): void {
    this.#notices.add({ code, path, message });
  }
}

/** @returns undefined when a folder's list doesn't say. */
function kindOf(
  entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink"> & Partial<Dirent>,
): Kind | undefined {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (entry.isSymbolicLink()) return "link";
  const special =
    entry.isFIFO?.() || entry.isSocket?.() || entry.isBlockDevice?.() || entry.isCharacterDevice?.();
  return special ? "special" : undefined;
}

/** Plain joining: the parts are clean already, and `path.join` is slow for 100,000 files. */
function join(folder: string, name: string): string {
  return folder.endsWith(sep) ? folder + name : folder + sep + name;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Whether `realPath` is that of `folder` or of one of the folders that led to it. */
function isAbove(folder: Folder, realPath: string): boolean {
  for (let at: Folder | undefined = folder; at !== undefined; at = at.parent) {
    if (at.realPath === realPath) return true;
  }
  return false;
}

function mayBeMangled(name: string): boolean {
  return name.includes("\ufffd") || /\p{Surrogate}/u.test(name);
}

function escapeBytes(name: Uint8Array): string {
  let text = "";
  for (const byte of name) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}

function unreadable(path: string, what: "file" | "folder", cause: unknown): SourceError {
  return new SourceError(
    path,
    `Can't read the ${what} ${JSON.stringify(path)}: ${fsReason(cause)}. Change that, or leave it out with --exclude.`,
    { cause },
  );
}
