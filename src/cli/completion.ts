/** `share completion SHELL`: prints what makes the shell complete our commands and flags. */
import { Argument, Command } from "commander";
import { addExamples, type CommonFlags, createOutput, type Surroundings } from "./options.ts";
import { isRepeatable } from "./repeatable.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** @param all every command, this one included */
export function completionCommand(
  surroundings: Surroundings,
  report: (code: number) => void,
  all: () => readonly Command[],
): Command {
  const command = new Command("completion")
    .usage("bash|zsh|fish")
    .description("Print what makes your shell complete commands and flags.")
    .addArgument(new Argument("<shell>").choices(SHELLS));
  return addExamples(command, EXAMPLES).action(async (shell: (typeof SHELLS)[number], flags: CommonFlags) => {
    createOutput(flags, surroundings).result((await scriptFor(shell, all())).trimEnd());
    report(0);
  });
}

const EXAMPLES = [
  "source <(share completion bash)         in ~/.bashrc; zsh in ~/.zshrc",
  "share completion fish | source          in ~/.config/fish/config.fish",
];

async function scriptFor(shell: (typeof SHELLS)[number], all: readonly Command[]): Promise<string> {
  const { completable } = await import("./completions/model.ts");
  const commands = completable(all, isRepeatable);
  switch (shell) {
    case "bash":
      return (await import("./completions/bash.ts")).bashCompletion(commands);
    case "zsh":
      return (await import("./completions/zsh.ts")).zshCompletion(commands);
    case "fish":
      return (await import("./completions/fish.ts")).fishCompletion(commands);
  }
}
