/** Writes a `.torrent` for each entry of a folder. */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { compareUtf8 } from "../../create/core/order.ts";
import { OutputError, SourceError } from "../../create/errors.ts";
import { createFilter } from "../../create/filter.ts";
import { fsReason } from "../../create/fs-reason.ts";
import type { CreatedEvent } from "../events.ts";
import { type CreateTorrentOptions, createTorrentFile } from "./torrent-file.ts";

export interface CreateEachOptions extends Omit<CreateTorrentOptions, "name" | "onProgress"> {
  /** The folder that gets the torrents; default: the working folder. */
  readonly out?: string | undefined;
  /** Told of each as it is written. */
  readonly onCreated?: ((created: CreatedEvent) => void) | undefined;
  /** Told of what no torrent can be made of, and of torrents that are there already; the others are made all the same. */
  readonly onSkipped?: ((error: SourceError | OutputError) => void) | undefined;
  readonly onProgress?: ((entry: string, bytesDone: number, bytesTotal: number) => void) | undefined;
}

/**
 * Makes one torrent of each file and folder in `folder`, in the order of their names. Symbolic links and torrents are left out,
 * and what the globs don't want; they are looked at as if each entry were a share by itself.
 * @throws {OutputError} the disk refuses a torrent; those before it are written.
 * @throws {SourceError} {SourceChangedError} {CreateOptionError}
 */
export async function createEachTorrent(
  folder: string,
  options: CreateEachOptions,
  signal: AbortSignal,
): Promise<readonly CreatedEvent[]> {
  const created: CreatedEvent[] = [];
  for (const name of await entriesOf(folder, options)) {
    try {
      const one = await createTorrentFile(
        join(folder, name),
        {
          ...options,
          out: join(options.out ?? ".", `${name}.torrent`),
          onProgress: (done, total) => options.onProgress?.(name, done, total),
        },
        signal,
      );
      created.push(one);
      options.onCreated?.(one);
    } catch (error) {
      const isThere = error instanceof OutputError && error.code === "output-exists";
      if (!isThere && !(error instanceof SourceError)) throw error;
      options.onSkipped?.(error);
    }
  }
  return created;
}

async function entriesOf(folder: string, { include, exclude }: CreateEachOptions): Promise<string[]> {
  const root = resolve(folder);
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) => {
    const message = `Can't make torrents of what is in ${JSON.stringify(root)}: ${fsReason(cause)}.`;
    throw new SourceError(root, message, { cause });
  });
  const filter = createFilter(include, exclude);
  return entries
    .filter((entry) => {
      const isFolder = entry.isDirectory();
      if (!isFolder && (!entry.isFile() || entry.name.endsWith(".torrent"))) return false;
      return !filter.excludes([entry.name], isFolder) && (isFolder || filter.includes([entry.name], false));
    })
    .map(({ name }) => name)
    .sort(compareUtf8);
}
