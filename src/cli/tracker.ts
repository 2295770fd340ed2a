/** `share tracker`: only the tracker; `share tracker report FILE`: what its log says. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import type { TrackerEvent } from "../share/events.ts";
import type { TrackerReport } from "../share/track/tracker-log.ts";
import { addExamples, type CommonFlags, collect, createOutput, port, type Surroundings } from "./options.ts";
import type { Output } from "./output.ts";
import { endOnSignals, listenForStop } from "./stop.ts";
import { countOf, UsageError } from "./units.ts";
import { capYoungObjects } from "./young-objects.ts";

interface TrackerFlags extends CommonFlags {
  readonly port?: number;
  readonly bind?: readonly string[];
  readonly allow?: string;
  readonly state?: string;
  readonly log?: string;
  readonly showNames?: boolean;
}

export function trackerCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("tracker")
    .usage("[flags] | report FILE")
    .description("Track torrents over HTTP and UDP until stopped; or sum up a log.")
    .argument("[action]")
    .argument("[file]")
    .option("--port <n>", "listen here (default: 6969, else first free from 6881)", port)
    .option("--bind <address>", "listen on this address only (repeatable)", collect)
    .option("--allow <dir>", "track the .torrent files of this folder only (default: any)")
    .option("--state <file>", "keep swarms and counts here while stopped")
    .option("--log <file>", "note each event here, a JSON line each")
    .option("--show-names", "names on /stats, not only info hashes");
  return addExamples(command, EXAMPLES).action(
    async (action: string | undefined, file: string | undefined, flags: TrackerFlags) => {
      if (action === undefined) report(await runTracker(flags, surroundings));
      else if (action === "report" && file !== undefined) report(await runReport(file, flags, surroundings));
      else throw new UsageError('Write "share tracker", or "share tracker report FILE" with a log.');
    },
  );
}

const EXAMPLES = [
  "share tracker --state swarms.json                any torrent; remembered",
  "share tracker --allow ./torrents --log t.jsonl   these only, and a log of them",
  "share tracker report t.jsonl                     who came, hour by hour",
];

async function runTracker(flags: TrackerFlags, surroundings: Surroundings): Promise<number> {
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const { runTracker: run } = await import("../share/track/tracker.ts");
    const { port: at, bind, allow, state, log, showNames } = flags;
    const onEvent = (event: TrackerEvent) => {
      output.event(event);
      show(output, event);
    };
    const peerEvents = output.json || output.verbose;
    const tracker = await run({ port: at, bind, allow, state, log, showNames, onEvent, peerEvents });
    // Loading is done, and what comes now lives for one announce: 13 MiB less.
    capYoungObjects();
    if (!stop.signal.aborted) {
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }));
    }
    await tracker.close();
    return 0;
  } finally {
    stop.release();
  }
}

function show(output: Output, event: TrackerEvent): void {
  if (event.event === "listening") {
    for (const url of event.urls) output.result(url);
    output.note("Ctrl-C stops.");
  } else if (event.event === "peer") {
    const { state, client, address, infoHash } = event;
    output.detail(escapeForTerminal(`${state}: ${client} at ${address}, ${infoHash}`));
  } else if (event.event === "warning") output.warn(event.message);
}

async function runReport(file: string, flags: TrackerFlags, surroundings: Surroundings): Promise<number> {
  endOnSignals();
  const output = createOutput(flags, surroundings);
  const { readReport } = await import("../share/track/tracker-log.ts");
  const found = await readReport(file);
  output.event(found);
  showReport(output, found);
  return 0;
}

/** Columns of the longest bar. */
const WIDTH = 40;
const SHOWN = 48;

function showReport(output: Output, found: TrackerReport): void {
  if (found.from === null) {
    output.result("The log has no events.");
    return;
  }
  output.result(escapeForTerminal(`${found.from} to ${found.to}`));
  output.result(
    `${countOf(found.torrents, "torrent")}: ${found.joined} joined, ${found.completed} completed, ${found.left} left`,
  );
  if (found.unreadable > 0) output.warn(`${countOf(found.unreadable, "line")} could not be read.`);
  const hours = found.hours.slice(-SHOWN);
  const most = Math.max(1, ...hours.map(({ joined }) => joined));
  output.result("\nhour (UTC)          joined, completed");
  for (const { hour, joined, completed } of hours) {
    const done = Math.min(WIDTH, Math.round((completed / most) * WIDTH));
    const rest = Math.max(0, Math.round((joined / most) * WIDTH) - done);
    output.result(
      `${escapeForTerminal(hour)}  ${"#".repeat(done)}${"-".repeat(rest)} ${joined}, ${completed}`,
    );
  }
  output.result("\ntorrent                                   joined  completed");
  for (const { infoHash, joined, completed } of found.swarms.slice(0, SHOWN)) {
    output.result(
      `${escapeForTerminal(infoHash)}  ${String(joined).padStart(6)}  ${String(completed).padStart(9)}`,
    );
  }
}
