/** `share seed SOURCE PATH`: seeds data that are here, for torrents that exist. */
import { statSync } from "node:fs";
import { Command } from "commander";
import type { PublishEvent } from "../share/events.ts";
import type { SeedOptions } from "../share/seed.ts";
import { resolveSource } from "./local-source.ts";
import { addExamples, type CommonFlags, createOutput, type Surroundings, slots } from "./options.ts";
import {
  addPortFlags,
  addTransferFlags,
  type PortFlags,
  type TransferFlags,
  transferOptions,
} from "./shared-flags.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";

interface SeedFlags extends CommonFlags, TransferFlags, PortFlags {
  readonly slots?: number;
  readonly cacheDir?: string;
  readonly qr: boolean;
}

export function seedCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("seed")
    .usage("SOURCE PATH [flags]")
    .description(
      "Seed a file or folder that is here, for a torrent that exists; or every torrent of a folder, with data in another.",
    )
    .argument("<source>")
    .argument("<path>");
  addPortFlags(command)
    .optionsGroup("Traffic:")
    .option("--slots <n>", "send to so many at once (default: by capacity)", slots);
  addTransferFlags(command)
    .optionsGroup("On this machine:")
    .option("--cache-dir <dir>", "where ports and IDs are remembered")
    .option("--no-qr", "no QR code");
  return addExamples(command, EXAMPLES).action(async (source: string, path: string, flags: SeedFlags) => {
    report(await runSeed(source, path, flags, surroundings));
  });
}

const EXAMPLES = [
  "share seed debian.torrent ~/Downloads/debian.iso",
  "share seed ./torrents ./data    each torrent put there, until it is taken away",
];

async function runSeed(
  source: string,
  path: string,
  flags: SeedFlags,
  surroundings: Surroundings,
): Promise<number> {
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  const found = isFolder ? undefined : findSource(source);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  const { PublishView } = await import("./ui/publish-view.ts");
  const terms = { expireSeconds: undefined, untilCopies: undefined, unlisted: false, password: false };
  const { openDisplay } = await import("./ui/display.ts");
  const display = await openDisplay(output, surroundings, "up");
  const view = new PublishView(output, { qr: flags.qr, terms, work: "checking" }, display.show);
  try {
    const { seed, seedFolder } = await import("../share.ts");
    const onEvent = (event: PublishEvent) => {
      output.event(event);
      view.show(event);
    };
    const options = { ...seedOptions(flags), onEvent, signal: stop.signal };
    const publication =
      found === undefined
        ? await seedFolder(source, path, options)
        : await seed(await resolveSource(found, { output, lan: flags.lan }, stop.signal), path, options);
    display.attach(publication);
    try {
      await publication.ready;
      await publication.closed;
    } finally {
      await publication.close();
    }
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    view.close();
    display.close();
    stop.release();
  }
}

function seedOptions(flags: SeedFlags): SeedOptions {
  return {
    ...transferOptions(flags),
    port: flags.port,
    bind: flags.bind,
    publicUrl: flags.publicUrl,
    trustProxies: flags.trustProxy,
    slots: flags.slots,
    cacheDir: flags.cacheDir,
  };
}
