/** Finds out which command is meant, parses its flags and runs it. */
import { existsSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { escapeForTerminal, escapeLines, jsonLine } from "../protocol/escape.ts";
import { version } from "../share/version.ts";
import { allCommands, wordOf } from "./commands.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { type CommonFlags, createOutput, type Surroundings } from "./options.ts";
import { describeError } from "./output.ts";
import { ROOT_HELP } from "./root-help.ts";
import { applySettings } from "./settings.ts";
import { smallTextOf } from "./small-text.ts";
import { meansGet } from "./source.ts";
import { type CaughtSignals, endedBySignals, takeSignals } from "./stop.ts";
import { suggest } from "./suggest.ts";
import { askSecret } from "./ui/ask.ts";
import { readKeys } from "./ui/keys.ts";
import { UsageError } from "./units.ts";

/** Runs in the real process and sets its exit code; the process ends by itself when nothing is left to do. */
export async function main(
  args: readonly string[],
  readerGone: AbortSignal,
  signals: CaughtSignals,
): Promise<void> {
  takeSignals(signals);
  // Progress that nobody can see is no reason to fail.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => {
    process.stderr.write(`error: ${escapeForTerminal(describeError(error).message)}\n`);
    if (args.includes("-v") || args.includes("--verbose"))
      process.stderr.write(`${escapeLines(error.stack ?? "")}\n`);
    process.exit(1);
  });
  const exitCode = await run(args, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    now: () => performance.now(),
    ...(process.stdin.isTTY &&
      process.stderr.isTTY && {
        askSecret,
        keys: process.stdin,
        readKeys,
        screenRows: () => process.stderr.rows,
      }),
    writeBytes: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    ...(!process.stdin.isTTY && {
      input: { data: process.stdin, close: () => void process.stdin.destroy() },
    }),
    readInput: (most) => endedBySignals(() => smallTextOf(process.stdin, most)),
    openUrl: async (url) => {
      const { default: open } = await import("open");
      const opener = await open(url);
      // That there is no such program is told later, and unheard it would end us. What it says on its end doesn't matter.
      await new Promise<void>((resolve, reject) => {
        opener.once("spawn", resolve).once("error", reject);
        if (opener.pid !== undefined) resolve();
      });
    },
    readerGone,
  });
  process.exitCode = exitCode;
  // Nothing should be left; should something be all the same, the user must not have to kill us.
  setTimeout(() => process.exit(), 3_000).unref();
}

/** Runs one command line. @returns the exit code. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode = 0;
  const report = (code: number) => {
    exitCode = code;
  };
  const commands = allCommands(surroundings, report);
  for (const command of commands) {
    command.hook("preAction", async () => {
      refuseEmpty(command);
      await applySettings(command, commands, surroundings.env, (message) =>
        createOutput(command.opts<CommonFlags>(), surroundings).warn(message),
      );
    });
  }
  let chosen: Command | undefined;
  try {
    const { command, rest } = choose(args, commands);
    chosen = command;
    await (command ?? root(surroundings)).parseAsync([...rest], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error, args, surroundings);
    const { json, verbose, color } = chosen?.opts<CommonFlags>() ?? {};
    const output = createOutput(
      {
        json: json ?? args.includes("--json"),
        verbose: verbose ?? (args.includes("-v") || args.includes("--verbose")),
        color: color ?? true,
      },
      surroundings,
    );
    output.fail(error);
    return exitCodeOf(error);
  }
}

/** Commander has said it on stderr already; programs get it on stdout, too. */
function commanderExit(error: CommanderError, args: readonly string[], surroundings: Surroundings): number {
  if (error.exitCode === 0) return 0;
  if (args.includes("--json") && error.code !== "commander.help") {
    const message = error.message.replace(/^error: /, "");
    surroundings.stdout.write(jsonLine({ event: "error", code: "usage", message }));
  }
  return 2;
}

/**
 * `share PATH` publishes and `share URL` gets, so the command is told by the first word that is neither a flag nor
 * the value of one; `./get` is a path because it isn't spelled like the command.
 */
function choose(
  args: readonly string[],
  commands: readonly Command[],
): { readonly command: Command | undefined; readonly rest: readonly string[] } {
  const at = firstOperand(args, commands);
  const word = at === undefined ? undefined : args[at];
  if (at === undefined || word === undefined) {
    return { command: undefined, rest: args };
  }
  const named = commands.find((command) => isCalled(command, word));
  if (named !== undefined) return { command: named, rest: args.toSpliced(at, 1) };
  if (word === "help") {
    const topic = commands.find((command) => isCalled(command, args[at + 1] ?? ""));
    return { command: topic, rest: ["--help"] };
  }
  const meant = meansGet(word) ? "get" : "publish";
  if (meant === "publish") refuseMistyped(word, commands);
  return { command: commands.find((command) => isCalled(command, meant)), rest: args };
}

/** `share "$FOLDER"` with an unset variable must not mean the folder that we are in. */
function refuseEmpty(command: Command): void {
  if (command.args.includes("")) throw new UsageError(`An argument is empty. For the folder you are in: .`);
  for (const option of command.options) {
    // Of configuration files an empty name means none.
    const isPlace = /<(dir|file)>/.test(option.flags) && option.long !== "--config";
    if (!isPlace || command.getOptionValue(option.attributeName()) !== "") continue;
    throw new UsageError(`${option.long} is empty. For the folder you are in: .`);
  }
}

function isCalled(command: Command, word: string): boolean {
  return wordOf(command) === word;
}

/** There is nothing of that name, and it looks like a command. */
function refuseMistyped(word: string, commands: readonly Command[]): void {
  if (!/^[a-z]+$/i.test(word) || existsSync(word)) return;
  const meant = suggest(word.toLowerCase(), commands.map(wordOf));
  if (meant === undefined) return;
  throw new UsageError(`There is neither a command nor a file "${word}". Did you mean: share ${meant}?`);
}

function firstOperand(args: readonly string[], commands: readonly Command[]): number | undefined {
  const options = commands.flatMap((command) => command.options);
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "--") return i + 1 < args.length ? i + 1 : undefined;
    if (!word.startsWith("-") || word === "-") return i;
    if (options.some((option) => option.required && (option.long === word || option.short === word))) i++;
  }
  return undefined;
}

/** What `share` alone shows, and `share --help`. */
function root(surroundings: Surroundings): Command {
  const command = new Command("share")
    .version(version, "--version")
    .option("--json")
    .option("-q, --quiet")
    .option("-v, --verbose")
    .option("--no-color")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      // It repeats arguments, and a shell may have made those of the names of files.
      writeErr: (text) => surroundings.stderr.write(escapeLines(text)),
    });
  command.helpInformation = () => ROOT_HELP;
  // No path at all is a mistake, but one that the help answers best.
  return command.action(() => command.help({ error: true }));
}
