/** The file list of a torrent as it is written there: v1 (BEP 3, BEP 47) and the file tree of v2 (BEP 52). */
import { type BencodeDict, type BencodeValue, bytesAt, dictAt, integerAt, listAt } from "./bencode.ts";
import { fromLatin1 } from "./bytes.ts";
import { MetainfoError } from "./errors.ts";

/** A file before its path has passed the gate. */
export interface RawFile {
  readonly rawPath: readonly string[];
  /** Bytes. */
  readonly length: number;
  readonly pad: boolean;
  readonly executable: boolean;
  readonly symlink?: readonly string[];
  readonly mtime?: number;
  /** 32 bytes (BEP 52). */
  readonly piecesRoot?: Uint8Array;
}

/**
 * A torrent must not be used because of `key`.
 * @returns the error, for the caller to throw.
 */
export function badKey(key: string, problem: string): MetainfoError {
  return new MetainfoError(`The torrent can't be used: ${key} ${problem}`);
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Malformed UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** The entries of `info.files`, in order. */
export function readFiles(files: readonly BencodeValue[]): RawFile[] {
  if (files.length === 0) throw badKey("info.files", "is empty");
  return files.map((entry, i) => {
    const key = `info.files[${i}]`;
    if (!(entry instanceof Map)) throw badKey(key, "is not a dictionary");
    return readFile(entry, key);
  });
}

/** The one file of a torrent without `info.files`. */
export function readSingleFile(info: BencodeDict, name: string): RawFile {
  const length = readLength(info, "info");
  const executable = readAttributes(info).includes("x");
  return { rawPath: [name], length, pad: false, executable, ...readTime(info) };
}

function readFile(entry: BencodeDict, key: string): RawFile {
  const attributes = readAttributes(entry);
  const pad = attributes.includes("p");
  const symlink = attributes.includes("l") ? readSymlink(entry, key) : undefined;
  const length = symlink ? readLinkLength(entry, key) : readLength(entry, key);
  const path = entry.get("path.utf-8") ?? entry.get("path");
  // Some writers of pad files think that nobody will look at their paths.
  const rawPath = pad && path === undefined ? padPath(length) : readPath(path, `${key}.path`);
  const executable = attributes.includes("x");
  return { rawPath, length, pad, executable, ...(symlink && { symlink }), ...readTime(entry) };
}

/** Beyond the year 4000 nothing was ever written; 0 is what writers put where they know no time. */
const MAX_TIME = 2 ** 36;

function readTime(entry: BencodeDict): Pick<RawFile, "mtime"> {
  const mtime = integerAt(entry, "mtime");
  return mtime !== undefined && mtime > 0 && mtime < MAX_TIME ? { mtime } : {};
}

/** More are an attempt to fill a disk with names; a folder each costs a few bytes here. */
const MAX_EMPTY_FOLDERS = 100_000;

/**
 * `folders` of our own `boojum` key in `info`: folders that no file is in. What isn't a list of paths is left out, since
 * the data are right without it.
 */
export function readEmptyFolders(info: BencodeDict): string[][] {
  const ours = dictAt(info, "boojum");
  const list = (ours && listAt(ours, "folders")) ?? [];
  return list.slice(0, MAX_EMPTY_FOLDERS).flatMap((path): string[][] => {
    if (!Array.isArray(path) || path.length === 0) return [];
    const names = path.flatMap((name) => (name instanceof Uint8Array ? [decodeText(name)] : []));
    return names.length === path.length ? [names] : [];
  });
}

export function padPath(length: number): string[] {
  return [".pad", String(length)];
}

/** BEP 47 `attr`, one letter an attribute. Unknown letters are to be ignored, and so is anything but a string. */
function readAttributes(entry: BencodeDict): string {
  const bytes = bytesAt(entry, "attr");
  return bytes ? decodeText(bytes) : "";
}

function readLength(entry: BencodeDict, key: string): number {
  const length = integerAt(entry, "length");
  if (length === undefined || length < 0) {
    throw badKey(`${key}.length`, entry.has("length") ? "is not a number of bytes" : "is missing");
  }
  return length;
}

function readLinkLength(entry: BencodeDict, key: string): 0 {
  if (entry.has("length") && entry.get("length") !== 0)
    throw badKey(`${key}.length`, "of a symlink is not 0");
  return 0;
}

function readPath(value: BencodeValue | undefined, key: string): string[] {
  if (value === undefined) throw badKey(key, "is missing");
  if (!Array.isArray(value) || value.length === 0) throw badKey(key, "is not a list of names");
  return value.map((component) => {
    if (!(component instanceof Uint8Array)) throw badKey(key, "is not a list of names");
    return decodeText(component);
  });
}

/** A target inside the torrent: anything that could lead out of it is refused, whatever the target folder holds. */
function readSymlink(entry: BencodeDict, key: string): string[] {
  const target = readPath(entry.get("symlink path"), `${key}.symlink path`);
  for (const component of target) {
    if (component === ".." || /[/\\\0]/.test(component)) {
      throw badKey(`${key}.symlink path`, "leads out of the torrent");
    }
  }
  return target;
}

/** Names in all paths of a torrent together: a file tree could multiply those of a small file a hundredfold. */
const MAX_COMPONENTS = 3_000_000;

/** One folder of the file tree on the way down. */
interface Level {
  readonly path: readonly string[];
  readonly entries: Iterator<[string, BencodeValue]>;
  previous: string | undefined;
}

/** The files of `info["file tree"]` in tree order, which is the order of their raw names. */
export function readFileTree(tree: BencodeDict): RawFile[] {
  if (tree.has("")) throw badKey("info.file tree", "has a file without a name");
  const files: RawFile[] = [];
  let components = 0;
  const stack: Level[] = [{ path: [], entries: tree.entries(), previous: undefined }];
  for (let level = stack.at(-1); level; level = stack.at(-1)) {
    const next = level.entries.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const [name, node] = next.value;
    const path = [...level.path, decodeText(fromLatin1(name))];
    components += path.length;
    if (components > MAX_COMPONENTS) throw badKey("info.file tree", "has too many files in too deep folders");
    const key = `info.file tree/${path.join("/").slice(0, 100)}`;
    if (level.previous !== undefined && name < level.previous) throw badKey(key, "is out of order");
    level.previous = name;
    if (!(node instanceof Map)) throw badKey(key, "is not a dictionary");
    const leaf = node.get("");
    if (leaf === undefined) stack.push({ path, entries: node.entries(), previous: undefined });
    else if (node.size > 1) throw badKey(key, "is a file and a folder");
    else files.push(readLeaf(leaf, path, key));
  }
  return files;
}

function readLeaf(leaf: BencodeValue, rawPath: readonly string[], key: string): RawFile {
  if (!(leaf instanceof Map)) throw badKey(key, "is not a dictionary");
  const attributes = readAttributes(leaf);
  if (attributes.includes("p")) throw badKey(key, "is a pad file, which v2 has not");
  const executable = attributes.includes("x");
  if (attributes.includes("l")) {
    const symlink = readSymlink(leaf, key);
    return { rawPath, length: readLinkLength(leaf, key), pad: false, executable, symlink };
  }
  const length = readLength(leaf, key);
  if (length === 0) return { rawPath, length, pad: false, executable };
  const piecesRoot = bytesAt(leaf, "pieces root");
  if (piecesRoot?.length !== 32 || piecesRoot.every((byte) => byte === 0)) {
    throw badKey(`${key}: pieces root`, leaf.has("pieces root") ? "is not a hash of 32 bytes" : "is missing");
  }
  return { rawPath, length, pad: false, executable, piecesRoot };
}

/** The top level of `info`, read for what both versions share. */
export function readName(info: BencodeDict): string {
  const name = bytesAt(info, "name.utf-8") ?? bytesAt(info, "name");
  if (!name) throw badKey("info.name", info.has("name") ? "is not a string" : "is missing");
  return decodeText(name);
}

/** `info.files` when it is there. */
export function filesOf(info: BencodeDict): readonly BencodeValue[] | undefined {
  const files = listAt(info, "files");
  if (!files && info.has("files")) throw badKey("info.files", "is not a list");
  return files;
}

/** `info["file tree"]`. */
export function fileTreeOf(info: BencodeDict): BencodeDict {
  const tree = dictAt(info, "file tree");
  if (!tree) throw badKey("info.file tree", info.has("file tree") ? "is not a dictionary" : "is missing");
  return tree;
}
