/** `share doctor [SOURCE]`: why others can't reach this machine, or why this machine can't get a source. */
import { Command } from "commander";
import type { SoughtSource } from "../share/doctor/doctor.ts";
import type { CheckEvent } from "../share/events.ts";
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
import { findSource, type LocalName } from "./source.ts";
import { listenForStop } from "./stop.ts";
import { UsageError } from "./units.ts";

interface DoctorFlags extends CommonFlags, PasswordFlags {
  readonly port?: number;
  readonly peer?: readonly string[];
  readonly timeout: number;
}

export function doctorCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("doctor")
    .usage("[SOURCE] [flags]")
    .description("Say why others can't reach this machine, or why this machine can't get SOURCE.")
    .argument("[source]")
    .option("--port <n>", "of a publisher that runs here (default: one that is free)", port)
    .option("--peer <host:port>", "try this peer of SOURCE, too (repeatable)", collectPeers)
    .option("--timeout <duration>", "for each step with SOURCE", duration, 10);
  addPasswordFlags(command, "of the share; it is asked for, too");
  return addExamples(command, EXAMPLES).action(async (source: string | undefined, flags: DoctorFlags) => {
    report(await runDoctor(source, flags, surroundings));
  });
}

const EXAMPLES = [
  "share doctor    can others reach this machine?",
  "share doctor --port 6881    the same, of a publisher that runs",
  "share doctor http://192.168.1.20:6881/s/k3f9x2mw    run where it can't be got",
  "share doctor --json | jq 'select(.verdict == \"fail\")'",
];

async function runDoctor(
  text: string | undefined,
  flags: DoctorFlags,
  surroundings: Surroundings,
): Promise<number> {
  if (text !== undefined && flags.port !== undefined)
    throw new UsageError("--port is one of this machine, and so for share doctor without a source.");
  const source = text === undefined ? undefined : findSource(text);
  const access = await accessFrom(flags, surroundings);
  const output = createOutput(flags, surroundings);
  const stop = listenForStop(surroundings.readerGone);
  try {
    const { examineMachine, examineSource } = await import("../share.ts");
    const { checkLines, diagnosisLine } = await import("./ui/doctor-view.ts");
    const onEvent = (event: CheckEvent) => {
      output.event(event);
      if (!flags.quiet || event.verdict === "fail" || event.verdict === "warn")
        for (const line of checkLines(event)) output.result(line);
    };
    const diagnosis =
      source === undefined
        ? await examineMachine({ onEvent, port: flags.port }, stop.signal)
        : await examineSource(
            source.kind === "local" ? sought(source, output) : source,
            { ...access, onEvent, peers: flags.peer, stepSeconds: flags.timeout },
            stop.signal,
          );
    output.event(diagnosis);
    output.result(diagnosisLine(diagnosis));
    if (source === undefined)
      output.note("Only another machine can prove that others get in. Run share doctor URL there.");
    return diagnosis.failures === 0 ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    throw error;
  } finally {
    stop.release();
  }
}

function sought(source: LocalName, output: Output): SoughtSource {
  const find = (signal: AbortSignal) => resolveSource(source, { output, lan: true }, signal);
  return { kind: "sought", text: source.text, find };
}
