/** `share info SOURCE`: everything in a torrent. */
import { Command } from "commander";
import { resolveSource } from "./local-source.ts";
import {
  addExamples,
  type CommonFlags,
  collectPeers,
  createOutput,
  duration,
  type Surroundings,
} from "./options.ts";
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";

interface InfoFlags extends CommonFlags, PasswordFlags {
  readonly peer?: readonly string[];
  readonly timeout: number;
  readonly swarm?: boolean;
}

export function infoCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("info")
    .usage("SOURCE [flags]")
    .description("Show what is in a share's URL, a magnet link or a .torrent.")
    .argument("<source>")
    .option("--swarm", "ask its trackers and peers how many have it")
    .option("--peer <host:port>", "ask this peer, too (repeatable)", collectPeers)
    .option("--timeout <duration>", "for a magnet link: give up after so long", duration, 60);
  addPasswordFlags(command, "of the share; it is asked for, too");
  return addExamples(command, EXAMPLES).action(async (source: string, flags: InfoFlags) => {
    report(await runInfo(source, flags, surroundings));
  });
}

const EXAMPLES = [
  "share info http://192.168.1.20:6881/s/k3f9x2mw",
  "share info debian.torrent --swarm",
  "share info debian.torrent --json | jq '.files[].path'",
];

async function runInfo(source: string, flags: InfoFlags, surroundings: Surroundings): Promise<number> {
  const found = findSource(source);
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const { readInfo } = await import("../share/tools/info.ts");
    const { showInfo } = await import("./ui/info-view.ts");
    const where = await resolveSource(found, { output, lan: true }, stop.signal);
    const info = await readInfo(where, stop.signal, {
      ...access,
      peers: flags.peer,
      timeoutSeconds: flags.timeout,
      swarm: flags.swarm,
    });
    if (output.json) output.event(info);
    else showInfo(output, info);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    throw error;
  } finally {
    stop.release();
  }
}
