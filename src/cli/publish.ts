/** `share PATH...`: publishes until it is stopped. */
import { Command } from "commander";
import type { ListeningEvent, PublishEvent } from "../share/events.ts";
import type { PipedSource, PublishOptions } from "../share/publish/publish-types.ts";
import {
  addExamples,
  type CommonFlags,
  collectTrackers,
  copies,
  createOutput,
  lifetime,
  type Surroundings,
  slots,
} from "./options.ts";
import type { Output } from "./output.ts";
import { addPasswordFlags, type PasswordFlags, passwordFrom } from "./password.ts";
import { runPublication } from "./run-publication.ts";
import {
  addPortFlags,
  addSourceFlags,
  addTransferFlags,
  type PortFlags,
  portOptions,
  type SourceFlags,
  sourceOptions,
  type TransferFlags,
  transferOptions,
} from "./shared-flags.ts";
import { UsageError } from "./units.ts";

interface PublishFlags extends CommonFlags, PasswordFlags, SourceFlags, TransferFlags, PortFlags {
  readonly name?: string;
  readonly tracker?: readonly string[];
  readonly unlisted?: boolean;
  readonly expire?: number;
  readonly untilCopies?: number;
  readonly slots?: number;
  readonly qr: boolean;
  readonly open?: boolean;
}

export function publishCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("publish")
    .usage("PATH... [flags]")
    .description("Publish files or folders (-: standard input), each as a share, until stopped.")
    .argument("<path...>")
    .optionsGroup("Who may have it, and for how long:")
    .option("--unlisted", "only those who know the URL: it is in no list");
  addPasswordFlags(command, "nobody gets anything without it")
    .option("--expire <duration>", "end the share after so long, e.g. 2h", lifetime)
    .option("--until-copies <n>", "end it when so many receivers are complete", copies);
  addPortFlags(command)
    .option("--tracker <url>", "an extra tracker (repeatable)", collectTrackers)
    .optionsGroup("Traffic:")
    .option("--slots <n>", "send to so many at once (default: by capacity)", slots);
  addTransferFlags(command)
    .optionsGroup("What is in it:")
    .option("--name <name>", "another name for the share");
  addSourceFlags(command, "where ports, IDs and hashes are remembered")
    .optionsGroup("On this screen:")
    .option("--no-qr", "no QR code")
    .option("--open", "open the page in a browser");
  return addExamples(command, EXAMPLES).action(async (paths: string[], flags: PublishFlags) => {
    const options = { ...publishOptions(flags), password: await passwordFrom(flags, surroundings) };
    report(await runPublish(paths, options, flags, surroundings));
  });
}

const EXAMPLES = [
  "share ./photos                              a folder, for everybody here",
  "share ./photos --unlisted --expire 2h       for those with the link, not long",
  "share a.iso b.iso --until-copies 12 --open  until 12 have it; show the page",
  "tar c . | share - --name backup.tar         what comes by the pipe",
];

function publishOptions(flags: PublishFlags): PublishOptions {
  return {
    ...sourceOptions(flags),
    ...transferOptions(flags),
    ...portOptions(flags),
    name: flags.name,
    trackers: flags.tracker,
    unlisted: flags.unlisted,
    expireSeconds: flags.expire,
    untilCopies: flags.untilCopies,
    slots: flags.slots,
  };
}

async function runPublish(
  paths: readonly string[],
  options: PublishOptions,
  flags: PublishFlags,
  surroundings: Surroundings,
): Promise<number> {
  if (!paths.includes("-")) return await runSources(paths, options, flags, surroundings);
  const { input } = surroundings;
  const { name, ...rest } = options;
  if (paths.length > 1)
    throw new UsageError("Standard input (-) is published alone: start another share for the rest.");
  if (input === undefined)
    throw new UsageError("Standard input is the terminal: tar c . | share - --name backup.tar");
  if (name === undefined)
    throw new UsageError("What comes by standard input has no name: give it one with --name.");
  try {
    return await runSources([{ name, data: input.data }], rest, flags, surroundings);
  } finally {
    // Whoever still writes there hears that nobody reads.
    input.close();
  }
}

function runSources(
  sources: readonly (string | PipedSource)[],
  options: PublishOptions,
  flags: PublishFlags,
  surroundings: Surroundings,
): Promise<number> {
  const output = createOutput(flags, surroundings);
  const { expireSeconds, untilCopies, unlisted = false, password } = options;
  const terms = { expireSeconds, untilCopies, unlisted, password: password !== undefined };
  return runPublication({
    output,
    surroundings,
    view: { qr: flags.qr, terms },
    open: async (tell, signal) => {
      const { publish } = await import("../share/publish/publish.ts");
      const onEvent = (event: PublishEvent) => {
        tell(event);
        if (event.event === "listening" && flags.open) openPage(event, surroundings, output);
      };
      return await publish(sources, { ...options, onEvent, signal });
    },
  });
}

function openPage(event: ListeningEvent, surroundings: Surroundings, output: Output): void {
  const [first] = event.shares;
  const url = event.shares.length === 1 ? first?.url : event.urls[0];
  surroundings.openUrl(url ?? "").catch((error: unknown) => {
    output.warn(`The page can't be opened here: ${error instanceof Error ? error.message : String(error)}`);
  });
}
