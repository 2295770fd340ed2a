/** What a download has written, as files that are served and may be changed by others. */
import { type FileSystem, systemErrorCode } from "../../platform/file-system.ts";
import type { Folder, Target } from "./folders.ts";
import type { Openable, OpenFiles } from "./open-files.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { Placement } from "./placement.ts";
import { type FileVersion, SeedSource } from "./seed-source.ts";
import type { SourceChecksOptions } from "./source-checks.ts";

/** How many files are looked at between two turns of the loop. */
const A_TURN = 500;
/** Of what isn't there: no file is like it, so whoever reads it finds it changed. */
const NOTHING: FileVersion = { size: -1, mtimeNs: 0n, ctimeNs: 0n, inode: 0n };

export interface WatchOptions {
  readonly placement: Placement;
  readonly fs: FileSystem;
  readonly openFiles: OpenFiles;
  readonly root: Folder;
  readonly ownWrites: OwnWrites;
}

/**
 * The versions are those that were verified, as the last look has seen them, and else those of now: whoever calls this
 * has verified the data, and writes nothing any more.
 */
export async function watchTargets({
  placement,
  fs,
  openFiles,
  root,
  ownWrites,
}: WatchOptions): Promise<Pick<SourceChecksOptions, "sources" | "places">> {
  root.makeNoMore();
  const sources = new Map<Target, SeedSource>();
  let looked = 0;
  for (const [index, target] of placement.targets) {
    const pieces = placement.layout.piecesOf(index);
    if (pieces === undefined) continue;
    // What is open may have lost its name.
    openFiles.drop(target);
    const version = ownWrites.versionOf(target) ?? target.lookUp() ?? NOTHING;
    const place = findAnew(target, root);
    sources.set(target, new SeedSource({ path: target.path, fs, place, version, ...pieces }));
    looked++;
    if (looked % A_TURN === 0) await new Promise(setImmediate);
  }
  return {
    sources: [...sources.values()],
    places: (piece, begin, length) =>
      placement
        .places(piece, begin, length)
        .map(({ file, ...run }) => ({ ...run, file: file && (sources.get(file) ?? file) })),
  };
}

/** Folders stay open: one that was removed and made again must be opened anew before anything is missing. */
function findAnew(target: Target, root: Folder): Openable {
  const isMissing = (error: unknown): boolean => {
    if (systemErrorCode(error) !== "ENOENT") return false;
    root.drop();
    return true;
  };
  return {
    open: async () => {
      try {
        return await target.open();
      } catch (error) {
        if (!isMissing(error)) throw error;
        return await target.open();
      }
    },
    openSync: () => {
      try {
        return target.openSync();
      } catch (error) {
        if (!isMissing(error)) throw error;
        return target.openSync();
      }
    },
  };
}
