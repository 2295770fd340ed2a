/** `share get SOURCE`: downloads, and seeds meanwhile. */
import { Command } from "commander";
import type { GetEvent } from "../share/events.ts";
import type { Download, GetOptions } from "../share/get/get-types.ts";
import type { Source } from "../share/source.ts";
import { checkOneFile, type WriteBytes, writeAll } from "./get-stdout.ts";
import { player } from "./get-stream.ts";
import { resolveSource } from "./local-source.ts";
import { NothingPickedError } from "./nothing-picked.ts";
import {
  addExamples,
  type CommonFlags,
  collect,
  collectPeers,
  createOutput,
  duration,
  jobs,
  port,
  ratio,
  type Surroundings,
} from "./options.ts";
import type { Output } from "./output.ts";
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { pickShare } from "./pick-share.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./shared-flags.ts";
import { findSource } from "./source.ts";
import { INTERRUPTED, listenForStop } from "./stop.ts";
import { UsageError } from "./units.ts";
import { capYoungObjects } from "./young-objects.ts";

interface GetFlags extends CommonFlags, PasswordFlags, TransferFlags {
  readonly out: string;
  readonly select?: readonly string[];
  readonly pick?: boolean;
  readonly seed?: boolean;
  readonly seedFor?: number;
  readonly seedRatio?: number;
  readonly overwrite?: boolean;
  readonly jobs?: number;
  readonly stdout?: boolean;
  readonly stream?: boolean;
  readonly open?: boolean;
  readonly symlinks?: boolean;
  readonly port?: number;
  readonly upnp?: boolean;
  readonly peer?: readonly string[];
  readonly timeout?: number;
}

export function getCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("get")
    .usage("[SOURCE...] [flags]")
    .description("Download a URL, magnet link or .torrent, or what is shared here; again continues.")
    .argument("[source...]")
    .optionsGroup("What, and where to:")
    .option("-o, --out <dir>", "put it into this folder", ".")
    .option("--select <glob>", "only these files (repeatable)", collect)
    .option("--pick", "choose files in a tree, in a terminal")
    .option("--overwrite", "replace files that are there and differ")
    .option("-j, --jobs <n>", "get so many sources at once (default: 5)", jobs)
    .option("--stdout", "write the one file to standard output, as it comes")
    .option("--stream", "serve it to players here while it comes, until stopped")
    .option("--open", "with --stream: open what plays it")
    .option("--symlinks", "make its links, those that lead to something in it")
    .option("--timeout <duration>", "give up after so long without data (default: 10m)", duration);
  addPasswordFlags(command, "of the share; it is asked for, too")
    .optionsGroup("Afterwards:")
    .option("--seed", "keep seeding until stopped")
    .option("--seed-for <duration>", "keep seeding for so long, e.g. 30m", duration)
    .option("--seed-ratio <ratio>", "seed until so many copies are sent, e.g. 1.5", ratio)
    .optionsGroup("Traffic:")
    .option("--port <n>", "listen for peers here (default: first free from 6881)", port)
    .option("--upnp", "have the router open it to the internet, meanwhile")
    .option("--peer <host:port>", "ask this peer, too (repeatable)", collectPeers);
  return addExamples(addTransferFlags(command), EXAMPLES).action(
    async (sources: readonly string[], flags: GetFlags) => {
      const [source, ...others] = sources;
      if (source !== undefined && others.length > 0) {
        report(await runMany([...new Set(sources)], flags, surroundings));
        return;
      }
      const isNamed = command.getOptionValueSource("out") !== "default";
      report(await runGet(chooser(source, flags, surroundings), flags, surroundings, isNamed));
    },
  );
}

/** Without a source, somebody picks one of those on the local network. @throws {UsageError} it can't be one. */
function chooser(source: string | undefined, flags: GetFlags, surroundings: Surroundings): Choose {
  if (source === undefined) {
    if (!flags.lan) throw new UsageError("Without the local network a source is needed: share get SOURCE.");
    return (output, signal) => pickShare(undefined, output, surroundings, signal);
  }
  const found = findSource(source);
  return (output, signal) => resolveSource(found, { output, lan: flags.lan }, signal);
}

const EXAMPLES = [
  "share get http://192.168.1.20:6881/s/k3f9x2mw -o ~/Downloads",
  "share get http://192.168.1.20:6881/s/k3f9x2mw --select '*.jpg' --seed",
  "share get *.torrent -j 3 --limit-down 5MB/s",
];

/** What so many files need outlives collections: with little room for it 20,000 cost a twentieth more CPU time. */
const MANY_FILES = 1_000;

/** What is meant; undefined when there is nothing to get, which is no mistake. */
type Choose = (output: Output, signal: AbortSignal) => Promise<Source | undefined>;

/**
 * @param isPlaced the user has said where to put it
 * @returns the exit code.
 */
export async function runGet(
  choose: Choose,
  flags: GetFlags,
  surroundings: Surroundings,
  isPlaced = true,
): Promise<number> {
  const { stdout, stderr, writeBytes } = surroundings;
  const isPiped = flags.stdout === true;
  if (isPiped && flags.json === true) throw new UsageError("--stdout and --json both want standard output.");
  if (isPiped && flags.stream === true) throw new UsageError("--stdout and --stream exclude each other.");
  if (flags.open === true && flags.stream !== true) throw new UsageError("--open needs --stream.");
  const access = await accessFrom(flags, surroundings);
  // What people read goes where they see it.
  const output = createOutput(flags, { ...surroundings, stdout: isPiped ? stderr : stdout });
  const stop = listenForStop(surroundings.readerGone);
  try {
    const source = await choose(output, stop.signal);
    if (source === undefined) return 0;
    const picking = flags.pick === true ? await pickingBy(output, surroundings) : {};
    const options = { ...getOptions(flags), ...access, ...picking, signal: stop.signal };
    const shown = { output, surroundings };
    if (isPiped) {
      const pipe = { ...shown, writeBytes, tellsPath: isPlaced };
      await download(source, { ...options, temporary: !isPlaced }, pipe);
    } else if (flags.stream === true) {
      const { onRunning, close } = player(output, surroundings, flags.open === true);
      try {
        await download(source, { ...options, seed: { forever: true } }, { ...shown, onRunning });
      } finally {
        await close();
      }
    } else await download(source, options, shown);
    return 0;
  } catch (error) {
    if (error instanceof NothingPickedError) {
      output.note(error.message);
      return 0;
    }
    if (!stop.signal.aborted) throw error;
    // Whoever has read enough needs no advice.
    if (isPiped && surroundings.readerGone.aborted) return 130;
    output.event({ event: "error", code: "interrupted", message: INTERRUPTED });
    output.note(INTERRUPTED);
    return 130;
  } finally {
    stop.release();
  }
}

/** @throws {UsageError} nobody is there to choose. */
async function pickingBy(output: Output, surroundings: Surroundings): Promise<Pick<GetOptions, "pickFiles">> {
  if (surroundings.readKeys === undefined || !output.terminal || output.json || output.quiet) {
    throw new UsageError("--pick needs a terminal. Elsewhere --select names the files.");
  }
  // Drawing needs more code than all the rest that a command loads at first.
  const { pickFiles } = await import("./pick-files.ts");
  return { pickFiles: (files, signal) => pickFiles(files, output, surroundings, signal) };
}

/** Of several sources: they share what there is. @returns the highest of their exit codes. */
async function runMany(
  sources: readonly string[],
  flags: GetFlags,
  surroundings: Surroundings,
): Promise<number> {
  for (const flag of ["stdout", "stream", "open", "port", "pick"] as const) {
    if (flags[flag] !== undefined)
      throw new UsageError(`--${flag} is for one source: start another share get for each.`);
  }
  const found = sources.map((source) => findSource(source));
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  const queued = found.map((source, i) => ({
    text: sources[i] ?? "",
    resolve: (signal: AbortSignal) => resolveSource(source, { output, lan: flags.lan }, signal),
  }));
  try {
    const options = { ...getOptions(flags), ...access, signal: stop.signal, atOnce: flags.jobs };
    const { getAll } = await import("./get-many.ts");
    return await getAll(queued, options, { output, surroundings });
  } finally {
    stop.release();
  }
}

interface Screening {
  readonly output: Output;
  readonly surroundings: Surroundings;
  /** Where the one file goes, besides the disk. */
  readonly writeBytes?: WriteBytes | undefined;
  readonly tellsPath?: boolean;
  readonly onRunning?: (download: Download) => Promise<void>;
}

async function download(
  source: Source,
  options: GetOptions,
  { output, surroundings, writeBytes, tellsPath, onRunning }: Screening,
): Promise<void> {
  // Loaded here, so that help and mistakes are answered without all this.
  const { GetView } = await import("./ui/get-view.ts");
  const { openDisplay } = await import("./ui/display.ts");
  const display = await openDisplay(output, surroundings, "down");
  const view = new GetView(output, display.show, tellsPath);
  const refusal = new AbortController();
  const { signal: stop } = options;
  const signal = stop === undefined ? refusal.signal : AbortSignal.any([stop, refusal.signal]);
  try {
    const { get } = await import("../share/get/get.ts");
    const onEvent = (event: GetEvent) => {
      // What comes then are blocks, as fast as memory takes them: 17 MiB less, and no slower.
      if (event.event === "started" && event.files < MANY_FILES) capYoungObjects();
      if (event.event === "started" && writeBytes !== undefined) checkOneFile(event, source, refusal);
      output.event(event);
      view.show(event);
    };
    const running = await get(source, { ...options, signal, onEvent, onWork: (work) => view.prepare(work) });
    display.attach(running);
    try {
      await onRunning?.(running);
      if (writeBytes !== undefined) await writeAll(running, writeBytes);
      await running.done;
      await running.closed;
    } finally {
      await running.close();
    }
  } catch (error) {
    throw refusal.signal.aborted ? refusal.signal.reason : error;
  } finally {
    view.close();
    display.close();
  }
}

function getOptions(flags: GetFlags): GetOptions {
  return {
    ...transferOptions(flags),
    directory: flags.out,
    select: flags.select,
    seed: {
      forever: flags.seed ?? false,
      seconds: flags.seedFor,
      ratio: flags.seedRatio,
    },
    overwrite: flags.overwrite,
    symlinks: flags.symlinks,
    port: flags.port,
    upnp: flags.upnp,
    peers: flags.peer,
    timeoutSeconds: flags.timeout,
  };
}
