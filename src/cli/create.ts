/** `share create PATH`: writes a `.torrent`, publishes nothing. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import {
  type CommonFlags,
  collect,
  collectTrackers,
  createOutput,
  pieceSize,
  type Surroundings,
} from "./options.ts";
import { listenForStop } from "./stop.ts";
import { countOf, formatBytes } from "./units.ts";

interface CreateFlags extends CommonFlags {
  readonly out?: string;
  readonly name?: string;
  readonly tracker?: readonly string[];
  readonly pieceSize?: number;
  readonly private?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly cacheDir?: string;
}

export function createCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  let followed = 0;
  return new Command("create")
    .usage("PATH [flags]")
    .description("Write a .torrent for a file or folder, publish nothing.")
    .argument("<path>", "a file or folder")
    .option("-o, --out <file>", "the .torrent (default: ./NAME.torrent)")
    .option("--name <name>", "another name for the torrent")
    .option("--tracker <url>", "announce URL (repeatable, one tier each)", collectTrackers)
    .option("--piece-size <size>", "16KiB to 64MiB (default: by size)", pieceSize)
    .option("--private", "peers from trackers only (BEP 27)")
    .option("--include <glob>", "only these files (repeatable)", collect)
    .option("--exclude <glob>", "not these files (repeatable)", collect)
    .option("--follow-symlinks", "inside the folder; given twice: anywhere")
    .option("--cache-dir <dir>", "where hashes are remembered")
    .on("option:follow-symlinks", () => followed++)
    .action(async (path: string, flags: CreateFlags) => {
      report(await runCreate(path, flags, followed >= 2 ? 2 : followed === 1 ? 1 : 0, surroundings));
    });
}

async function runCreate(
  path: string,
  flags: CreateFlags,
  followSymlinks: 0 | 1 | 2,
  surroundings: Surroundings,
): Promise<number> {
  const output = createOutput(flags, surroundings);
  const stop = listenForStop();
  // Loaded here, so that help and mistakes are answered without all this.
  const { showProgress } = await import("./ui/progress.ts");
  const progress = showProgress(output, "hashing", surroundings.now);
  try {
    const { createTorrentFile } = await import("../share.ts");
    const created = await createTorrentFile(
      path,
      {
        out: flags.out,
        name: flags.name,
        trackers: flags.tracker,
        pieceLength: flags.pieceSize,
        private: flags.private,
        include: flags.include,
        exclude: flags.exclude,
        followSymlinks,
        cacheDir: flags.cacheDir,
        onProgress: (bytesDone, bytesTotal) => progress.update({ bytesDone, bytesTotal }),
        onWarning: (message) => output.warn(message),
      },
      stop.signal,
    );
    progress.stop();
    output.event(created);
    output.note(
      `${countOf(created.files, "file")}, ${formatBytes(created.bytes)}, info hash ${created.infoHash}`,
    );
    output.result(escapeForTerminal(created.path));
    return 0;
  } catch (error) {
    progress.stop();
    if (!stop.signal.aborted) throw error;
    output.note("Interrupted; nothing was written.");
    return 130;
  } finally {
    stop.release();
  }
}
