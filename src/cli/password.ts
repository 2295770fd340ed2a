/** Where a password comes from: a flag, a file, the environment, or whoever sits at the terminal. */
import type { Command } from "commander";
import type { AskPassword } from "../share/source.ts";
import type { CommonFlags, Surroundings } from "./options.ts";
import { readSmallText } from "./small-text.ts";
import { UsageError } from "./units.ts";

/** No password is as long as this; a file that was named by mistake is told soon. */
const MAX_BYTES = 64 * 1024;

export interface PasswordFlags {
  readonly password?: string;
  readonly passwordFile?: string;
}

/** @param help what the password is for */
export function addPasswordFlags(command: Command, help: string): Command {
  return command
    .option("--password <password>", help)
    .option("--password-file <file>", "its first line; - asks, or reads stdin");
}

/** @throws {UsageError} two of them, an empty one, or a file that can't be read. */
export async function passwordFrom(
  { password, passwordFile }: PasswordFlags,
  surroundings: Surroundings,
): Promise<string | undefined> {
  if (password !== undefined && passwordFile !== undefined) {
    throw new UsageError("There are two passwords. Give --password or --password-file, not both.");
  }
  const found = passwordFile === undefined ? password : await fromFile(passwordFile, surroundings);
  if (found === "") throw new UsageError("The password is empty. Choose one, or leave it out.");
  return found;
}

async function fromFile(file: string, { askSecret, readInput }: Surroundings): Promise<string> {
  if (file === "-" && askSecret !== undefined) return await askTwice(askSecret);
  try {
    const text = file === "-" ? ((await readInput?.(MAX_BYTES)) ?? "") : await readSmallText(file, MAX_BYTES);
    return text.split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The password can't be read from "${file}": ${reason}`, { cause: error });
  }
}

/** Who can't see what they type should type it twice. */
async function askTwice(ask: NonNullable<Surroundings["askSecret"]>): Promise<string> {
  const first = (await ask("Password: ")) ?? "";
  if (first !== "" && (await ask("Again: ")) !== first) {
    throw new UsageError("The two passwords differ. Start again.");
  }
  return first;
}

/** The password, and whom to ask for it when there is none. With `--json` a program is on the other side. */
export async function accessFrom(
  flags: CommonFlags & PasswordFlags,
  surroundings: Surroundings,
): Promise<{ readonly password: string | undefined; readonly askPassword: AskPassword | undefined }> {
  const { askSecret } = surroundings;
  // It is asked for by itself, once, and not at all where none is needed.
  const asks = askSecret !== undefined && !flags.json && flags.passwordFile === "-";
  const password = await passwordFrom(asks ? {} : flags, surroundings);
  if (askSecret === undefined || flags.json) return { password, askPassword: undefined };
  const askPassword: AskPassword = (isWrong) =>
    askSecret(isWrong ? "That was wrong. Password: " : "Password: ");
  return { password, askPassword };
}
