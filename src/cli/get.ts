/** `share get SOURCE`: downloads, and seeds meanwhile. */
import { Command } from "commander";
import type { GetEvent } from "../share/events.ts";
import type { GetOptions } from "../share/get-types.ts";
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
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./shared-flags.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";

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
    .usage("SOURCE [flags]")
    .description("Download a share's URL, a magnet link or a .torrent; again continues.")
    .argument("<source>")
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
  return addExamples(addTransferFlags(command), EXAMPLES).action(async (source: string, flags: GetFlags) =>
    report(await runGet(source, flags, surroundings)),
  );
}

const EXAMPLES = [
  "share get http://192.168.1.20:6881/s/k3f9x2mw -o ~/Downloads",
  "share get http://192.168.1.20:6881/s/k3f9x2mw --select '*.jpg' --seed",
  "share get debian.torrent --seed-ratio 1",
];

async function runGet(source: string, flags: GetFlags, surroundings: Surroundings): Promise<number> {
  const found = findSource(source);
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  // Loaded here, so that help and mistakes are answered without all this.
  const { GetView } = await import("./ui/get-view.ts");
  const { openDisplay } = await import("./ui/display.ts");
  const display = await openDisplay(output, surroundings, "down");
  const view = new GetView(output, display.show);
  try {
    const { get } = await import("../share.ts");
    const onEvent = (event: GetEvent) => {
      output.event(event);
      view.show(event);
    };
    const source = await resolveSource(found, { output, lan: flags.lan }, stop.signal);
    const download = await get(source, {
      ...getOptions(flags),
      ...access,
      onEvent,
      onWork: (work) => view.prepare(work),
      signal: stop.signal,
    });
    display.attach(download);
    await download.done;
    await download.closed;
    return 0;
  } catch (error) {
    view.close();
    display.close();
    if (!stop.signal.aborted) throw error;
    output.event({ event: "error", code: "interrupted", message: INTERRUPTED });
    output.note(INTERRUPTED);
    return 130;
  } finally {
    view.close();
    display.close();
    stop.release();
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
