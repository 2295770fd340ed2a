/** Flags that several commands share, and how their values are read. */
import { isIP } from "node:net";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseNetwork } from "../protocol/proxy-rule.ts";
import type { Encryption } from "../share/traffic.ts";
import { Output, type Sink } from "./output.ts";
import { collecting } from "./repeatable.ts";
import type { KeyInput } from "./ui/live/live-view.ts";
import { parseDuration, parseInteger, parseRate, parseRatio, parseSize, UsageError } from "./units.ts";

/** What every command understands. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
}

/** What a command runs in; tests pass their own. */
export interface Surroundings {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks somebody at the terminal for a secret, unseen; absent when nobody is there. */
  readonly askSecret?: (question: string) => Promise<string | undefined>;
  /** Where keys come from while something is shown; absent when nobody is there to press them. */
  readonly keys?: KeyInput;
  /** Reads single keys from the terminal until the returned function is called; absent when nobody is there. */
  readonly readKeys?: (onKey: (name: string) => void) => () => void;
  /** Lines of the terminal. */
  readonly screenRows?: () => number;
  /** Writes bytes to standard output, and settles when there is room for more; rejects when nobody takes them. */
  readonly writeBytes?: (bytes: Uint8Array) => Promise<void>;
  /** Standard input as bytes, when it is no terminal. */
  readonly input?: { readonly data: AsyncIterable<Uint8Array>; close(): void };
  /** Everything on standard input, which fails when that has more than `most` bytes. */
  readonly readInput?: (most: number) => Promise<string>;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Opens a URL in the user's browser. */
  readonly openUrl: (url: string) => Promise<void>;
  /** Aborted when whoever read our standard output has closed it. */
  readonly readerGone: AbortSignal;
}

/**
 * The flags are understood everywhere, but only the top-level help lists them, so that each help fits a screen. Nor has
 * it blank lines between groups.
 */
export function addCommonFlags(command: Command): Command {
  const rare = command.options.filter((option) => option.hidden && isOffered(option)).map(({ long }) => long);
  const more = rare.length === 0 ? "" : `\n${wrapped("Rare:", rare)}`;
  return command
    .addOption(new Option("--json", "events as JSON lines on stdout, nothing else there").hideHelp())
    .addOption(new Option("-q, --quiet", "only results, warnings and errors").hideHelp())
    .addOption(new Option("-v, --verbose", "more messages, and stacks of errors").hideHelp())
    .addOption(new Option("--no-color", "no colours (also: NO_COLOR=1)").hideHelp())
    .addOption(new Option("--config <file>", "options, a line each; '' for none").hideHelp())
    .addHelpOption(new Option("-h, --help", "show this").hideHelp())
    .configureHelp({ formatItemList: (heading, items) => (items.length === 0 ? [] : [heading, ...items]) })
    .addHelpText(
      "after",
      `\nAlso: --json -q/--quiet -v/--verbose --no-color --config -h/--help --version${more}`,
    );
}

/** Not understood only so that somebody who tries it can be told why it can't be: such a flag has no description. */
export function isOffered({ description }: Option): boolean {
  return description !== "";
}

/** Words in lines of at most 80 characters, the first behind `title`. */
function wrapped(title: string, words: readonly (string | undefined)[]): string {
  const lines = [title];
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= 80) lines[lines.length - 1] = line;
    else lines.push(`  ${word}`);
  }
  return lines.join("\n");
}

/** What {@link addExamples} was given. */
export const examplesOf: WeakMap<Command, readonly string[]> = new WeakMap();

/** Lines at the end of a command's help; a column is for what each does. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  examplesOf.set(command, examples);
  return command.addHelpText("after", ["\nExamples:", ...examples.map((line) => `  ${line}`)].join("\n"));
}

export function createOutput(flags: CommonFlags, surroundings: Surroundings): Output {
  return new Output(
    {
      json: flags.json ?? false,
      quiet: flags.quiet ?? false,
      verbose: flags.verbose ?? false,
      color: flags.color,
    },
    surroundings.stdout,
    surroundings.stderr,
    surroundings.env,
  );
}

/** Makes commander show our own words for a value that can't be read. */
function reading<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof UsageError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

export const rate = reading(parseRate);
export const duration = reading(parseDuration);
/** A {@link duration} after which something ends; at once makes no sense. */
export const lifetime = reading((text) => {
  const seconds = parseDuration(text);
  if (seconds < 1) throw new UsageError(`"${text}" is too short: a second is the least.`);
  return seconds;
});
export const ratio = reading(parseRatio);
export const port = reading((text) => parseInteger(text, 0, 65_535));
export const copies = reading((text) => parseInteger(text, 1, 100_000));
export const maxPeers = reading((text) => parseInteger(text, 1, 2_000));
export const requestQueue = reading((text) => parseInteger(text, 1, 4_000));
/** A port to begin or to end with: there is no "any" among several. */
export const rangePort = reading((text) => parseInteger(text, 1, 65_535));
export const jobs = reading((text) => parseInteger(text, 1, 100));
export const slots = reading((text) => parseInteger(text, 1, 1_000));

export const ipAddress = reading((text) => {
  if (isIP(text) === 0) throw new UsageError(`"${text}" is not an IP address.`);
  return text;
});

export const encryption = reading((text): Encryption => {
  if (text === "prefer" || text === "require" || text === "off") return text;
  throw new UsageError(`"${text}" is no kind of encryption. It is prefer, require or off.`);
});

/** For flags that may be given several times. */
export const collect = collecting((text) => text);

const trackerUrl = reading((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:", "udp:"].includes(url.protocol) || url.hostname === "") {
    throw new UsageError(`"${text}" is not a tracker's URL. It starts with http://, https:// or udp://.`);
  }
  return text;
});

/** A tier a flag (BEP 12): `URL`, or `URL,URL` for trackers of which one is to be told. */
export const collectTiers = collecting((text) => text.split(/,(?=[a-z]+:)/i).map(trackerUrl));

const webSeedUrl = reading((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new UsageError(`"${text}" is no web seed's URL. It starts with http:// or https://.`);
  }
  return text;
});

/** {@link collect} for {@link webSeedUrl}. */
export const collectWebSeeds = collecting(webSeedUrl);

/** `now`, seconds since 1970, or what `Date` reads: `2026-11-23`, `2026-11-23T08:00:00Z`. @returns whole seconds. */
export const date = reading((text) => {
  const millis = text === "now" ? Date.now() : /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!(millis >= 0 && millis <= 8.64e15)) {
    throw new UsageError(`"${text}" is no date. Write for example now, 2026-11-23 or seconds since 1970.`);
  }
  return Math.floor(millis / 1000);
});

/** {@link collect} for {@link trackerUrl}. */
export const collectTrackers = collecting(trackerUrl);

export const publicUrl = reading((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !["http:", "https:"].includes(url.protocol) ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    throw new UsageError(`"${text}" can't be the public URL. Write for example https://files.example.org.`);
  }
  return text.replace(/\/+$/, "");
});

/** An address or a network. */
export const collectProxies = collecting((text) => {
  if (parseNetwork(text) === undefined) {
    throw new InvalidArgumentError(`"${text}" is no IP address and no network. Write for example 127.0.0.1.`);
  }
  return text;
});

export const pieceSize = reading((text) => {
  const bytes = parseSize(text);
  const least = 16 * 1024;
  const most = 64 * 1024 * 1024;
  if (bytes < least || bytes > most || (bytes & (bytes - 1)) !== 0) {
    throw new UsageError(`"${text}" can't be a piece size. It is a power of two from 16KiB to 64MiB.`);
  }
  return bytes;
});

/** `HOST:PORT`, an IPv6 address in brackets; checked again where it is used. */
export const collectPeers = collecting((text) => {
  if (!/^(\[[0-9a-f:.%\w]+\]|[^:[\]\s]+):\d{1,5}$/i.test(text)) {
    throw new InvalidArgumentError(`"${text}" is not HOST:PORT.`);
  }
  return text;
});
