/** What somebody may have meant who mistyped a name. */
import { Command, CommanderError } from "commander";

/** @returns the one of `known` that is spelled most like `word`; undefined when none is. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  // Commander judges similarity for its own messages only.
  const program = new Command().exitOverride().helpCommand(false);
  program.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const name of known) program.command(name);
  try {
    program.parse(["--", word], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return /\(Did you mean (?:one of )?([^,?]+)/.exec(error.message)?.[1];
  }
  return undefined;
}
