/**
 * The one gate for paths from a torrent: what comes out can be created below any folder on Linux, macOS and Windows,
 * never leads out of it, and no two files of a torrent get the same one, on file systems that ignore case or Unicode
 * composition either. Ordinary names in any script come out as they went in; the rest is renamed the same way everywhere.
 */
import { MetainfoError } from "./errors.ts";

/** Bytes of UTF-8 in a name: what ext4, APFS and NTFS take (the last two count in larger units). */
const MAX_NAME_BYTES = 255;
/** Bytes of UTF-8 in a path below the target folder; Linux takes 4,096 with that folder. */
const MAX_PATH_BYTES = 3072;
/** A longer "extension" is a sentence with a dot in it. */
const MAX_EXTENSION_BYTES = 16;
/** Room for " (1234567)". */
const SUFFIX_BYTES = 10;
/** Stands in for what can't be in a name, and for a name that nothing is left of. */
const SUBSTITUTE = "_";

/**
 * C0, DEL and C1; what Windows forbids, `/` among it; the marks that reorder text, so that a name can't show another
 * extension than it has; halves of surrogate pairs.
 */
const FORBIDDEN = /[\0-\x1f\x7f-\x9f"*/:<>?\\|\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;

/** Devices of Windows: reserved with any extension, and with spaces before it. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

/**
 * One name made portable: never empty, `.` or `..`, at most 255 bytes; a longer one keeps its extension.
 * A name that is portable comes out as it is.
 */
export function portableName(raw: string): string {
  let name = raw.replace(FORBIDDEN, SUBSTITUTE);
  if (RESERVED.test(name)) name = SUBSTITUTE + name;
  name = shorten(name, MAX_NAME_BYTES);
  // Windows drops dots and spaces at the end, so the name would be another one there. Covers "." and "..", too.
  if (/[. ]$/.test(name)) name = name.slice(0, -1) + SUBSTITUTE;
  return name === "" ? SUBSTITUTE : name;
}

/**
 * Paths of all files of a torrent made portable and unique, in the order given. Components that are empty, `.` or `..`
 * are left out. Of several that clash, the first that needs no change keeps its name, the others get " (2)", " (3)"...
 * Linear in the number of components.
 * @throws {MetainfoError} when a path is longer than 3,072 bytes.
 */
export function portablePaths(rawPaths: readonly (readonly string[])[]): string[][] {
  if (areOrdinary(rawPaths)) return rawPaths.map((path) => [...path]);
  const root = new Folder(undefined, "");
  const files = rawPaths.map((rawPath) => place(root, rawPath));
  nameAll(root);
  return files.map(pathOf);
}

/** Nearly all names are: letters and digits of ASCII, and such marks between them that mean nothing anywhere. */
const ORDINARY = /^\.?[\w()+,=@-](?:[\w ().+,=@-]{0,100}[\w()+,=@-])?$/;

/**
 * Whether all of them are portable and unique, told quickly and from the safe side: paths that are not in an order in
 * which each folder comes once are never ordinary.
 */
function areOrdinary(paths: readonly (readonly string[])[]): boolean {
  /** The names so far, folded, in the folder that is open at each depth. */
  const open: Set<string>[] = [];
  let last: readonly string[] = [];
  for (const path of paths) {
    let depth = 0;
    while (depth < path.length && path[depth] === last[depth]) depth++;
    // The same path twice, or one thing that is both a file and a folder.
    if (depth === path.length || (depth > 0 && depth === last.length)) return false;
    open.length = Math.min(open.length, depth + 1);
    let bytes = path.length - 1;
    for (let at = 0; at < path.length; at++) {
      const name = path[at] ?? "";
      bytes += name.length;
      if (at >= depth && !claimOrdinary(name, (open[at] ??= new Set()))) return false;
    }
    if (bytes > MAX_PATH_BYTES) return false;
    last = path;
  }
  return true;
}

function claimOrdinary(name: string, taken: Set<string>): boolean {
  if (!ORDINARY.test(name) || RESERVED.test(name)) return false;
  const key = name.toUpperCase();
  if (taken.has(key)) return false;
  taken.add(key);
  return true;
}

/** Names that are one and the same to some file system have equal keys. */
export function foldName(name: string): string {
  if (!/[^\0-\x7f]/.test(name)) return name.toUpperCase();
  // Up, down and up again: some letters have two small forms (sigma), some two capital ones (sharp s).
  return name
    .replace(IGNORED, "")
    .normalize("NFD")
    .toUpperCase()
    .toLowerCase()
    .toUpperCase()
    .normalize("NFD");
}

/** Characters without width that HFS+ does not see when it compares names. */
const IGNORED = /[\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff]/g;

/** A file, or the base of a folder, at its place in the tree. */
class Entry {
  readonly parent: Folder | undefined;
  readonly raw: string;
  /** Portable and unique in its folder, once `nameAll` has been there. */
  name = "";

  constructor(parent: Folder | undefined, raw: string) {
    this.parent = parent;
    this.raw = raw;
  }
}

class Folder extends Entry {
  /** In order of appearance. */
  readonly entries: Entry[] = [];
  /** By raw name: the same folder in two paths is one folder, and paths need no renaming to be found again. */
  readonly folders = new Map<string, Folder>();
  /** Portable components from the root, and their length in bytes with a separator after each. */
  path: readonly string[] = [];
  pathBytes = 0;
}

function place(root: Folder, rawPath: readonly string[]): Entry {
  let folder = root;
  let last: string | undefined;
  for (const component of rawPath) {
    if (component === "" || component === "." || component === "..") continue;
    if (last !== undefined) folder = subfolder(folder, last);
    last = component;
  }
  const file = new Entry(folder, last ?? SUBSTITUTE);
  folder.entries.push(file);
  return file;
}

function subfolder(parent: Folder, raw: string): Folder {
  const known = parent.folders.get(raw);
  if (known) return known;
  const folder = new Folder(parent, raw);
  parent.folders.set(raw, folder);
  parent.entries.push(folder);
  return folder;
}

/** Names every entry below `root`. A stack, not recursion: a path may have a thousand components. */
function nameAll(root: Folder): void {
  const pending = [root];
  for (let folder = pending.pop(); folder; folder = pending.pop()) {
    nameEntries(folder.entries);
    for (const child of folder.folders.values()) {
      child.path = [...folder.path, child.name];
      child.pathBytes = folder.pathBytes + utf8Length(child.name) + 1;
      checkLength(child.pathBytes, child.path);
      pending.push(child);
    }
  }
}

function nameEntries(entries: readonly Entry[]): void {
  const taken = new Set<string>();
  const claim = (entry: Entry, name: string): boolean => {
    const key = foldName(name);
    if (taken.has(key)) return false;
    taken.add(key);
    entry.name = name;
    return true;
  };
  const changed: Entry[] = [];
  const clashing: Entry[] = [];
  for (const entry of entries) {
    const name = portableName(entry.raw);
    if (name !== entry.raw) changed.push(entry);
    else if (!claim(entry, name)) clashing.push(entry);
  }
  for (const entry of changed) if (!claim(entry, portableName(entry.raw))) clashing.push(entry);
  // Where to go on counting, by the part that names with a number have in common: never from 2 again.
  const counters = new Map<string, number>();
  for (const entry of clashing) {
    const [stem, extension] = splitForSuffix(portableName(entry.raw), entry instanceof Folder);
    const key = foldName(stem + extension);
    let number = counters.get(key) ?? 2;
    while (!claim(entry, `${stem} (${number})${extension}`)) number++;
    counters.set(key, number + 1);
  }
}

function pathOf(file: Entry): string[] {
  const { path = [], pathBytes = 0 } = file.parent ?? {};
  checkLength(pathBytes + utf8Length(file.name), path);
  return [...path, file.name];
}

function checkLength(bytes: number, path: readonly string[]): void {
  if (bytes <= MAX_PATH_BYTES) return;
  const start = path.join("/").slice(0, 60);
  throw new MetainfoError(
    `The torrent can't be used: a path that starts with "${start}" is longer than ${MAX_PATH_BYTES} bytes`,
  );
}

/** The part before the number and the part after it, short enough for any number to fit between them. */
function splitForSuffix(name: string, isFolder: boolean): [stem: string, extension: string] {
  const extension = isFolder ? "" : extensionOf(name);
  const stem = extension === "" ? name : name.slice(0, -extension.length);
  return [truncate(stem, MAX_NAME_BYTES - SUFFIX_BYTES - utf8Length(extension)), extension];
}

function shorten(name: string, maxBytes: number): string {
  if (utf8Length(name) <= maxBytes) return name;
  const extension = extensionOf(name);
  const stem = extension === "" ? name : name.slice(0, -extension.length);
  return truncate(stem, maxBytes - utf8Length(extension)) + extension;
}

/** With its dot; empty when there is none, or the dot is the first character. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return "";
  const extension = name.slice(dot);
  return utf8Length(extension) <= MAX_EXTENSION_BYTES ? extension : "";
}

/** The longest start of `text` that fits, no character cut in two. */
function truncate(text: string, maxBytes: number): string {
  if (utf8Length(text) <= maxBytes) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > maxBytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** Bytes of `text` in UTF-8. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate pair is 4 bytes in 2 units, so each half counts 2.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
