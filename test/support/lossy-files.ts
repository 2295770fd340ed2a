/**
 * A file system in memory that knows what a power cut may take away. Every change is kept in a log with the moment at
 * which it became durable, so that what one run left behind can be looked at for every moment of it.
 *
 * What it promises is what POSIX promises and no more: `fdatasync` makes a file's data and size durable, `fsync` its
 * times and mode as well, `fsync` of a folder the names in it, also those that went. Nothing else is durable, a file's
 * name isn't when only the file was synced, and changes that weren't synced survive in any combination; of a write any
 * of its sectors.
 */
import type { FileStat, FileSystem, OpenMode } from "../../src/platform/file-system.ts";
import type { Random } from "../../src/protocol/ambient.ts";

const SECTOR = 512;

interface FileNode {
  readonly kind: "file";
  readonly id: number;
  data: Uint8Array;
  mtimeNs: bigint;
  mode: number;
}

interface FolderNode {
  readonly kind: "folder";
  readonly id: number;
  readonly names: Map<string, number>;
}

type Node = FileNode | FolderNode;

type Change =
  | { readonly do: "write"; readonly position: number; readonly data: Uint8Array; readonly mtimeNs: bigint }
  | { readonly do: "truncate"; readonly size: number; readonly mtimeNs: bigint }
  | { readonly do: "mode"; readonly mode: number }
  /** Names that were set or, with undefined, went: together or not at all. */
  | { readonly do: "names"; readonly names: readonly (readonly [string, Node | undefined])[] };

interface Entry {
  readonly change: Change;
  readonly node: number;
  readonly step: number;
  /** The step after which it is safe; Infinity as long as it isn't. */
  safeAt: number;
  /** The same for what `fdatasync` leaves out: times. */
  timeSafeAt: number;
  /** A sync of it failed, so no later one brings it to the disk. */
  isDropped: boolean;
}

/** What becomes of changes that weren't synced. */
export type Fate =
  /** It was synced after all. */
  | { readonly kind: "synced" }
  /** The process was killed and the machine lives on: everything is there, and as durable as it was. */
  | { readonly kind: "kept" }
  /** Everything is gone. */
  | { readonly kind: "lost" }
  /** Everything up to some moment survives: a journal that is written in order. */
  | { readonly kind: "prefix"; readonly random: Random }
  /** Any of them, torn at any sector. */
  | { readonly kind: "torn"; readonly random: Random };

export interface LossyOptions {
  /** Says which syncs do nothing, as if they had been forgotten. `nth`: how often this descriptor was synced before. */
  readonly forgets?: (call: SyncCall) => boolean;
  /** Called before each operation; what it throws is the operation's failure. */
  readonly before?: (operation: string, path: string) => void;
  /** Called when a sync has been done. */
  readonly onSync?: (call: SyncCall) => void;
}

export interface SyncCall {
  readonly operation: "fsync" | "fdatasync";
  /** The name under which it was opened. */
  readonly path: string;
  /** How often this path was synced before, by any descriptor. */
  readonly nth: number;
}

export class LossyFiles implements FileSystem {
  readonly options: LossyOptions;
  /** What each step was, for messages. */
  readonly steps: string[] = [];
  readonly #nodes = new Map<number, Node>();
  /** What was there, durably, before the first entry of the log. */
  #base: readonly Node[];
  readonly #log: Entry[] = [];
  readonly #open = new Map<number, { readonly node: Node; readonly path: string }>();
  readonly #synced = new Map<string, number>();
  #forgottenAt = Number.POSITIVE_INFINITY;
  #nextNode = 1;
  #nextDescriptor = 3;
  #time = 1_000_000n * BigInt(Date.now());

  constructor(options: LossyOptions = {}) {
    this.options = options;
    this.#base = [{ kind: "folder", id: 0, names: new Map() }];
    for (const node of this.#base) this.#add(copy(node));
  }

  /** Descriptors that nobody has closed. */
  get openCount(): number {
    return this.#open.size;
  }

  /** The step of the first sync that was forgotten. */
  get forgottenAt(): number {
    return this.#forgottenAt;
  }

  // ---- what a test asks

  /** The paths of all files, and of folders with a slash behind them. */
  paths(): string[] {
    const found: string[] = [];
    const walk = (folder: FolderNode, path: string) => {
      for (const [name, id] of folder.names) {
        const node = this.#nodes.get(id);
        if (node?.kind === "folder") {
          found.push(`${path}${name}/`);
          walk(node, `${path}${name}/`);
        } else found.push(`${path}${name}`);
      }
    };
    walk(this.#folder("/"), "/");
    return found.sort();
  }

  /** What a file holds now; undefined when there is none. */
  bytes(path: string): Uint8Array | undefined {
    const node = this.#find(path);
    return node?.kind === "file" ? node.data : undefined;
  }

  /** Changes what a file holds, behind everybody's back; forgotten by the next cut unless it is called again. */
  put(path: string, data: Uint8Array): void {
    const file = this.#find(path);
    if (file?.kind !== "file") throw failure("ENOENT", path);
    file.data = data.slice();
  }

  /** What is there after a power cut that came after so many steps; durable, all of it. */
  after(step: number, fate: Fate, options: LossyOptions = {}): LossyFiles {
    const survivor = new LossyFiles(options);
    survivor.#nextNode = this.#nextNode;
    survivor.#time = this.#time + 1_000_000_000n;
    for (const node of this.#base) survivor.#add(copy(node));
    const survives = chooser(fate, step);
    for (const entry of this.#log) {
      if (entry.step > step) break;
      const isSafe = entry.safeAt <= step;
      if (!isSafe && fate.kind !== "kept" && (entry.isDropped || !survives(entry))) continue;
      survivor.#replay(entry, !isSafe && fate.kind === "torn" ? fate.random : undefined, step);
      if (fate.kind !== "kept") continue;
      // As durable as it was: what the next one syncs or doesn't decides.
      survivor.#log.push({ ...entry, step: 0, safeAt: isSafe ? 0 : Number.POSITIVE_INFINITY });
    }
    survivor.#base = fate.kind === "kept" ? this.#base : [...survivor.#nodes.values()].map(copy);
    return survivor;
  }

  // ---- FileSystem

  lstatSync(path: string): FileStat | undefined {
    this.options.before?.("lstat", path);
    const node = this.#find(path);
    return node && this.#stat(node);
  }

  async open(path: string, mode: OpenMode): Promise<number> {
    await later();
    return this.openSync(path, mode);
  }

  openSync(path: string, mode: OpenMode): number {
    this.options.before?.("open", path);
    let node = this.#find(path);
    if (node === undefined) {
      if (mode !== "create" && mode !== "createNew") throw failure("ENOENT", path);
      node = { kind: "file", id: this.#newId(), data: new Uint8Array(0), mtimeNs: this.#now(), mode: 0o644 };
      this.#add(node);
      this.#name(path, node, `create ${path}`);
    } else if (mode === "createNew") throw failure("EEXIST", path);
    else if (mode === "folder" && node.kind !== "folder") throw failure("ENOTDIR", path);
    else if (mode === "update" && node.kind === "folder") throw failure("EISDIR", path);
    const descriptor = this.#nextDescriptor++;
    this.#open.set(descriptor, { node, path });
    return descriptor;
  }

  async fstat(descriptor: number): Promise<FileStat> {
    await later();
    return this.fstatSync(descriptor);
  }

  fstatSync(descriptor: number): FileStat {
    const { node, path } = this.#opened(descriptor);
    this.options.before?.("fstat", path);
    return this.#stat(node);
  }

  async readv(descriptor: number, targets: readonly Uint8Array[], position: number): Promise<number> {
    await later();
    return this.readvSync(descriptor, targets, position);
  }

  readvSync(descriptor: number, targets: readonly Uint8Array[], position: number): number {
    const { file, path } = this.#openFile(descriptor);
    this.options.before?.("read", path);
    let at = position;
    for (const target of targets) {
      const part = file.data.subarray(at, at + target.length);
      target.set(part);
      at += part.length;
    }
    return Math.max(0, at - position);
  }

  async write(descriptor: number, data: Uint8Array, position: number): Promise<number> {
    await later();
    return this.writeSync(descriptor, data, position);
  }

  writeSync(descriptor: number, data: Uint8Array, position: number): number {
    const { file, path } = this.#openFile(descriptor);
    this.options.before?.("write", path);
    const change: Change = { do: "write", position, data: data.slice(), mtimeNs: this.#now() };
    this.#change(file, change, `write ${path} ${position}+${data.length}`);
    return data.length;
  }

  async truncate(descriptor: number, size: number): Promise<void> {
    const { file, path } = this.#openFile(descriptor);
    this.options.before?.("truncate", path);
    this.#change(file, { do: "truncate", size, mtimeNs: this.#now() }, `truncate ${path} ${size}`);
  }

  async chmod(descriptor: number, mode: number): Promise<void> {
    const { file, path } = this.#openFile(descriptor);
    this.options.before?.("chmod", path);
    this.#change(file, { do: "mode", mode }, `chmod ${path}`);
  }

  async setTime(descriptor: number, seconds: number): Promise<void> {
    const { file, path } = this.#openFile(descriptor);
    this.options.before?.("utimes", path);
    file.mtimeNs = BigInt(seconds) * 1_000_000_000n;
  }

  /** It has none. */
  symlinkSync(_text: string, path: string): void {
    throw failure("ENOTSUP", path);
  }

  readlinkSync(path: string): string {
    throw failure("EINVAL", path);
  }

  fdatasync(descriptor: number): Promise<void> {
    return this.#sync("fdatasync", descriptor);
  }

  fsync(descriptor: number): Promise<void> {
    return this.#sync("fsync", descriptor);
  }

  async close(descriptor: number): Promise<void> {
    await later();
    this.closeSync(descriptor);
  }

  closeSync(descriptor: number): void {
    if (!this.#open.delete(descriptor)) throw failure("EBADF", String(descriptor));
  }

  async mkdir(path: string): Promise<void> {
    await later();
    this.mkdirSync(path);
  }

  mkdirSync(path: string): void {
    this.options.before?.("mkdir", path);
    if (this.#find(path) !== undefined) throw failure("EEXIST", path);
    const node: FolderNode = { kind: "folder", id: this.#newId(), names: new Map() };
    this.#add(node);
    this.#name(path, node, `mkdir ${path}`);
  }

  async list(path: string): Promise<string[]> {
    await later();
    this.options.before?.("list", path);
    return [...this.#folder(path).names.keys()];
  }

  async link(existing: string, name: string): Promise<void> {
    await later();
    this.options.before?.("link", name);
    const node = this.#find(existing);
    if (node === undefined) throw failure("ENOENT", existing);
    if (this.#find(name) !== undefined) throw failure("EEXIST", name);
    this.#name(name, node, `link ${name}`);
  }

  /** Within one folder. */
  async rename(from: string, to: string): Promise<void> {
    await later();
    this.options.before?.("rename", to);
    const node = this.#find(from);
    if (node === undefined) throw failure("ENOENT", from);
    if (this.#find(to)?.kind === "folder") throw failure("EISDIR", to);
    const [folder, name] = this.#parent(to);
    const [sameFolder, oldName] = this.#parent(from);
    if (folder !== sameFolder) throw failure("EXDEV", to);
    const names = [
      [oldName, undefined],
      [name, node],
    ] as const;
    this.#change(folder, { do: "names", names }, `rename ${from} ${to}`);
  }

  async unlink(path: string): Promise<void> {
    await later();
    this.options.before?.("unlink", path);
    const node = this.#find(path);
    if (node === undefined) throw failure("ENOENT", path);
    if (node.kind === "folder") throw failure("EISDIR", path);
    this.#name(path, undefined, `unlink ${path}`);
  }

  pathOf(): undefined {
    return undefined;
  }

  async isVolatile(): Promise<boolean> {
    return false;
  }

  // ---- inside

  /** Covers what was there when it was called; by the time it is done more may have been written. */
  async #sync(operation: "fsync" | "fdatasync", descriptor: number): Promise<void> {
    const { node, path } = this.#opened(descriptor);
    const covered = this.#log.filter((entry) => entry.node === node.id);
    const nth = this.#synced.get(path) ?? 0;
    this.#synced.set(path, nth + 1);
    await later();
    try {
      this.options.before?.(operation, path);
    } catch (error) {
      this.#dropDirty(node.id);
      throw error;
    }
    this.steps.push(`${operation} ${path}`);
    const step = this.steps.length;
    const call = { operation, path, nth };
    if (this.options.forgets?.(call) === true) this.#forgottenAt = Math.min(this.#forgottenAt, step);
    else {
      for (const entry of covered) {
        if (entry.isDropped || (operation === "fdatasync" && entry.change.do === "mode")) continue;
        entry.safeAt = Math.min(entry.safeAt, step);
        if (operation === "fsync") entry.timeSafeAt = Math.min(entry.timeSafeAt, step);
      }
    }
    this.options.onSync?.(call);
  }

  /** As Linux does after a failed write-back: the pages count as clean, so no later sync brings them to the disk. */
  #dropDirty(node: number): void {
    for (const entry of this.#log) {
      if (entry.node !== node || entry.change.do === "names") continue;
      if (entry.safeAt === Number.POSITIVE_INFINITY) entry.isDropped = true;
    }
  }

  #change(node: Node, change: Change, what: string): void {
    this.steps.push(what);
    const entry: Entry = {
      change,
      node: node.id,
      step: this.steps.length,
      safeAt: Number.POSITIVE_INFINITY,
      timeSafeAt: Number.POSITIVE_INFINITY,
      isDropped: false,
    };
    this.#log.push(entry);
    apply(node, change);
  }

  #name(path: string, node: Node | undefined, what: string): void {
    const [folder, name] = this.#parent(path);
    this.#change(folder, { do: "names", names: [[name, node]] }, what);
  }

  #replay({ change, node: id, timeSafeAt }: Entry, torn: Random | undefined, step: number): void {
    if (change.do === "names") {
      // Copies: this one's files are its own.
      for (const [, node] of change.names)
        if (node !== undefined && !this.#nodes.has(node.id)) this.#add(blank(node.id, node.kind));
    }
    const node = this.#nodes.get(id) ?? this.#add(blank(id, change.do === "names" ? "folder" : "file"));
    if (node.kind === "file" && torn !== undefined && change.do === "write") {
      tear(node, change, torn);
      return;
    }
    const before = node.kind === "file" ? node.mtimeNs : 0n;
    apply(node, change);
    // Only `fsync` promises times.
    if (node.kind === "file" && torn !== undefined && timeSafeAt > step && torn.next() < 0.5)
      node.mtimeNs = before;
  }

  #stat(node: Node): FileStat {
    const isFile = node.kind === "file";
    return {
      kind: node.kind,
      size: isFile ? node.data.length : 0,
      mtimeNs: isFile ? node.mtimeNs : 0n,
      ctimeNs: isFile ? node.mtimeNs : 0n,
      inode: BigInt(node.id),
      mode: isFile ? node.mode : 0o755,
      links: 1,
    };
  }

  #find(path: string): Node | undefined {
    let node = this.#nodes.get(0);
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (node?.kind !== "folder") return undefined;
      const id = node.names.get(name);
      node = id === undefined ? undefined : this.#nodes.get(id);
    }
    return node;
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (node === undefined) throw failure("ENOENT", path);
    if (node.kind !== "folder") throw failure("ENOTDIR", path);
    return node;
  }

  #parent(path: string): [FolderNode, string] {
    const cut = path.lastIndexOf("/");
    return [this.#folder(path.slice(0, cut)), path.slice(cut + 1)];
  }

  #opened(descriptor: number): { readonly node: Node; readonly path: string } {
    const opened = this.#open.get(descriptor);
    if (opened === undefined) throw failure("EBADF", String(descriptor));
    return opened;
  }

  #openFile(descriptor: number): { readonly file: FileNode; readonly path: string } {
    const { node, path } = this.#opened(descriptor);
    if (node.kind !== "file") throw failure("EISDIR", path);
    return { file: node, path };
  }

  #add(node: Node): Node {
    this.#nodes.set(node.id, node);
    return node;
  }

  #newId(): number {
    return this.#nextNode++;
  }

  #now(): bigint {
    this.#time += 1_000_000n;
    return this.#time;
  }
}

function apply(node: Node, change: Change): void {
  if (change.do === "names") {
    if (node.kind !== "folder") throw new Error("names in a file");
    for (const [name, child] of change.names) {
      if (child === undefined) node.names.delete(name);
      else node.names.set(name, child.id);
    }
    return;
  }
  if (node.kind !== "file") throw new Error("data in a folder");
  if (change.do === "mode") node.mode = change.mode;
  else {
    node.mtimeNs = change.mtimeNs;
    if (change.do === "write") put(node, change.position, change.data);
    else resize(node, change.size);
  }
}

/** Of a write that wasn't synced each sector may be there or not, and the size that it gave the file, too. */
function tear(node: FileNode, change: Extract<Change, { do: "write" }>, random: Random): void {
  const end = change.position + change.data.length;
  if (random.next() < 0.5) resize(node, Math.max(node.data.length, end));
  if (random.next() < 0.5) node.mtimeNs = change.mtimeNs;
  const first = change.position - (change.position % SECTOR);
  for (let sector = first; sector < end; sector += SECTOR) {
    if (random.next() < 0.5) continue;
    const from = Math.max(sector, change.position);
    put(node, from, change.data.subarray(from - change.position, sector + SECTOR - change.position));
  }
}

function put(node: FileNode, position: number, data: Uint8Array): void {
  if (node.data.length < position + data.length) resize(node, position + data.length);
  node.data.set(data, position);
}

function resize(node: FileNode, size: number): void {
  const data = new Uint8Array(size);
  data.set(node.data.subarray(0, size));
  node.data = data;
}

function copy(node: Node): Node {
  return node.kind === "file"
    ? { ...node, data: node.data.slice() }
    : { ...node, names: new Map(node.names) };
}

/** What a file or folder is before any of its changes; perhaps its name never survives, and nobody can get at it. */
function blank(id: number, kind: Node["kind"]): Node {
  return kind === "file"
    ? { kind, id, data: new Uint8Array(0), mtimeNs: 0n, mode: 0o644 }
    : { kind, id, names: new Map() };
}

function chooser(fate: Fate, step: number): (entry: Entry) => boolean {
  switch (fate.kind) {
    case "kept":
    case "synced":
      return () => true;
    case "lost":
      return () => false;
    case "prefix": {
      const end = Math.floor(fate.random.next() * (step + 1));
      return (entry) => entry.step <= end;
    }
    case "torn":
      return () => fate.random.next() < 0.5;
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}, ${path}`), { code });
}

/** Others get their turn, as they do while the system works. */
function later(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
