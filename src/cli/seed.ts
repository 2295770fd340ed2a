/** `share seed SOURCE PATH`: seeds data that are here, for torrents that exist. */
import { statSync } from "node:fs";
import { Command } from "commander";
import type { SeedOptions } from "../share/publish/seed.ts";
import { resolveSource } from "./local-source.ts";
import { addExamples, type CommonFlags, createOutput, type Surroundings, slots } from "./options.ts";
import { runPublication } from "./run-publication.ts";
import {
  addPortFlags,
  addTransferFlags,
  type PortFlags,
  portOptions,
  type TransferFlags,
  transferOptions,
} from "./shared-flags.ts";
import { findSource } from "./source.ts";

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
    .option("--cache-dir <dir>", "where ports, IDs and hashes are remembered")
    .option("--no-qr", "no QR code");
  return addExamples(command, EXAMPLES).action(async (source: string, path: string, flags: SeedFlags) => {
    report(await runSeed(source, path, flags, surroundings));
  });
}

const EXAMPLES = [
  "share seed debian.torrent ~/Downloads/debian.iso",
  "share seed ./torrents ./data    each torrent put there, until it is taken away",
];

function runSeed(
  source: string,
  path: string,
  flags: SeedFlags,
  surroundings: Surroundings,
): Promise<number> {
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  const found = isFolder ? undefined : findSource(source);
  const output = createOutput(flags, surroundings);
  const terms = { expireSeconds: undefined, untilCopies: undefined, unlisted: false, password: false };
  return runPublication({
    output,
    surroundings,
    view: { qr: flags.qr, terms, work: "checking" },
    open: async (onEvent, signal) => {
      const { seed, seedFolder } = await import("../share/publish/seed.ts");
      const options = { ...seedOptions(flags), onEvent, signal };
      if (found === undefined) return await seedFolder(source, path, options);
      return await seed(await resolveSource(found, { output, lan: flags.lan }, signal), path, options);
    },
  });
}

function seedOptions(flags: SeedFlags): SeedOptions {
  return {
    ...transferOptions(flags),
    ...portOptions(flags),
    slots: flags.slots,
    cacheDir: flags.cacheDir,
  };
}
