/**
 * The few file operations that stored data need. An interface, so that a test can put a file system in its place that
 * loses what wasn't synced, fills up or fails.
 */
import fs from "node:fs";

/** What `stat` tells, as far as it matters here. */
export interface FileStat {
  readonly kind: "file" | "folder" | "link" | "other";
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Last change of the data or of anything about the file; nobody can set it. Nanoseconds since 1970. */
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  /** Permission bits. */
  readonly mode: number;
  /** Names this file has (hard links). */
  readonly links: number;
}

/**
 * How a file is opened. None of these blocks on a FIFO, and none but `read` follows a symbolic link in the last place:
 * that fails with ELOOP.
 * - `read`: an existing file, links followed;
 * - `readOwn`: an existing file;
 * - `update`: an existing file, for reading and writing;
 * - `create`: made when absent, for reading and writing;
 * - `createNew`: fails with EEXIST when there;
 * - `folder`: an existing folder, to be synced or to open things in.
 */
export type OpenMode = "read" | "readOwn" | "update" | "create" | "createNew" | "folder";

/** Errors are Node's system errors: `code` is ENOENT, ENOSPC, ... Descriptors are opaque numbers. */
export interface FileSystem {
  /** @returns undefined when there is nothing (ENOENT, ENOTDIR). Does not follow a link. */
  lstatSync(path: string): FileStat | undefined;
  open(path: string, mode: OpenMode): Promise<number>;
  openSync(path: string, mode: OpenMode): number;
  fstat(descriptor: number): Promise<FileStat>;
  fstatSync(descriptor: number): FileStat;
  /** @returns the bytes read, perhaps fewer than asked for; 0 at the end of the file. */
  readv(descriptor: number, targets: readonly Uint8Array[], position: number): Promise<number>;
  readvSync(descriptor: number, targets: readonly Uint8Array[], position: number): number;
  /** @returns the bytes written, perhaps fewer than given. */
  write(descriptor: number, data: Uint8Array, position: number): Promise<number>;
  writeSync(descriptor: number, data: Uint8Array, position: number): number;
  truncate(descriptor: number, size: number): Promise<void>;
  chmod(descriptor: number, mode: number): Promise<void>;
  /** When the data last changed, in whole seconds since 1970; when they were last read becomes the same. */
  setTime(descriptor: number, seconds: number): Promise<void>;
  /** Makes the data durable, and the size. */
  fdatasync(descriptor: number): Promise<void>;
  /** Makes everything durable; on a folder: the names in it. */
  fsync(descriptor: number): Promise<void>;
  close(descriptor: number): Promise<void>;
  closeSync(descriptor: number): void;
  /** Makes one folder; fails with EEXIST. */
  mkdir(path: string): Promise<void>;
  mkdirSync(path: string): void;
  /** The names in a folder. */
  list(path: string): Promise<string[]>;
  /** Makes a symbolic link with that text; fails with EEXIST. */
  symlinkSync(text: string, path: string): void;
  /** The text of a symbolic link. */
  readlinkSync(path: string): string;
  link(existing: string, name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** A path that means this very open folder whatever becomes of its name; undefined where there is no such thing. */
  pathOf(folder: number): string | undefined;
  /** Whether what lies at `path` is gone after a power cut anyway (tmpfs), so that syncing is wasted. */
  isVolatile(path: string): Promise<boolean>;
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
// Windows has neither; the callers' lstat stands in for O_NOFOLLOW there.
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0;
const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
const O_DIRECTORY = fs.constants.O_DIRECTORY ?? 0;

const flags: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | O_NONBLOCK,
  readOwn: O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
  update: O_RDWR | O_NONBLOCK | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW,
  createNew: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
  folder: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
};

const hasDescriptorPaths = process.platform === "linux" && fs.existsSync("/proc/self/fd/0");
/** `f_type` of tmpfs and ramfs. */
const volatileTypes = new Set([0x01021994, 0x858458f6]);

/** The machine's file system. */
export const systemFiles: FileSystem = {
  lstatSync: (path) => {
    try {
      const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return stats && fileStat(stats);
    } catch (error) {
      if (systemErrorCode(error) === "ENOTDIR") return undefined;
      throw error;
    }
  },
  open: (path, mode) =>
    new Promise((resolve, reject) => {
      fs.open(path, flags[mode], 0o666, (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
    }),
  openSync: (path, mode) => fs.openSync(path, flags[mode], 0o666),
  fstat: (descriptor) =>
    new Promise((resolve, reject) => {
      fs.fstat(descriptor, { bigint: true }, (error, stats) =>
        error ? reject(error) : resolve(fileStat(stats)),
      );
    }),
  fstatSync: (descriptor) => fileStat(fs.fstatSync(descriptor, { bigint: true })),
  readv: (descriptor, targets, position) =>
    new Promise((resolve, reject) => {
      fs.readv(descriptor, targets, position, (error, count) => (error ? reject(error) : resolve(count)));
    }),
  readvSync: (descriptor, targets, position) => fs.readvSync(descriptor, targets, position),
  write: (descriptor, data, position) =>
    new Promise((resolve, reject) => {
      fs.write(descriptor, data, 0, data.length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    }),
  writeSync: (descriptor, data, position) => fs.writeSync(descriptor, data, 0, data.length, position),
  truncate: (descriptor, size) => settle((done) => fs.ftruncate(descriptor, size, done)),
  chmod: (descriptor, mode) => settle((done) => fs.fchmod(descriptor, mode, done)),
  setTime: (descriptor, seconds) => settle((done) => fs.futimes(descriptor, seconds, seconds, done)),
  fdatasync: (descriptor) => settle((done) => fs.fdatasync(descriptor, done)),
  fsync: (descriptor) => settle((done) => fs.fsync(descriptor, done)),
  close: (descriptor) => settle((done) => fs.close(descriptor, done)),
  closeSync: (descriptor) => fs.closeSync(descriptor),
  mkdir: (path) => settle((done) => fs.mkdir(path, done)),
  mkdirSync: (path) => fs.mkdirSync(path),
  list: (path) =>
    new Promise((resolve, reject) => {
      fs.readdir(path, (error, names) => (error ? reject(error) : resolve(names)));
    }),
  symlinkSync: (text, path) => fs.symlinkSync(text, path),
  readlinkSync: (path) => fs.readlinkSync(path),
  link: (existing, name) => settle((done) => fs.link(existing, name, done)),
  rename: (from, to) => settle((done) => fs.rename(from, to, done)),
  unlink: (path) => settle((done) => fs.unlink(path, done)),
  pathOf: (folder) => (hasDescriptorPaths ? `/proc/self/fd/${folder}` : undefined),
  isVolatile: (path) =>
    new Promise((resolve) => {
      fs.statfs(path, (error, stats) => resolve(error === null && volatileTypes.has(stats.type)));
    }),
};

/** The `code` of a system error; undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function settle(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

function fileStat(stats: fs.BigIntStats): FileStat {
  const kind = stats.isFile()
    ? "file"
    : stats.isDirectory()
      ? "folder"
      : stats.isSymbolicLink()
        ? "link"
        : "other";
  return {
    kind,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
    mode: Number(stats.mode & 0o7777n),
    links: Number(stats.nlink),
  };
}
