/** Keeps what a magnet link led to while its download is unfinished, so that continuing needs nobody for that. */
import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { bytesEqual, toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { MAX_METADATA } from "../core/metadata-messages.ts";

// Windows has no such flag, and rarely such links.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

function fileOf(directory: string, infoHash: InfoHash): string {
  return join(directory, `.${toHex(infoHash)}.boojum-info`);
}

/** @returns undefined when it isn't there or isn't what has that hash. */
export async function loadMetadata(
  directory: string,
  infoHash: InfoHash,
  sha1: (bytes: Uint8Array) => Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const file = await open(fileOf(directory, infoHash), constants.O_RDONLY | NO_FOLLOW);
    try {
      const { size } = await file.stat();
      if (size > MAX_METADATA) return undefined;
      const bytes = new Uint8Array(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytesRead === size && bytesEqual(sha1(bytes), infoHash) ? bytes : undefined;
    } finally {
      await file.close();
    }
  } catch {
    // Missing or unreadable: the swarm has it.
    return undefined;
  }
}

/** A convenience: when it can't be written, the next time the swarm is asked again. */
export async function saveMetadata(
  directory: string,
  infoHash: InfoHash,
  metadata: Uint8Array,
): Promise<void> {
  const target = fileOf(directory, infoHash);
  const temporary = `${target}.new`;
  try {
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_FOLLOW,
      0o644,
    );
    try {
      await file.writeFile(metadata);
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch {
    await forgetMetadata(directory, infoHash);
  }
}

/** The download is complete. */
export async function forgetMetadata(directory: string, infoHash: InfoHash): Promise<void> {
  const target = fileOf(directory, infoHash);
  await Promise.all([target, `${target}.new`].map((path) => rm(path, { force: true }).catch(() => {})));
}
