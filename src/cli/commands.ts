/** All subcommands, with what they have in common: the table that help, completions and the man page are made of. */
import type { Command } from "commander";
import { escapeLines } from "../protocol/escape.ts";
import { completionCommand } from "./completion.ts";
import { createCommand } from "./create.ts";
import { doctorCommand } from "./doctor.ts";
import { editCommand } from "./edit.ts";
import { findCommand } from "./find.ts";
import { getCommand } from "./get.ts";
import { infoCommand } from "./info.ts";
import { addCommonFlags, type Surroundings } from "./options.ts";
import { publishCommand } from "./publish.ts";
import { seedCommand } from "./seed.ts";
import { trackerCommand } from "./tracker.ts";
import { verifyCommand } from "./verify.ts";

/** @param report told of the exit code of the one that runs */
export function allCommands(surroundings: Surroundings, report: (code: number) => void): readonly Command[] {
  const commands: readonly Command[] = [
    publishCommand,
    getCommand,
    findCommand,
    infoCommand,
    createCommand,
    verifyCommand,
    editCommand,
    seedCommand,
    trackerCommand,
    doctorCommand,
    (...given: [Surroundings, (code: number) => void]) => completionCommand(...given, () => commands),
  ].map((build): Command => forUs(build(surroundings, report), surroundings));
  return commands;
}

/** The word that calls it: "get". */
export function wordOf(command: Command): string {
  return command.name().replace(/^share /, "");
}

function forUs(command: Command, surroundings: Surroundings): Command {
  // Usage lines and messages say "share get", which is what people type.
  return addCommonFlags(command.name(`share ${command.name()}`))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      // It repeats arguments, and a shell may have made those of the names of files.
      writeErr: (text) => surroundings.stderr.write(escapeLines(text)),
      getOutHelpWidth: () => 80,
      getErrHelpWidth: () => 80,
    });
}
