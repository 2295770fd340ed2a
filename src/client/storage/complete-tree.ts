/** What no piece brings: empty files and folders, executable bits, times, and last of all symbolic links (BEP 47). */
import { join, posix } from "node:path";
import { type FileSystem, systemErrorCode } from "../../platform/file-system.ts";
import type { TorrentFile } from "../../protocol/metainfo.ts";
import { StorageError, storageError } from "../errors.ts";
import type { Folder } from "./folders.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { Placement } from "./placement.ts";
import type { SpanIo } from "./span-io.ts";

export interface TreeOptions {
  readonly fs: FileSystem;
  readonly io: SpanIo;
  readonly placement: Placement;
  readonly ownWrites: OwnWrites;
  /** The folder that NAME is in. */
  readonly root: Folder;
  /** Files and folders that are wanted, by their path in the torrent. */
  readonly isSelected: (path: readonly string[]) => boolean;
  /** Make the torrent's links, too. */
  readonly symlinks: boolean;
  /** Something could not be made; the data are right nevertheless. */
  readonly onSkipped: (message: string) => void;
}

/** How many things are made between two turns of the loop. */
const A_TURN = 100;

/** All data are written. What is there already as it should be is left alone. @throws {StorageError} */
export async function completeTree(options: TreeOptions): Promise<void> {
  await completeFiles(options);
  if (options.placement.metainfo.singleFile) return;
  makeFolders(options);
  if (options.symlinks) makeLinks(options);
}

async function completeFiles({ fs, io, placement, ownWrites }: TreeOptions): Promise<void> {
  let made = 0;
  for (const [index, target] of placement.targets) {
    const file = placement.metainfo.files[index];
    if (file === undefined) continue;
    const { length, executable, mtime } = file;
    const isToBeMade = length === 0 && target.state === "absent";
    if (!isToBeMade && !executable && mtime === undefined) continue;
    try {
      const loan = io.openFiles.borrowSync(target);
      try {
        // This changes how it looks.
        if (executable || mtime !== undefined) ownWrites.gone(target);
        if (executable) await makeExecutable(fs, loan.descriptor);
        if (mtime !== undefined) await setTime(fs, loan.descriptor, mtime);
      } finally {
        loan.release();
      }
    } catch (error) {
      throw storageError(target.path, "write", error);
    }
    made++;
    if (made % A_TURN === 0) await new Promise(setImmediate);
  }
}

/** Lets everybody execute it who may read it. */
async function makeExecutable(fs: FileSystem, descriptor: number): Promise<void> {
  const { mode } = fs.fstatSync(descriptor);
  const wanted = mode | ((mode & 0o444) >> 2);
  if (wanted !== mode) await ifAllowed(fs.chmod(descriptor, wanted));
}

/** After the last write, which would change it. */
async function setTime(fs: FileSystem, descriptor: number, seconds: number): Promise<void> {
  if (fs.fstatSync(descriptor).mtimeNs / 1_000_000_000n !== BigInt(seconds))
    await ifAllowed(fs.setTime(descriptor, seconds));
}

/** A file of somebody else that was there and matched, or a file system without such things: the data are right. */
async function ifAllowed(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EINVAL"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}

function makeFolders({ placement, root, isSelected, onSkipped }: TreeOptions): void {
  const { name, emptyFolders } = placement.metainfo;
  for (const path of emptyFolders) {
    if (!isSelected(path)) continue;
    const folder = below(root, [name, ...path]);
    try {
      folder.make();
    } catch (error) {
      if (!isInTheWay(error)) throw storageError(folder.path, "write", error);
      onSkipped(`The empty folder ${folder.path} was not made: something else has its name.`);
    }
  }
}

function makeLinks(options: TreeOptions): void {
  const { placement, root, isSelected, onSkipped } = options;
  const { name, files } = placement.metainfo;
  if (files.every(({ symlink }) => symlink === undefined)) return;
  const places = placesOf(options);
  for (const { path, symlink } of files) {
    if (symlink === undefined || !isSelected(path)) continue;
    const shown = join(root.path, name, ...path);
    const place = places.get(keyOf(symlink));
    if (place === undefined) {
      onSkipped(`The symbolic link ${shown} was not made: it leads to nothing in the torrent.`);
      continue;
    }
    // Relative, so that the folder may be moved; both ends are below NAME.
    const text = posix.relative(path.slice(0, -1).join("/"), place.join("/"));
    const folder = below(root, [name, ...path.slice(0, -1)]);
    try {
      if (!folder.link(path.at(-1) ?? "", text)) {
        onSkipped(`The symbolic link ${shown} was not made: something else has its name.`);
      }
    } catch (error) {
      const code = systemErrorCode(error);
      if (!isInTheWay(error) && code !== "EPERM" && code !== "ENOTSUP")
        throw storageError(shown, "write", error);
      onSkipped(`The symbolic link ${shown} can't be made here (${code ?? "its folder is a link"}).`);
    }
  }
}

/** Where each file, link and folder of the torrent lies below NAME, by what the torrent calls it. */
function placesOf({ placement }: TreeOptions): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, readonly string[]>();
  for (const { rawPath, path, pad } of placement.metainfo.files) {
    if (!pad) noteWay(places, rawPath, path);
  }
  for (const path of placement.metainfo.emptyFolders) noteWay(places, path, path);
  return places;
}

function noteWay(
  places: Map<string, readonly string[]>,
  rawPath: TorrentFile["rawPath"],
  path: TorrentFile["path"],
): void {
  const raw = rawPath.filter(isName);
  for (let end = Math.min(raw.length, path.length); end > 0; end--) {
    const key = keyOf(raw.slice(0, end));
    if (places.has(key)) return;
    places.set(key, path.slice(0, end));
  }
}

function keyOf(components: readonly string[]): string {
  return components.filter(isName).join("/");
}

function isName(component: string): boolean {
  return component !== "" && component !== ".";
}

function below(root: Folder, components: readonly string[]): Folder {
  let folder = root;
  for (const component of components) folder = folder.child(component);
  return folder;
}

/** A file, or a link, where a folder should be. */
function isInTheWay(error: unknown): boolean {
  return error instanceof StorageError || systemErrorCode(error) === "EEXIST";
}
