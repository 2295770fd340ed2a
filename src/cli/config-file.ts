/** The configuration file: flags without their dashes, one a line, for all commands or for one. */
import path from "node:path";
import { userFolders } from "../share/user-folders.ts";
import { readSmallText, TooLongError } from "./small-text.ts";
import { UsageError } from "./units.ts";

/** One line that sets something. */
interface ConfigEntry {
  /** The command it is for; undefined for all that have the flag. */
  readonly section: string | undefined;
  readonly key: string;
  /** Undefined when only the key is there: the flag is on. */
  readonly value: string | undefined;
  /** From 1. */
  readonly line: number;
}

export interface ConfigFile {
  readonly path: string;
  readonly entries: readonly ConfigEntry[];
}

/** Nobody writes more by hand; a file that was named by mistake is told soon. */
const MAX_BYTES = 256 * 1024;

/** Where it is looked for without `--config` and `BOOJUM_CONFIG`: `~/.config/boojum/config` on Linux. */
function defaultConfigPath(): string {
  return path.join(userFolders("boojum").config, "config");
}

/**
 * @param named as the user said; undefined for the usual place, where there may be none; "" for none at all.
 * @throws {UsageError} it can't be read, or a line can't be understood.
 */
export async function readConfigFile(named: string | undefined): Promise<ConfigFile | undefined> {
  if (named === "") return undefined;
  const file = named ?? defaultConfigPath();
  let text: string;
  try {
    text = await readSmallText(file, MAX_BYTES);
  } catch (error) {
    if (error instanceof TooLongError)
      throw new UsageError(`"${file}" is too long for a configuration file: ${error.message}.`, {
        cause: error,
      });
    const { code } = error as NodeJS.ErrnoException; // Only the file system throws anything else.
    if (named === undefined && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    throw new UsageError(`The configuration file "${file}" can't be read: ${code ?? "it is no text"}.`, {
      cause: error,
    });
  }
  return { path: file, entries: parseConfig(text, file) };
}

/**
 * `key = value`, `key` alone for a flag without a value, `[get]` before lines for that command only, `#` or `;` at the
 * start of a line for remarks. Values are what they are on the command line, without quotes.
 * @throws {UsageError} naming file and line
 */
function parseConfig(text: string, file: string): readonly ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  let section: string | undefined;
  for (const [i, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.replace(/^\uFEFF/, "").trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const heading = /^\[([\w-]+)\]$/.exec(line);
    if (heading !== null) {
      section = heading[1];
      continue;
    }
    const [, key, value] = /^(?:--)?([a-z][a-z\d-]*)\s*(?:=\s*(.*))?$/.exec(line) ?? [];
    if (key === undefined) {
      throw new UsageError(`${file}:${i + 1}: "${line}" is neither "key = value" nor "[command]".`);
    }
    entries.push({ section, key, value, line: i + 1 });
  }
  return entries;
}
