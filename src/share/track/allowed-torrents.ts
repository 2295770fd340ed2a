/** The torrents that a tracker of certain ones may track: what lies in a folder, as it changes. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { nodeHashes } from "../../platform/hashes.ts";
import { readRegular } from "../../platform/regular-file.ts";
import { toHex } from "../../protocol/bytes.ts";
import { BoojumError } from "../../protocol/errors.ts";
import { type InfoHash, infoHash } from "../../protocol/ids.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import type { TrackerStore } from "../../tracker/core/store.ts";

/** The folder can't be read. */
export class AllowedError extends BoojumError {
  constructor(dir: string, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    super("allow", `The torrents in ${dir} can't be read: ${said}.`, { cause });
  }
}

interface Known {
  /** Of the file: as long as it is the same, so is what is in it. */
  readonly stamp: string;
  readonly hashes: readonly InfoHash[];
  readonly name: string;
}

/** Larger files are no torrents. */
const MAX_BYTES = 10_000_000;

/** Keeps a store's torrents equal to the `.torrent` files of a folder. */
export class AllowedTorrents {
  readonly #dir: string;
  readonly #store: TrackerStore;
  readonly #onWarning: (message: string) => void;
  readonly #files = new Map<string, Known>();
  readonly #names = new Map<string, string>();

  constructor(dir: string, store: TrackerStore, onWarning: (message: string) => void) {
    this.#dir = dir;
    this.#store = store;
    this.#onWarning = onWarning;
  }

  nameOf(hash: InfoHash): string | undefined {
    return this.#names.get(toHex(hash));
  }

  /** Looks at the folder: new files are tracked, those gone no longer. @throws {AllowedError} nothing changed then. */
  async refresh(): Promise<void> {
    let names: string[];
    try {
      names = (await readdir(this.#dir)).filter((name) => name.endsWith(".torrent"));
    } catch (cause) {
      throw new AllowedError(this.#dir, cause);
    }
    const present = new Set(names);
    for (const file of [...this.#files.keys()]) if (!present.has(file)) this.#remove(file);
    for (const file of names) await this.#look(file);
  }

  async #look(file: string): Promise<void> {
    const path = join(this.#dir, file);
    try {
      const { size, mtimeMs, ino } = await stat(path);
      const stamp = `${size} ${mtimeMs} ${ino}`;
      if (this.#files.get(file)?.stamp === stamp) return;
      this.#remove(file);
      // Remembered even when it can't be used, so that it is complained about once.
      this.#files.set(file, { stamp, hashes: [], name: "" });
      const metainfo = parseMetainfo(await readRegular(path, { most: MAX_BYTES, follow: true }), nodeHashes);
      const { name, infoHash: v1, infoHashV2: v2, length: totalBytes } = metainfo;
      // A v2 torrent goes to trackers by the first 20 bytes of its hash (BEP 52).
      const hashes = [v1, v2 && infoHash(v2.slice(0, 20))].filter((hash) => hash !== undefined);
      this.#files.set(file, { stamp, hashes, name });
      for (const hash of hashes) {
        this.#names.set(toHex(hash), name);
        this.#store.register({ id: file, infoHash: hash, listed: true, totalBytes });
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.#onWarning(`${path} is not tracked: ${said}`);
    }
  }

  #remove(file: string): void {
    for (const hash of this.#files.get(file)?.hashes ?? []) {
      this.#store.unregister(hash, file);
      if (this.#store.counts(hash) === undefined) this.#names.delete(toHex(hash));
    }
    this.#files.delete(file);
  }
}
