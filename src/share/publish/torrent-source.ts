/** The data of a torrent that exists, as they lie on this machine. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { namesOf } from "../../client/storage/verify-files.ts";
import type { Crew } from "../../create/crew.ts";
import { SourceError } from "../../create/errors.ts";
import { fileAt, packFiles } from "../../create/file-table.ts";
import { fsReason } from "../../create/fs-reason.ts";
import { lookAtAll } from "../../create/look.ts";
import type { Hashable } from "../../create/source.ts";
import type { PadFile, SourceFile } from "../../create/source-file.ts";
import { systemClock } from "../../platform/clock.ts";
import { Pace } from "../../platform/pace.ts";
import type { Metainfo, TorrentFile } from "../../protocol/metainfo.ts";

export interface TorrentSource extends Hashable {
  /** In the torrent's order, under its own names, by which web seeds ask; what is on no disk is a pad. */
  readonly files: readonly (SourceFile | PadFile)[];
  /** Files that aren't there, or have another size. When there are any, they are missing in `files`. */
  readonly lacking: readonly TorrentFile[];
}

/**
 * Looks for each file, by the name that we would give it and by the torrent's own; contents aren't read.
 * @param path the file or folder itself. Symbolic links are followed.
 * @throws {SourceError} something can't be looked at.
 */
export async function sourceOfTorrent(
  metainfo: Metainfo,
  path: string,
  crew: Crew,
  signal: AbortSignal,
): Promise<TorrentSource> {
  const lookedAt = Date.now();
  const root = await real(path);
  const wanted = metainfo.files.filter(isOnDisk);
  const place = (names: readonly string[]) => (metainfo.singleFile ? root : join(root, ...names));
  const found = await findAll(wanted, place, crew, signal);
  const files: (SourceFile | PadFile)[] = [];
  const lacking: TorrentFile[] = [];
  for (const file of metainfo.files) {
    const one = found.get(file);
    if (!isOnDisk(file)) files.push({ length: file.length, pad: true });
    else if (one === undefined || one.length !== file.length) lacking.push(file);
    else files.push({ ...one, path: file.rawPath, executable: file.executable });
  }
  const { singleFile, length: totalBytes } = metainfo;
  return { root, singleFile, totalBytes, lookedAt, files, table: packFiles(files), lacking };
}

/** Neither a pad file nor a symbolic link (BEP 47). */
export function isOnDisk(file: TorrentFile | undefined): boolean {
  return file?.pad === false && file.symlink === undefined;
}

/** Most are found at the first look; each further one is for those that are left. */
async function findAll(
  wanted: readonly TorrentFile[],
  place: (names: readonly string[]) => string,
  crew: Crew,
  signal: AbortSignal,
): Promise<Map<TorrentFile, SourceFile>> {
  const found = new Map<TorrentFile, SourceFile>();
  const pace = new Pace(systemClock);
  for (const name of [0, 1]) {
    for (const followed of [false, true]) {
      const candidates = wanted.flatMap((file) => {
        const names = namesOf(file)[name];
        if (found.has(file) || names === undefined) return [];
        return [{ file, path: names, absolutePath: place(names), followed }];
      });
      if (candidates.length === 0) continue;
      const table = await lookAtAll(candidates, pace, crew, signal);
      for (const [i, candidate] of candidates.entries()) {
        const one = fileAt(table, i, candidate);
        if (one === undefined) continue;
        // What is opened later must be no link.
        found.set(candidate.file, followed ? { ...one, absolutePath: await real(one.absolutePath) } : one);
      }
    }
  }
  return found;
}

async function real(path: string): Promise<string> {
  return await realpath(path).catch((cause: unknown) => {
    throw new SourceError(path, `Can't read ${JSON.stringify(path)}: ${fsReason(cause)}.`, { cause });
  });
}
