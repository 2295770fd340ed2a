/** Keeps what a magnet link led to while its download is unfinished, so that continuing needs nobody for that. */
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readRegular } from "../../platform/regular-file.ts";
import { bytesEqual, toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { MAX_METADATA } from "../core/metadata-messages.ts";

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
    const bytes = await readRegular(fileOf(directory, infoHash), { most: MAX_METADATA });
    return bytesEqual(sha1(bytes), infoHash) ? bytes : undefined;
  } catch {
    // Missing, unreadable, no file or too large: the swarm has it.
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
    // Whatever somebody has put there goes, and is never written to.
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx", 0o644);
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
