/** `share edit FILE.torrent`: changes what it says outside `info`. */
import { Command, Option } from "commander";
import { escapeForTerminal } from "../protocol/escape.ts";
import {
  addExamples,
  type CommonFlags,
  collectTiers,
  collectWebSeeds,
  createOutput,
  type Surroundings,
} from "./options.ts";
import { UsageError } from "./units.ts";

interface EditFlags extends CommonFlags {
  readonly tracker?: readonly (readonly string[])[];
  /** False for `--no-trackers`. */
  readonly trackers: boolean;
  readonly webSeed?: readonly string[];
  readonly webSeeds: boolean;
  readonly comment?: string;
  readonly createdBy?: string;
  readonly out?: string;
  readonly private?: boolean;
  readonly name?: string | boolean;
  readonly source?: string | boolean;
  readonly pieceSize?: string | boolean;
}

export function editCommand(surroundings: Surroundings, report: (code: number) => void): Command {
  const command = new Command("edit")
    .usage("FILE.torrent [flags]")
    .description("Change a .torrent's trackers, web seeds or comment; its info hash stays.")
    .argument("<file>")
    .option(
      "--tracker <url>",
      "these instead of all (repeatable: a tier each; URL,URL: one tier)",
      collectTiers,
    )
    .option("--no-trackers", "no tracker any more")
    .option("--web-seed <url>", "these instead of all (repeatable)", collectWebSeeds)
    .option("--no-web-seeds", "no web seed any more")
    .option("--comment <text>", "another comment; an empty one takes it away")
    .option("--created-by <text>", "another maker; an empty one takes it away")
    .option("-o, --out <file>", "write it there (default: in place)");
  // What people try, to be told why it can't be.
  for (const flags of [
    "--private",
    "--no-private",
    "--name [name]",
    "--source [word]",
    "--piece-size [size]",
  ]) {
    command.addOption(new Option(flags).hideHelp());
  }
  return addExamples(command, EXAMPLES).action(async (file: string, flags: EditFlags) => {
    // Settings are for every day; what this torrent is to say is typed for it.
    const isTyped = (key: string) => command.getOptionValueSource(key) === "cli";
    report(await runEdit(file, flags, isTyped, surroundings));
  });
}

const EXAMPLES = [
  "share edit photos.torrent --tracker http://192.168.1.20:6969/announce",
  "share edit photos.torrent --no-trackers --comment '' -o plain.torrent",
];

async function runEdit(
  file: string,
  flags: EditFlags,
  isTyped: (key: keyof EditFlags) => boolean,
  surroundings: Surroundings,
): Promise<number> {
  for (const { key, what, instead } of IN_INFO) {
    if (isTyped(key)) throw new UsageError(`${what} ${REASON} ${instead}`);
  }
  const changes = {
    trackers: change(isTyped("tracker"), flags.tracker, !flags.trackers, "tracker"),
    webSeeds: change(isTyped("webSeed"), flags.webSeed, !flags.webSeeds, "web-seed"),
    comment: isTyped("comment") ? flags.comment : undefined,
    createdBy: isTyped("createdBy") ? flags.createdBy : undefined,
  };
  if (Object.values(changes).every((given) => given === undefined)) {
    throw new UsageError("Nothing to change was given. See: share edit --help");
  }
  const output = createOutput(flags, surroundings);
  const { editTorrentFile } = await import("../share/tools/edit.ts");
  const edited = await editTorrentFile(file, { ...changes, out: flags.out });
  output.event(edited);
  output.note(`info hash ${edited.infoHash ?? edited.infoHashV2}, as before`);
  output.result(escapeForTerminal(edited.path));
  return 0;
}

/** What a list becomes; undefined when it stays. */
function change<T>(
  isGiven: boolean,
  given: readonly T[] | undefined,
  isRemoved: boolean,
  flag: string,
): readonly T[] | undefined {
  if (isGiven && isRemoved) {
    throw new UsageError(`--${flag} and --no-${flag}s exclude each other: leave one of them out.`);
  }
  if (isRemoved) return [];
  return isGiven ? given : undefined;
}

const REASON =
  "is part of what its info hash is made of: changing it makes another torrent, with a swarm of its own. To make that:";

const IN_INFO = [
  { key: "private", what: "Whether a torrent is private", instead: "share create PATH --private" },
  { key: "name", what: "A torrent's name", instead: "share create PATH --name NAME" },
  { key: "source", what: "A torrent's source", instead: "share create PATH --source WORD" },
  { key: "pieceSize", what: "A torrent's piece size", instead: "share create PATH --piece-size SIZE" },
] as const;
