/** `share create PATH`: writes a `.torrent`, publishes nothing. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import {
  addExamples,
  type CommonFlags,
  collectTrackers,
  createOutput,
  type Surroundings,
} from "./options.ts";
import { addSourceFlags, type SourceFlags, sourceOptions } from "./shared-flags.ts";
import { listenForStop } from "./stop.ts";
import { countOf, formatBytes } from "./units.ts";

interface CreateFlags extends CommonFlags, SourceFlags {
  readonly out?: string;
  readonly name?: string;
  readonly tracker?: readonly string[];
}

export function createCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("create")
    .usage("PATH [flags]")
    .description("Write a .torrent for a file or folder, publish nothing.")
    .argument("<path>")
    .option("-o, --out <file>", "the .torrent (default: ./NAME.torrent)")
    .option("--name <name>", "another name for the torrent")
    .option("--tracker <url>", "announce URL (repeatable, one tier each)", collectTrackers);
  addSourceFlags(command, "where hashes are remembered");
  return addExamples(command, EXAMPLES).action(async (path: string, flags: CreateFlags) =>
    report(await runCreate(path, flags, surroundings)),
  );
}

const EXAMPLES = [
  "share create ./photos --tracker http://192.168.1.20:6969/announce",
  "share create disk.iso -o /srv/torrents/disk.torrent --piece-size 1MiB",
];

async function runCreate(path: string, flags: CreateFlags, surroundings: Surroundings): Promise<number> {
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  // Loaded here, so that help and mistakes are answered without all this.
  const { showProgress } = await import("./ui/progress.ts");
  const progress = showProgress(output, "hashing", surroundings.now);
  try {
    const { createTorrentFile } = await import("../share/torrent-file.ts");
    const created = await createTorrentFile(
      path,
      {
        out: flags.out,
        name: flags.name,
        trackers: flags.tracker,
        ...sourceOptions(flags),
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
