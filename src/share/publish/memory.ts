/** Remembers each path's share ID and port, so that publishing again gives the same URL. */
import { createHash } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { customAlphabet } from "nanoid";
import { readRegular } from "../../platform/regular-file.ts";

/** Letters and digits that nobody confuses when reading them aloud: no 0 and o, no 1, i and l. */
const newId = customAlphabet("23456789abcdefghjkmnpqrstuvwxyz");
const LISTED_LENGTH = 8;
/** 104 random bits: who doesn't know the URL of an unlisted share doesn't find it. */
const UNLISTED_LENGTH = 21;
/** A path, an ID and a port. */
const MOST_BYTES = 64 * 1024;

/** Unambiguous letters and digits: 8, or 21 that nobody guesses. */
export function newShareId(unlisted = false): string {
  return newId(unlisted ? UNLISTED_LENGTH : LISTED_LENGTH);
}

export interface RememberedShare {
  readonly id: string;
  /** The TCP port of the last publication. */
  readonly port: number;
}

/**
 * One small file a path, named by a hash of the path, so that processes never write the same file unless they
 * publish the same path, and then the last one wins as a whole. A path that is published both listed and unlisted has
 * two, so that neither way loses its URL. What another user has put there is not believed: who chooses an ID knows it.
 */
export class ShareMemory {
  readonly #dir: string;

  constructor(cacheDir: string) {
    this.#dir = join(cacheDir, "shares");
  }

  #file(path: string, unlisted: boolean): string {
    const key = unlisted ? `${path}\0unlisted` : path;
    return join(this.#dir, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  }

  /** @returns undefined when `path` was never published or its file is missing or damaged. */
  async recall(path: string, unlisted = false): Promise<RememberedShare | undefined> {
    try {
      const bytes = await readRegular(this.#file(path, unlisted), { most: MOST_BYTES, own: true });
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return isRemembered(value, path, unlisted) ? { id: value.id, port: value.port } : undefined;
    } catch {
      // Missing, unreadable or not JSON: a new URL is the worst that comes of it.
      return undefined;
    }
  }

  /** Rejects with a system error when the folder can't be written. */
  async remember(path: string, share: RememberedShare, unlisted = false): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const file = this.#file(path, unlisted);
    const fresh = `${file}.${process.pid}.${newShareId()}`;
    try {
      await writeFile(fresh, `${JSON.stringify({ path, ...share })}\n`, { flag: "wx", mode: 0o600 });
      await rename(fresh, file);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  }
}

function isRemembered(value: unknown, path: string, unlisted: boolean): value is RememberedShare {
  if (typeof value !== "object" || value === null) return false;
  if (!("path" in value && "id" in value && "port" in value)) return false;
  const { id, port } = value;
  return (
    value.path === path &&
    typeof id === "string" &&
    /^[0-9a-z]+$/.test(id) &&
    id.length === (unlisted ? UNLISTED_LENGTH : LISTED_LENGTH) &&
    typeof port === "number" &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65536
  );
}
