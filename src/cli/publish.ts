/** `share PATH...`: publishes until it is stopped. */
import { Command } from "commander";
import type { ListeningEvent, PublishEvent } from "../share/events.ts";
import type { PublishOptions } from "../share/publish.ts";
import {
  type CommonFlags,
  collect,
  collectProxies,
  collectTrackers,
  copies,
  createOutput,
  duration,
  passwordFrom,
  pieceSize,
  port,
  publicUrl,
  rate,
  type Surroundings,
  slots,
} from "./options.ts";
import type { Output } from "./output.ts";
import { listenForStop } from "./stop.ts";

interface PublishFlags extends CommonFlags {
  readonly port?: number;
  readonly bind?: readonly string[];
  readonly publicUrl?: string;
  readonly trustProxy?: readonly string[];
  readonly name?: string;
  readonly pieceSize?: number;
  readonly tracker?: readonly string[];
  readonly private?: boolean;
  readonly unlisted?: boolean;
  readonly password?: string;
  readonly expire?: number;
  readonly untilCopies?: number;
  readonly limitUp?: number;
  readonly limitDown?: number;
  readonly slots?: number;
  readonly lan: boolean;
  readonly qr: boolean;
  readonly open?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly cacheDir?: string;
}

export function publishCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  let followed = 0;
  return new Command("publish")
    .usage("PATH... [flags]")
    .description("Publish files or folders until stopped.")
    .argument("<path...>", "files or folders; several are several shares")
    .option("--port <n>", "listen here (default: as last time, else from 6881)", port)
    .option("--bind <address>", "listen on this address only (repeatable)", collect)
    .option("--public-url <url>", "how others reach this port from outside", publicUrl)
    .option("--trust-proxy <address>", "believe its X-Forwarded-* (repeatable)", collectProxies)
    .option("--name <name>", "another name for the share")
    .option("--piece-size <size>", "16KiB to 64MiB (default: by size)", pieceSize)
    .option("--tracker <url>", "an extra tracker (repeatable)", collectTrackers)
    .option("--private", "peers from trackers only (BEP 27)")
    .option("--unlisted", "only for those who know the URL: in no list")
    .option("--password <password>", "nobody gets anything without it (or set BOOJUM_PASSWORD)")
    .option("--expire <duration>", "end the share after so long, e.g. 2h", duration)
    .option("--until-copies <n>", "end it when so many receivers are complete", copies)
    .option("--limit-up <rate>", "send no faster, e.g. 5MB/s", rate)
    .option("--limit-down <rate>", "receive no faster", rate)
    .option("--slots <n>", "send to so many at once (default: by capacity)", slots)
    .option("--include <glob>", "only these files (repeatable)", collect)
    .option("--exclude <glob>", "not these files (repeatable)", collect)
    .option("--follow-symlinks", "inside the share; given twice: anywhere")
    .option("--cache-dir <dir>", "where ports and IDs are remembered")
    .option("--no-lan", "don't look for peers on the local network")
    .option("--no-qr", "no QR code")
    .option("--open", "open the page in a browser")
    .on("option:follow-symlinks", () => followed++)
    .action(async (paths: string[], flags: PublishFlags) => {
      const followSymlinks = followed >= 2 ? 2 : followed === 1 ? 1 : 0;
      const password = passwordFrom(flags, surroundings);
      const options = { ...publishOptions(flags, followSymlinks), password };
      report(await runPublish(paths, options, flags, surroundings));
    });
}

function publishOptions(flags: PublishFlags, followSymlinks: 0 | 1 | 2): PublishOptions {
  return {
    port: flags.port,
    bind: flags.bind,
    publicUrl: flags.publicUrl,
    trustProxies: flags.trustProxy,
    name: flags.name,
    pieceLength: flags.pieceSize,
    trackers: flags.tracker,
    private: flags.private,
    unlisted: flags.unlisted,
    expireSeconds: flags.expire,
    untilCopies: flags.untilCopies,
    limitUp: flags.limitUp,
    limitDown: flags.limitDown,
    slots: flags.slots,
    include: flags.include,
    exclude: flags.exclude,
    cacheDir: flags.cacheDir,
    followSymlinks,
  };
}

async function runPublish(
  paths: readonly string[],
  options: PublishOptions,
  flags: PublishFlags,
  surroundings: Surroundings,
): Promise<number> {
  const output = createOutput(flags, surroundings);
  const stop = listenForStop();
  surroundings.readerGone.addEventListener("abort", () => stop.stop("nobody reads the output"));
  // Loaded here, so that help and mistakes are answered without all this.
  const { PublishView } = await import("./ui/publish-view.ts");
  const view = new PublishView(output, flags.qr, surroundings.now);
  try {
    const { publish } = await import("../share.ts");
    const onEvent = (event: PublishEvent) => {
      output.event(event);
      view.show(event);
      if (event.event === "listening" && flags.open) openPage(event, surroundings, output);
    };
    const publication = await publish(paths, { ...options, onEvent, signal: stop.signal });
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
    stop.release();
  }
}

function openPage(event: ListeningEvent, surroundings: Surroundings, output: Output): void {
  const [first] = event.shares;
  const url = event.shares.length === 1 ? first?.url : event.urls[0];
  surroundings.openUrl(url ?? "").catch((error: unknown) => {
    output.warn(`The page can't be opened here: ${error instanceof Error ? error.message : String(error)}`);
  });
}
