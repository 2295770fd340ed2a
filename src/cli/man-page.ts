/** The manual page, from the same table as --help. The build runs it; what is installed has the page. */
import { Command, type Option } from "commander";
import { version } from "../share/version.ts";
import { allCommands } from "./commands.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { addCommonFlags, examplesOf, isOffered } from "./options.ts";
import { isSetting } from "./settings.ts";

/** share(1) in man(7) macros. It has no date: the same source gives the same page. */
export function manPage(): string {
  const nowhere = { write: () => {} };
  const commands = allCommands(
    {
      stdout: nowhere,
      stderr: nowhere,
      env: {},
      now: () => 0,
      openUrl: () => Promise.resolve(),
      readerGone: new AbortController().signal,
    },
    () => {},
  );
  const lines = [...head(commands), ".SH COMMANDS", ...commands.flatMap(commandLines), ...tail()];
  return `${lines.join("\n")}\n`;
}

function head(commands: readonly Command[]): string[] {
  return [
    `.TH SHARE 1 "" "Boojum ${escaped(version)}" "User Commands"`,
    ".SH NAME",
    "share, boojum \\- share files and folders on the network with one command",
    ".SH SYNOPSIS",
    ...usage("share", "PATH... | SOURCE"),
    ...commands.flatMap((command) => [".br", ...usage(command.name(), command.usage())]),
    ".SH DESCRIPTION",
    ".B share PATH",
    "makes the torrent, tracks the swarm, serves a web page and seeds,",
    "in one process on one port.",
    ".B share get SOURCE",
    "downloads it elsewhere;",
    "SOURCE is a share's URL, a magnet link or a .torrent file.",
    "Whoever has no such program takes a browser or any BitTorrent client.",
    ".SH OPTIONS OF ALL COMMANDS",
    ...addCommonFlags(new Command()).options.flatMap(optionLines),
    ...item("-h, --help", "show the help of the command"),
    ...item("--version", "show the version"),
  ];
}

function commandLines(command: Command): string[] {
  const common = new Set(addCommonFlags(new Command()).options.map(({ long }) => long));
  const own = command.options.filter(
    (option) => isSetting(option) && isOffered(option) && !common.has(option.long),
  );
  const groups = new Map<string, Option[]>();
  for (const option of own) {
    const heading = option.helpGroupHeading ?? "";
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return [
    `.SS ${escaped(command.name())}`,
    ...usage(command.name(), command.usage()),
    ".PP",
    escaped(command.description()),
    ...[...groups].flatMap(([heading, options]) => [
      ...(heading === "" ? [] : [".PP", `.I ${escaped(heading)}`]),
      ...options.flatMap(optionLines),
    ]),
    ".PP",
    ".I Examples:",
    ".PP",
    ...example(examplesOf.get(command) ?? []),
  ];
}

function optionLines(option: Option): string[] {
  const known =
    option.defaultValue === undefined || option.negate ? "" : ` (default: ${option.defaultValue})`;
  return item(option.flags, option.description + known);
}

function tail(): string[] {
  return [
    ".SH CONFIGURATION",
    "Every option can be set elsewhere.",
    "The command line goes before the environment, that before the file.",
    ".TP",
    ".B Environment",
    "The name of the option in capitals after \\%BOOJUM_: \\%BOOJUM_LIMIT_UP=5MB/s.",
    "Several values have white space between them.",
    "Options without a value take yes or no.",
    "\\%BOOJUM_PASSWORD isn't shown to other users, as the command line is.",
    ".TP",
    ".B File",
    "One option a line without its dashes: limit\\-up = 5MB/s.",
    "Lines below [get] are for that command only.",
    "Lines that start with # are remarks.",
    "It is the file of \\-\\-config or \\%BOOJUM_CONFIG,",
    "else boojum/config in $XDG_CONFIG_HOME or ~/.config.",
    ".TP",
    ".B NO_COLOR",
    "When it is set, no colours are used.",
    ".TP",
    ".B http_proxy, https_proxy, all_proxy, no_proxy",
    "Proxies through which torrents are fetched and HTTP trackers asked.",
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(([code, meaning]) => item(String(code), meaning)),
    ".SH FILES",
    ...item("DIR/.NAME.boojum", "the state of a download that isn't complete"),
    ...item("~/.config/boojum/config", "settings"),
    ...item("~/.cache/boojum", "remembered URLs, ports and hashes; may be deleted"),
  ];
}

function usage(name: string, words: string): string[] {
  return [`.B ${escaped(name)}`, escaped(words)];
}

function item(term: string, words: string): string[] {
  return [".TP", `.B ${escaped(term)}`, escaped(words)];
}

/** Unfilled; the page never has two blank lines for one. */
function example(lines: readonly string[]): string[] {
  return [".EX", ...lines.map(escaped), ".EE"];
}

/** Nothing in a text is a macro or an escape, and hyphens stay what can be typed and searched for. */
function escaped(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
