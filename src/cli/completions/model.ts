/** What shells need to know of the commands, read from the very table that --help is made of. */
import type { Command, Option } from "commander";
import { isOffered } from "../options.ts";

/** What follows a flag: nothing, a path, one of some words, or something that nobody can guess. */
export type Takes =
  | { readonly kind: "nothing" | "file" | "dir" | "text" }
  | { readonly kind: "words"; readonly words: readonly string[] };

export interface Flag {
  readonly long: string;
  readonly short: string | undefined;
  readonly takes: Takes;
  readonly repeatable: boolean;
  readonly description: string;
}

export interface Completable {
  readonly word: string;
  readonly description: string;
  readonly flags: readonly Flag[];
  /** What it is given besides flags. */
  readonly operands: Takes;
}

export function completable(
  commands: readonly Command[],
  isRepeatable: (option: Option) => boolean,
): readonly Completable[] {
  return commands.map((command) => {
    const help = command.createHelp();
    return {
      word: command.name().replace(/^share /, ""),
      description: command.description(),
      flags: [
        ...command.options.filter(isOffered).map((option) => ({
          long: option.long ?? "",
          short: option.short,
          takes: option.required ? taken(option.flags, option.argChoices) : ({ kind: "nothing" } as const),
          repeatable: isRepeatable(option),
          description: help.optionDescription(option),
        })),
        {
          long: "--help",
          short: "-h",
          takes: { kind: "nothing" },
          repeatable: false,
          description: "show help",
        },
      ],
      operands: operandsOf(command),
    };
  });
}

function operandsOf(command: Command): Takes {
  const [first] = command.registeredArguments;
  if (first === undefined) return { kind: "nothing" };
  return first.argChoices === undefined ? { kind: "file" } : { kind: "words", words: first.argChoices };
}

/** The placeholder says it: `-o, --out <dir>`. */
function taken(flags: string, choices: readonly string[] | undefined): Takes {
  if (choices !== undefined) return { kind: "words", words: choices };
  const placeholder = /<([^>]+)>/.exec(flags)?.[1];
  return { kind: placeholder === "file" || placeholder === "dir" ? placeholder : "text" };
}
