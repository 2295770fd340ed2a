/** `share create PATH`: writes a `.torrent`, publishes nothing. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import type { CreatedEvent } from "../share/events.ts";
import type { CreateTorrentOptions } from "../share/tools/torrent-file.ts";
import {
  addExamples,
  type CommonFlags,
  collectTiers,
  collectWebSeeds,
  createOutput,
  date,
  type Surroundings,
} from "./options.ts";
import type { Output } from "./output.ts";
import { addSourceFlags, type SourceFlags, sourceOptions } from "./shared-flags.ts";
import { listenForStop } from "./stop.ts";
import type { ProgressDisplay } from "./ui/progress.ts";
import { countOf, formatBytes, UsageError } from "./units.ts";

interface CreateFlags extends CommonFlags, SourceFlags {
  readonly out?: string;
  readonly name?: string;
  readonly each?: boolean;
  readonly tracker?: readonly (readonly string[])[];
  readonly webSeed?: readonly string[];
  readonly comment?: string;
  readonly source?: string;
  readonly date?: number;
}

export function createCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("create")
    .usage("PATH [flags]")
    .description("Write a .torrent for a file or folder, publish nothing.")
    .argument("<path>")
    .optionsGroup("What is written:")
    .option("-o, --out <file>", "the .torrent (default: ./NAME.torrent); with --each a folder")
    .option("--name <name>", "another name for the torrent")
    .option("--each", "one torrent for each file and folder in PATH")
    .option("--tracker <url>", "announce URL (repeatable: a tier each; URL,URL: one tier)", collectTiers)
    .option("--web-seed <url>", "where HTTP has it, too (repeatable, BEP 19)", collectWebSeeds)
    .option("--comment <text>", "for people")
    .option("--source <word>", "makes the info hash differ from others' of these files")
    .option("--date <when>", "when it was made: now, 2026-11-23 (default: none)", date)
    .optionsGroup("What is in it:");
  addSourceFlags(command, "where hashes are remembered");
  return addExamples(command, EXAMPLES).action(async (path: string, flags: CreateFlags) =>
    report(await runCreate(path, flags, surroundings)),
  );
}

const EXAMPLES = [
  "share create ./photos --tracker http://192.168.1.20:6969/announce",
  "share create disk.iso -o /srv/torrents/disk.torrent --piece-size 1MiB",
  "share create ./albums --each -o ./torrents --exclude '*.tmp'",
];

async function runCreate(path: string, flags: CreateFlags, surroundings: Surroundings): Promise<number> {
  if (flags.each && flags.name !== undefined) {
    throw new UsageError("--name names one torrent, --each makes many: leave one of them out.");
  }
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  // Loaded here, so that help and mistakes are answered without all this.
  const { showProgress } = await import("./ui/progress.ts");
  const progress = showProgress(output, "hashing", surroundings.now);
  try {
    const making: Making = { path, flags, output, progress, signal: stop.signal };
    return flags.each ? await createEach(making) : await createOne(making);
  } catch (error) {
    progress.stop();
    if (!stop.signal.aborted) throw error;
    output.note("Interrupted; no torrent is half written.");
    return 130;
  } finally {
    stop.release();
  }
}

interface Making {
  readonly path: string;
  readonly flags: CreateFlags;
  readonly output: Output;
  readonly progress: ProgressDisplay;
  readonly signal: AbortSignal;
}

async function createOne({ path, flags, output, progress, signal }: Making): Promise<number> {
  const { createTorrentFile } = await import("../share/tools/torrent-file.ts");
  const onProgress = (bytesDone: number, bytesTotal: number) => progress.update({ bytesDone, bytesTotal });
  const created = await createTorrentFile(path, { ...createOptions(flags, output), onProgress }, signal);
  progress.stop();
  tellCreated(output, created);
  return 0;
}

async function createEach({ path, flags, output, progress, signal }: Making): Promise<number> {
  const { createEachTorrent } = await import("../share/tools/torrent-files.ts");
  let failed = 0;
  const created = await createEachTorrent(
    path,
    {
      ...createOptions(flags, output),
      onProgress: (entry, bytesDone, bytesTotal) =>
        progress.update({ bytesDone, bytesTotal, detail: escapeForTerminal(entry) }),
      onCreated: (one) => tellCreated(output, one),
      onSkipped: ({ code, message }) => {
        output.event({ event: "warning", code, message });
        output.warn(message);
        if (code !== "output-exists") failed++;
      },
    },
    signal,
  );
  progress.stop();
  output.note(`${countOf(created.length, "torrent")} written.`);
  return failed === 0 ? 0 : 1;
}

function createOptions(flags: CreateFlags, output: Output): Omit<CreateTorrentOptions, "onProgress"> {
  return {
    out: flags.out,
    name: flags.name,
    trackers: flags.tracker,
    webSeeds: flags.webSeed,
    comment: flags.comment,
    source: flags.source,
    creationDate: flags.date,
    ...sourceOptions(flags),
    onWarning: (message) => output.warn(message),
  };
}

function tellCreated(output: Output, created: CreatedEvent): void {
  output.event(created);
  output.note(
    `${countOf(created.files, "file")}, ${formatBytes(created.bytes)}, info hash ${created.infoHash}`,
  );
  output.result(escapeForTerminal(created.path));
}
