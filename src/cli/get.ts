/** `share get SOURCE`: downloads, and seeds meanwhile. */
import { Command } from "commander";
import type { GetEvent } from "../share/events.ts";
import type { GetOptions } from "../share/get-types.ts";
import type { Source } from "../share/source.ts";
import { resolveSource } from "./local-source.ts";
import {
  addExamples,
  type CommonFlags,
  collect,
  collectPeers,
  createOutput,
  duration,
  port,
  ratio,
  type Surroundings,
} from "./options.ts";
import type { Output } from "./output.ts";
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { pickShare } from "./pick-share.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./shared-flags.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";
import { UsageError } from "./units.ts";

interface GetFlags extends CommonFlags, PasswordFlags, TransferFlags {
  readonly out: string;
  readonly select?: readonly string[];
  readonly seed?: boolean;
  readonly seedFor?: number;
  readonly seedRatio?: number;
  readonly overwrite?: boolean;
  readonly port?: number;
  readonly peer?: readonly string[];
  readonly timeout?: number;
}

export function getCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("get")
    .usage("[SOURCE] [flags]")
    .description("Download a URL, magnet link or .torrent, or what is shared here; again continues.")
    .argument("[source]")
    .optionsGroup("What, and where to:")
    .option("-o, --out <dir>", "put it into this folder", ".")
    .option("--select <glob>", "only these files (repeatable)", collect)
    .option("--overwrite", "replace files that are there and differ")
    .option("--timeout <duration>", "give up after so long without data (default: 10m)", duration);
  addPasswordFlags(command, "of the share; it is asked for, too")
    .optionsGroup("Afterwards:")
    .option("--seed", "keep seeding until stopped")
    .option("--seed-for <duration>", "keep seeding for so long, e.g. 30m", duration)
    .option("--seed-ratio <ratio>", "seed until so many copies are sent, e.g. 1.5", ratio)
    .optionsGroup("Traffic:")
    .option("--port <n>", "listen for peers here (default: first free from 6881)", port)
    .option("--peer <host:port>", "ask this peer, too (repeatable)", collectPeers);
  return addExamples(addTransferFlags(command), EXAMPLES).action(
    async (source: string | undefined, flags: GetFlags) =>
      report(await runGet(chooser(source, flags, surroundings), flags, surroundings)),
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
  "share get debian.torrent --seed-ratio 1",
];

/** What is meant; undefined when there is nothing to get, which is no mistake. */
type Choose = (output: Output, signal: AbortSignal) => Promise<Source | undefined>;

/** @returns the exit code. */
export async function runGet(choose: Choose, flags: GetFlags, surroundings: Surroundings): Promise<number> {
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const source = await choose(output, stop.signal);
    if (source === undefined) return 0;
    const options = { ...getOptions(flags), ...access, signal: stop.signal };
    await download(source, options, output, surroundings);
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    output.event({ event: "error", code: "interrupted", message: INTERRUPTED });
    output.note(INTERRUPTED);
    return 130;
  } finally {
    stop.release();
  }
}

async function download(
  source: Source,
  options: GetOptions,
  output: Output,
  surroundings: Surroundings,
): Promise<void> {
  // Loaded here, so that help and mistakes are answered without all this.
  const { GetView } = await import("./ui/get-view.ts");
  const { openDisplay } = await import("./ui/display.ts");
  const display = await openDisplay(output, surroundings, "down");
  const view = new GetView(output, display.show);
  try {
    const { get } = await import("../share/get.ts");
    const onEvent = (event: GetEvent) => {
      output.event(event);
      view.show(event);
    };
    const running = await get(source, { ...options, onEvent, onWork: (work) => view.prepare(work) });
    display.attach(running);
    await running.done;
    await running.closed;
  } finally {
    view.close();
    display.close();
  }
}

const INTERRUPTED = "Interrupted; what is there is kept. The same command again continues.";

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
    port: flags.port,
    peers: flags.peer,
    timeoutSeconds: flags.timeout,
  };
}
