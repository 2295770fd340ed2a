/** `share verify SOURCE PATH`: compares files with a torrent, and fetches what is wrong. */
import { Command } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import type { VerifiedEvent } from "../share/events.ts";
import type { VerifyOptions } from "../share/tools/verify.ts";
import { resolveSource } from "./local-source.ts";
import {
  addExamples,
  type CommonFlags,
  collectPeers,
  createOutput,
  duration,
  port,
  type Surroundings,
} from "./options.ts";
import type { Output } from "./output.ts";
import { accessFrom, addPasswordFlags, type PasswordFlags } from "./password.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./shared-flags.ts";
import { findSource } from "./source.ts";
import { listenForStop } from "./stop.ts";
import { countOf, formatBytes, formatCount } from "./units.ts";

interface VerifyFlags extends CommonFlags, PasswordFlags, TransferFlags {
  readonly repair?: boolean;
  readonly manifest?: string;
  readonly port?: number;
  readonly peer?: readonly string[];
  readonly timeout?: number;
}

/** The data do not match. */
const MISMATCH = 3;

export function verifyCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("verify")
    .usage("SOURCE PATH [flags]")
    .description("Compare a file or folder with a torrent. Exit code 3: it differs.")
    .argument("<source>")
    .argument("<path>")
    .option("--repair", "fetch what is wrong or missing, and nothing else")
    .option("--manifest <file>", "write SHA-256 sums of the good files, for sha256sum -c");
  addPasswordFlags(command, "of the share; it is asked for, too")
    .optionsGroup("For the repair:")
    .option("--timeout <duration>", "give up after so long without data (default: 10m)", duration)
    .option("--port <n>", "listen for peers here (default: first free from 6881)", port)
    .option("--peer <host:port>", "ask this peer, too (repeatable)", collectPeers);
  return addExamples(addTransferFlags(command), EXAMPLES).action(
    async (source: string, path: string, flags: VerifyFlags) =>
      report(await runVerify(source, path, flags, surroundings)),
  );
}

const EXAMPLES = [
  "share verify debian.torrent ~/Downloads/debian.iso",
  "share verify http://192.168.1.20:6881/s/k3f9x2mw ./photos --repair",
  "share verify photos.torrent ./photos --manifest photos.sha256",
];

async function runVerify(
  source: string,
  path: string,
  flags: VerifyFlags,
  surroundings: Surroundings,
): Promise<number> {
  const found = findSource(source);
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  const { verify } = await import("../share/tools/verify.ts");
  const view = await openView(output, surroundings);
  try {
    const where = await resolveSource(found, { output, lan: flags.lan }, stop.signal);
    const options = { ...access, ...repairOptions(flags), ...view.options };
    const event = await verify(where, path, options, stop.signal);
    view.close();
    output.event(event);
    showVerified(output, event);
    return event.good === event.files.length ? 0 : MISMATCH;
  } catch (error) {
    view.close();
    if (!stop.signal.aborted) throw error;
    output.note("Interrupted; what is there is kept.");
    return 130;
  } finally {
    stop.release();
  }
}

function repairOptions(flags: VerifyFlags): VerifyOptions {
  return {
    ...transferOptions(flags),
    repair: flags.repair,
    manifest: flags.manifest,
    port: flags.port,
    peers: flags.peer,
    timeoutSeconds: flags.timeout,
  };
}

/** Shows how far it is: checking, then perhaps the repair, and checking again. */
async function openView(output: Output, { now }: Surroundings) {
  const [{ showProgress }, { GetView }] = await Promise.all([
    import("./ui/progress.ts"),
    import("./ui/get-view.ts"),
  ]);
  let checking = showProgress(output, "checking", now);
  const repairing = new GetView(output, (title) => showProgress(output, title, now));
  const options: VerifyOptions = {
    onProgress: (bytesDone, bytesTotal) => checking.update({ bytesDone, bytesTotal }),
    onFound: (before) => {
      checking.stop();
      output.event(before);
      showDamage(before, (line) => output.note(line));
      checking = showProgress(output, "checking", now);
    },
    onEvent: (event) => {
      output.event(event);
      // What is done is told when it was checked.
      if (event.event === "done") repairing.close();
      else repairing.show(event);
    },
    onWork: (work) => repairing.prepare(work),
  };
  const close = () => {
    checking.stop();
    repairing.close();
  };
  return { options, close };
}

function showVerified(output: Output, event: VerifiedEvent): void {
  showDamage(event, (line) => output.result(line));
  const part = event.bytes === 0 ? 100 : Math.floor((event.goodBytes / event.bytes) * 100);
  const files = `${formatCount(event.good)} of ${countOf(event.files.length, "file")} good`;
  output.result(`${files}, ${part} % of ${formatBytes(event.bytes)}`);
  if (event.meant === undefined) return;
  output.warn(`Nothing of it is in ${event.path}. Did you mean ${event.meant}?`);
}

/** A line for each file that isn't good. */
function showDamage({ files }: VerifiedEvent, tell: (line: string) => void): void {
  for (const { path, state, bytes, goodBytes } of files) {
    if (state === "good") continue;
    const good = state === "missing" ? "" : `  (${formatBytes(goodBytes)} of ${formatBytes(bytes)} good)`;
    tell(`${state.padEnd(8)} ${escapeForTerminal(path)}${good}`);
  }
}
