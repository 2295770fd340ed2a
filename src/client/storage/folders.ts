/** Opens things below one folder without ever following a symbolic link on the way. */
import { join, sep } from "node:path";
import {
  type FileStat,
  type FileSystem,
  type OpenMode,
  systemErrorCode,
} from "../../platform/file-system.ts";
import { StorageError } from "../errors.ts";
import type { Loan, Openable, OpenFiles } from "./open-files.ts";

/**
 * A folder on the way to a torrent's files. It is opened through its parent's descriptor, so what it means can't be
 * changed by swapping a folder for a link while we work; where the system has no such paths, each one is looked at
 * before it is used. Folders are kept open in the same cache as files, and made when something is first made in them.
 */
export class Folder implements Openable {
  readonly path: string;
  readonly #parent: Folder | undefined;
  readonly #name: string;
  readonly #fs: FileSystem;
  readonly #openFiles: OpenFiles;
  readonly #children = new Map<string, Folder>();
  /** Names were made in it since this was last set to false. */
  hasNewNames = false;
  #mayMake = false;

  private constructor(
    fs: FileSystem,
    openFiles: OpenFiles,
    path: string,
    parent: Folder | undefined,
    name: string,
  ) {
    this.#fs = fs;
    this.#openFiles = openFiles;
    this.path = path;
    this.#parent = parent;
    this.#name = name;
  }

  /** The folder that everything lies below. It was named by the user, so links on the way to it are his. */
  static root(fs: FileSystem, openFiles: OpenFiles, path: string): Folder {
    return new Folder(fs, openFiles, path, undefined, path);
  }

  child(name: string): Folder {
    let folder = this.#children.get(name);
    if (folder === undefined) {
      folder = new Folder(this.#fs, this.#openFiles, join(this.path, name), this, name);
      this.#children.set(name, folder);
    }
    return folder;
  }

  /** Names in it, and that of this folder and those above, may have been made by somebody who was killed before he synced. */
  doubtNames(): void {
    this.hasNewNames = true;
    this.#parent?.doubtNames();
  }

  /** This folder and all below it that were used, parents first. */
  *known(): Generator<Folder> {
    yield this;
    for (const child of this.#children.values()) yield* child.known();
  }

  /** Calls `use` with a path of `name` in here that is good during the call, and for what it starts until that settles. */
  within<T>(name: string, make: boolean, use: (path: string) => T): T {
    this.#mayMake ||= make;
    const loan = this.#openFiles.borrowSync(this);
    let result: T;
    try {
      result = use(join(this.#fs.pathOf(loan.descriptor) ?? this.path, name));
    } catch (error) {
      loan.release();
      throw error;
    }
    if (result instanceof Promise) result.then(loan.release, loan.release);
    else loan.release();
    return result;
  }

  /** A path of `name` in here that is good until the loan ends. It and the folders above are made when missing. */
  lend(name: string): { readonly path: string; readonly loan: Loan } {
    this.#mayMake = true;
    const loan = this.#openFiles.borrowSync(this);
    return { path: join(this.#fs.pathOf(loan.descriptor) ?? this.path, name), loan };
  }

  /** @throws {StorageError} a link or a file stands in its place, or above it. */
  exists(): boolean {
    try {
      this.#openFiles.borrowSync(this).release();
      return true;
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  async open(): Promise<number> {
    return this.openSync();
  }

  /** Folders are few and used by many files, so waiting for them here costs less than the hop. */
  openSync(): number {
    if (this.#parent === undefined) return this.#fs.openSync(this.path, "read");
    return this.#parent.within(this.#name, this.#mayMake, (path) => {
      try {
        // Where there are no descriptor paths, opening may follow a link above: look first.
        if (this.#fs.pathOf(0) === undefined) this.#refuseOther(path);
        return this.#fs.openSync(path, "folder");
      } catch (error) {
        this.#refuseOther(path);
        if (systemErrorCode(error) !== "ENOENT" || !this.#mayMake) throw error;
      }
      this.#fs.mkdirSync(path);
      if (this.#parent !== undefined) this.#parent.hasNewNames = true;
      return this.#fs.openSync(path, "folder");
    });
  }

  #refuseOther(path: string): void {
    const kind = this.#fs.lstatSync(path)?.kind;
    if (kind !== undefined && kind !== "folder") throw notAFolder(this.path, kind);
  }

  /** Makes it, and the folders above, unless it is there. @throws {StorageError} a link or a file stands in its place. */
  make(): void {
    this.#mayMake = true;
    this.#openFiles.borrowSync(this).release();
  }

  /** From now on whoever removes it, or one below it, has removed it. */
  makeNoMore(): void {
    for (const folder of this.known()) folder.#mayMake = false;
  }

  /** Makes a symbolic link in it. @returns false when something else has that name. */
  link(name: string, text: string): boolean {
    return this.within(name, true, (path) => {
      const found = this.#fs.lstatSync(path)?.kind;
      if (found !== undefined) return found === "link" && this.#fs.readlinkSync(path) === text;
      this.#fs.symlinkSync(text, path);
      this.hasNewNames = true;
      return true;
    });
  }

  /** Makes the names in it durable, where the system can do that. */
  async sync(): Promise<void> {
    const loan = await this.#openFiles.borrow(this);
    try {
      await this.#fs.fsync(loan.descriptor);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== "EPERM" && code !== "EINVAL" && code !== "EISDIR" && code !== "EBADF") throw error;
    } finally {
      loan.release();
    }
  }

  /** Closes this folder and all below it, once nobody uses them any more. */
  drop(): void {
    for (const folder of this.known()) this.#openFiles.drop(folder);
  }
}

function notAFolder(path: string, kind: "file" | "link" | "other"): StorageError {
  return kind === "link"
    ? new StorageError(path, "unsafe", `${path} is a symbolic link, which is never followed. Move it away.`)
    : new StorageError(
        path,
        "unwritable",
        `${path} is not a folder, but files belong into it. Move it away.`,
      );
}

/** One file of the torrent below the folder. */
export class Target implements Openable {
  /** For messages. */
  readonly path: string;
  readonly folder: Folder;
  readonly name: string;
  readonly #fs: FileSystem;
  /**
   * - `absent`: made by the first write, which fails when somebody else has made it meanwhile;
   * - `writable`: there, and ours;
   * - `readOnly`: there, and not written to (any more).
   */
  state: "absent" | "writable" | "readOnly" = "absent";
  /** No descriptor may be opened any more. */
  closed = false;

  constructor(fs: FileSystem, folder: Folder, name: string) {
    // Both are clean, so `join` would look at every character for nothing, thousands of times.
    this.path = folder.path.endsWith(sep) ? folder.path + name : folder.path + sep + name;
    this.folder = folder;
    this.name = name;
    this.#fs = fs;
  }

  async open(): Promise<number> {
    const mode = this.#mode();
    // Made at once, so that a second write that comes meanwhile finds it made.
    if (mode === "createNew") return this.openSync();
    return this.folder.within(this.name, false, async (path) =>
      this.#checked(await this.#fs.open(path, mode), mode),
    );
  }

  openSync(): number {
    const mode = this.#mode();
    return this.folder.within(this.name, mode === "createNew", (path) =>
      this.#checked(this.#fs.openSync(path, mode), mode),
    );
  }

  /** How another thread opens it while the loan lasts; once it has, `isMade` must be told. @throws as `openSync` does */
  openElsewhere(): { readonly path: string; readonly mode: OpenMode; readonly loan: Loan } {
    return { mode: this.#mode(), ...this.folder.lend(this.name) };
  }

  /** It was opened for writing elsewhere, so it's there. */
  isMade(): void {
    if (this.state !== "absent") return;
    this.state = "writable";
    this.folder.hasNewNames = true;
  }

  /** What is there now, looked at without opening it; undefined when nothing is, or its folder is missing. */
  lookUp(): FileStat | undefined {
    try {
      return this.folder.within(this.name, false, (path) => this.#fs.lstatSync(path));
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  #mode(): OpenMode {
    return this.state === "absent" ? "createNew" : this.state === "writable" ? "update" : "readOwn";
  }

  #checked(descriptor: number, mode: OpenMode): number {
    if (mode === "createNew") this.isMade();
    let problem: StorageError | undefined;
    if (this.closed) problem = new StorageError(this.path, "other", `${this.path} is closed.`);
    else if (mode !== "createNew" && this.#fs.fstatSync(descriptor).kind !== "file") {
      problem = new StorageError(this.path, "unsafe", `${this.path} is not a regular file. Move it away.`);
    }
    if (problem === undefined) return descriptor;
    this.#fs.closeSync(descriptor);
    throw problem;
  }
}
