import { randomBytes } from "node:crypto";
import { chmod, link, lstat, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OutputError } from "./errors.ts";
import { errorCode, fsReason } from "./fs-reason.ts";

/**
 * Writes a `.torrent` so that it is there whole or not at all, and never in place of another file.
 * @returns the absolute path.
 * @throws {OutputError} when something of that name exists, or the disk refuses; nothing is left behind.
 */
export async function writeTorrentFile(path: string, torrent: Uint8Array): Promise<string> {
  const target = resolve(path);
  await refuseExisting(target);
  return await writeWhole(target, torrent, moveInto);
}

/**
 * Writes a `.torrent` in place of the one at `path`, with its permissions: whoever reads it gets the old one or the new one.
 * @returns the absolute path.
 * @throws {OutputError} when the disk refuses; the old one is as it was.
 */
export async function replaceTorrentFile(path: string, torrent: Uint8Array): Promise<string> {
  const target = resolve(path);
  return await writeWhole(target, torrent, async (unfinished) => {
    await chmod(unfinished, (await stat(target)).mode & 0o7777);
    await rename(unfinished, target);
  });
}

async function writeWhole(
  target: string,
  torrent: Uint8Array,
  move: (unfinished: string, target: string) => Promise<void>,
): Promise<string> {
  const unfinished = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(unfinished, "wx");
    try {
      await file.writeFile(torrent);
      await file.sync();
    } finally {
      await file.close();
    }
    await move(unfinished, target);
  } catch (cause) {
    if (cause instanceof OutputError) throw cause;
    const message = `Can't write ${JSON.stringify(target)}: ${fsReason(cause)}. Choose another place with -o.`;
    throw new OutputError(target, "unwritable", message, { cause });
  } finally {
    await unlink(unfinished).catch(() => undefined);
  }
  return target;
}

/**
 * For asking before hours of hashing.
 * @throws {OutputError} when something of that name exists, or there is no folder to write it to.
 */
export async function refuseImpossible(path: string): Promise<void> {
  const target = resolve(path);
  const folder = dirname(target);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const message = `There is no folder ${JSON.stringify(folder)}: make it, or choose another place with -o.`;
    throw new OutputError(target, "unwritable", message);
  }
  await refuseExisting(target);
}

async function refuseExisting(target: string): Promise<void> {
  const exists = await lstat(target).then(
    () => true,
    () => false,
  );
  if (exists) throw alreadyThere(target);
}

/** A link, unlike a rename, refuses to replace what came there meanwhile; some file systems have none. */
async function moveInto(unfinished: string, target: string): Promise<void> {
  try {
    await link(unfinished, target);
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw alreadyThere(target);
    await refuseExisting(target);
    await rename(unfinished, target);
  }
}

function alreadyThere(target: string): OutputError {
  return new OutputError(
    target,
    "exists",
    `${JSON.stringify(target)} is there already: remove it, or choose another name with -o.`,
  );
}
