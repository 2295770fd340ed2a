/** Flags that weren't given on the command line come from the environment, and then from the configuration file. */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { isRepeatable } from "./repeatable.ts";
import { suggest } from "./suggest.ts";
import { UsageError } from "./units.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A value for an option, and who says so. */
interface Setting {
  /** What messages begin with: `BOOJUM_LIMIT_UP`, or `FILE:12: limit-up`. */
  readonly origin: string;
  /** Undefined for a flag that is merely named. */
  readonly value: string | undefined;
  /** It was spelled with or without `no-`, unlike the option. */
  readonly inverted: boolean;
}

/** Where a flag may come from besides the command line. Those that are about asking for help don't. */
export function isSetting(option: Option): boolean {
  return !["help", "version", "config"].includes(option.name());
}

/** `limit-up` is `BOOJUM_LIMIT_UP`. */
function variable(name: string): string {
  return `BOOJUM_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** What sets one of these, sets none of the others from further away. */
const ALTERNATIVES: readonly (readonly string[])[] = [["password", "passwordFile"]];

/**
 * Sets what the command line left open: the environment goes before the file, a `[section]` before the lines above it.
 * @param all every command, to tell a flag of another command from one that doesn't exist
 * @param warn told of variables that look like ours and are none
 * @throws {UsageError} naming the variable, or file, line and key
 */
export async function applySettings(
  command: Command,
  all: readonly Command[],
  env: Environment,
  warn: (message: string) => void,
): Promise<void> {
  // Commander keeps it as the string it was given.
  const named = (command.opts()["config"] as string | undefined) ?? env["BOOJUM_CONFIG"];
  const file = await readConfigFile(named);
  if (file !== undefined) checkKeys(file, all);
  warnOfVariables(env, all, warn);
  const given = new Set<string>();
  for (const option of command.options) {
    const key = option.attributeName();
    if (command.getOptionValueSource(key) === "cli") given.add(key);
  }
  const found: (readonly [Option, readonly Setting[]])[] = [];
  for (const from of [fromEnvironment(env), fromFile(file, command)]) {
    const now = new Set<string>();
    for (const option of command.options.filter(isSetting)) {
      const key = option.attributeName();
      const rivals = ALTERNATIVES.find((names) => names.includes(key)) ?? [key];
      if (rivals.some((name) => given.has(name))) continue;
      const settings = from(option);
      if (settings.length === 0) continue;
      found.push([option, settings]);
      now.add(key);
    }
    for (const key of now) given.add(key);
  }
  // First what needs no value, such as --json: it decides how a mistake in the others is told.
  found.sort(([a], [b]) => Number(b.isBoolean() || b.negate) - Number(a.isBoolean() || a.negate));
  for (const [option, settings] of found) set(command, option, settings);
}

type Lookup = (option: Option) => readonly Setting[];

/**
 * An empty variable is as good as none, as with programs that pass on what they may not have. Not so for the password:
 * what was to be kept from others must not become open to all by accident.
 */
function fromEnvironment(env: Environment): Lookup {
  return (option) =>
    spellings(option).flatMap(({ name, inverted }) => {
      const origin = variable(name);
      const value = env[origin];
      if (value === undefined || (value === "" && name !== "password")) return [];
      if (!isRepeatable(option)) return [{ origin, value, inverted }];
      // A backslash keeps a space, which is how globs spell it anyway.
      return (value.match(/(?:\\.|[^\s\\])+/g) ?? []).map((part) => ({ origin, value: part, inverted }));
    });
}

function fromFile(file: ConfigFile | undefined, command: Command): Lookup {
  if (file === undefined) return () => [];
  const section = sectionOf(command);
  return (option) => {
    const names = new Map(spellings(option).map(({ name, inverted }) => [name, inverted]));
    const about = file.entries.filter(({ key }) => names.has(key));
    const own = about.filter((entry) => entry.section === section);
    const chosen = own.length > 0 ? own : about.filter((entry) => entry.section === undefined);
    return chosen.map(({ key, value, line }) => ({
      origin: `${file.path}:${line}: ${key}`,
      value,
      inverted: names.get(key) ?? false,
    }));
  };
}

/** Flags without a value may be spelled with and without `no-`. */
function spellings(option: Option): readonly { readonly name: string; readonly inverted: boolean }[] {
  const name = option.name();
  const as = { name, inverted: false };
  if (!option.isBoolean() && !option.negate) return [as];
  return [as, { name: option.negate ? name.replace(/^no-/, "") : `no-${name}`, inverted: true }];
}

function sectionOf(command: Command): string {
  return command.name().replace(/^share /, "");
}

function set(command: Command, option: Option, settings: readonly Setting[]): void {
  const key = option.attributeName();
  if (option.isBoolean() || option.negate) {
    // As if it had been given on the command line, so often.
    for (let n = timesOn(settings); n > 0; n--) command.parseOptions([`--${option.name()}`]);
    return;
  }
  let value: unknown;
  for (const setting of settings) value = parsed(option, setting, isRepeatable(option) ? value : undefined);
  command.setOptionValueWithSource(key, value, "config");
}

/** For flags that can be given twice and mean more then, a number says how often; lines in a file add up. */
function timesOn(settings: readonly Setting[]): number {
  let times = 0;
  for (const { value = "yes", inverted, origin } of settings) {
    const n = ON.get(value.toLowerCase());
    if (n === undefined) throw new UsageError(`${origin}: "${value}" is neither yes nor no.`);
    times += inverted ? Number(n === 0) : n;
  }
  return times;
}

const ON: ReadonlyMap<string, number> = new Map([
  ...["yes", "true", "on", "1"].map((word): [string, number] => [word, 1]),
  ...["no", "false", "off", "0"].map((word): [string, number] => [word, 0]),
  ["2", 2],
]);

function parsed(option: Option, { origin, value }: Setting, before: unknown): unknown {
  if (value === undefined) throw new UsageError(`${origin}: it needs a value, as in "${option.flags}".`);
  try {
    // Commander's type for parsers of options says that what was there before has the type of the result.
    return option.parseArg === undefined ? value : option.parseArg(value, before);
  } catch (error) {
    if (error instanceof InvalidArgumentError || error instanceof UsageError) {
      throw new UsageError(`${origin}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** A misspelled key must not be passed over: whoever wrote it believes that it holds. */
function checkKeys({ path, entries }: ConfigFile, all: readonly Command[]): void {
  const sections = new Map(all.map((command) => [sectionOf(command), namesOf([command])]));
  const every = namesOf(all);
  for (const { section, key, line } of entries) {
    const known = section === undefined ? every : sections.get(section);
    if (known === undefined) {
      const meant = didYouMean(section ?? "", [...sections.keys()], (name) => `[${name}]`);
      throw new UsageError(`${path}:${line}: ${key}: there is no command "${section}".${meant}`);
    }
    if (known.includes(key)) continue;
    const where = section === undefined ? "No command" : `"share ${section}"`;
    const has = section === undefined ? "has" : "doesn't have";
    throw new UsageError(`${path}:${line}: ${key}: ${where} ${has} such a setting.${didYouMean(key, known)}`);
  }
}

function warnOfVariables(env: Environment, all: readonly Command[], warn: (message: string) => void): void {
  const known = ["BOOJUM_CONFIG", ...namesOf(all).map(variable)];
  for (const name of Object.keys(env)) {
    if (!name.startsWith("BOOJUM_") || known.includes(name)) continue;
    warn(`The variable ${name} means nothing here.${didYouMean(name, known)}`);
  }
}

function namesOf(commands: readonly Command[]): string[] {
  const names = commands.flatMap((command) =>
    command.options.filter(isSetting).flatMap((option) => spellings(option).map(({ name }) => name)),
  );
  return [...new Set(names)];
}

function didYouMean(word: string, known: readonly string[], show = (name: string) => name): string {
  const meant = suggest(word, known);
  return meant === undefined ? "" : ` Did you mean ${show(meant)}?`;
}
