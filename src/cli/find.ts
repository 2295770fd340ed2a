/** `share find`: the shares on the local network, and in a terminal one of them to get. */
import { Command } from "commander";
import type { FindEvent } from "../share/events.ts";
import { addExamples, type CommonFlags, createOutput, duration, type Surroundings } from "./options.ts";
import { listenForStop } from "./stop.ts";

interface FindFlags extends CommonFlags {
  readonly timeout?: number;
}

export function findCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("find")
    .usage("[flags]")
    .description("List what is shared on this network; in a terminal, pick one to get.")
    .option(
      "--timeout <duration>",
      "look for so long (default: 3s, in a terminal until one is picked)",
      duration,
    );
  return addExamples(command, EXAMPLES).action(async (flags: FindFlags) => {
    report(await runFind(flags, surroundings));
  });
}

const EXAMPLES = ["share find", "share find --timeout 10s", "share find --json | jq .url"];

async function runFind(flags: FindFlags, surroundings: Surroundings): Promise<number> {
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const { DEFAULT_SEARCH_SECONDS, find } = await import("../share.ts");
    const finding = await find({ onEvent: (event: FindEvent) => output.event(event) });
    try {
      await waitFor(flags.timeout ?? DEFAULT_SEARCH_SECONDS, stop.signal);
      const { shareLines } = await import("./ui/share-lines.ts");
      for (const line of shareLines(finding.shares)) output.result(line);
      if (finding.shares.length === 0) output.note(NOTHING);
    } finally {
      await finding.close();
    }
    return 0;
  } finally {
    stop.release();
  }
}

const NOTHING =
  "Nothing is shared on this network, as far as this machine hears. Is the publisher on it, and multicast let through?";

function waitFor(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1_000);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
