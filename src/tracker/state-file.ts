/** Keeps the tracker's memory in a file, so that swarms and counts survive a restart. */
import { open, readFile, rename, rm } from "node:fs/promises";
import { BoojumError } from "../protocol/errors.ts";
import type { Hashes } from "../protocol/hashes.ts";
import { decodeSaved, encodeSaved } from "./core/saved-state.ts";
import type { TrackerStore } from "./core/store.ts";

/** The state can't be read or written; the message says what to do. */
export class TrackerStateError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("state", message, options);
  }
}

/**
 * Puts back what {@link saveTracker} wrote; a file that isn't there is an empty memory.
 * @param now seconds since 1970.
 * @throws {TrackerStateError} it can't be read, or is damaged: then nothing was put back.
 */
export async function restoreTracker(
  store: TrackerStore,
  path: string,
  now: number,
  sha256: Hashes["sha256"],
): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return;
    throw new TrackerStateError(`The state in ${path} can't be read: ${messageOf(cause)}.`, { cause });
  }
  const saved = decodeSaved(bytes, sha256);
  if (saved === undefined) {
    throw new TrackerStateError(`${path} is damaged, or no tracker's state. Move it away to begin anew.`);
  }
  // A clock that was set back must not make peers younger than they were.
  const elapsed = Math.max(0, Math.floor(now) - saved.savedAt);
  for (const swarm of saved.swarms) store.restore(swarm, elapsed);
}

/**
 * Writes everything to a new file and puts it in the place of the old one in one step.
 * @throws {TrackerStateError} the old one is still there then.
 */
export async function saveTracker(
  store: TrackerStore,
  path: string,
  now: number,
  sha256: Hashes["sha256"],
): Promise<void> {
  const draft = `${path}.new`;
  try {
    await rm(draft, { force: true });
    // It holds addresses of people.
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(encodeSaved(store.saved(), now, sha256));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    throw new TrackerStateError(`The state can't be written to ${path}: ${messageOf(cause)}.`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
