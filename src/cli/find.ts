/** `share find`: the shares on the local network, and in a terminal one of them to get. */
import { Command } from "commander";
import { runGet } from "./get.ts";
import { addExamples, type CommonFlags, duration, type Surroundings } from "./options.ts";
import { pickShare } from "./pick-share.ts";

interface FindFlags extends CommonFlags {
  readonly timeout?: number;
}

export function findCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("find")
    .usage("[flags]")
    .description("List what is shared on this network; in a terminal, pick one to get.")
    .option("--timeout <duration>", "look for so long (default: 3s when not in a terminal)", duration);
  return addExamples(command, EXAMPLES).action(async (flags: FindFlags) => {
    const { timeout, ...common } = flags;
    const getFlags = { ...common, out: ".", lan: true };
    report(
      await runGet(
        (output, signal) => pickShare(timeout, output, surroundings, signal),
        getFlags,
        surroundings,
      ),
    );
  });
}

const EXAMPLES = ["share find", "share find --timeout 10s", "share find --json | jq .url"];
