import { Command } from "commander";
import { expect, it } from "vitest";
import { allCommands, wordOf } from "../../../src/cli/commands.ts";
import { completable } from "../../../src/cli/completions/model.ts";
import { EXIT_CODES } from "../../../src/cli/exit-codes.ts";
import { manPage } from "../../../src/cli/man-page.ts";
import { addCommonFlags, type Surroundings } from "../../../src/cli/options.ts";
import { isRepeatable } from "../../../src/cli/repeatable.ts";
import { ROOT_HELP } from "../../../src/cli/root-help.ts";
import { run } from "../../../src/cli/run.ts";

function around(write: (part: string) => void): Surroundings {
  return {
    stdout: { write },
    stderr: { write: () => expect.fail("help is no error") },
    env: { BOOJUM_CONFIG: "" },
    now: () => 0,
    openUrl: () => Promise.resolve(),
    readerGone: new AbortController().signal,
  };
}

const commands = allCommands(
  around(() => {}),
  () => {},
);

async function helpOf(command: string): Promise<string[]> {
  let text = "";
  const code = await run(
    [command, "--help"],
    around((part) => (text += part)),
  );
  expect(code).toBe(0);
  return text.trimEnd().split("\n");
}

it("share --help is short, and tells of every command, common flag and exit code in the same words", () => {
  const lines = ROOT_HELP.split("\n");
  expect(lines.length).toBeLessThanOrEqual(30);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  for (const command of commands) {
    expect(ROOT_HELP).toMatch(
      new RegExp(`^  share ${wordOf(command)}\\b|share ${wordOf(command)} PATH`, "m"),
    );
  }
  for (const { long, description } of addCommonFlags(new Command()).options) {
    const line = lines.find((text) => text.includes(`${long}`));
    expect(line).toBeDefined();
    if (long !== "--config") expect(line).toContain(description);
  }
  const told = [...(/^Exit codes: (.*)$/m.exec(ROOT_HELP)?.[1] ?? "").matchAll(/(\d+) /g)].map(([, code]) =>
    Number(code),
  );
  expect(told).toEqual(EXIT_CODES.map(([code]) => code));
});

it("says (repeatable) of flags that are, and of no others", () => {
  for (const option of commands.flatMap(({ options }) => options)) {
    expect([option.flags, option.description.includes("(repeatable")]).toEqual([
      option.flags,
      isRepeatable(option),
    ]);
  }
});

it.each(commands.map(wordOf).filter((word) => word !== "completion"))(
  "share %s --help fits a terminal and ends with examples of flags that it has",
  async (command) => {
    const lines = await helpOf(command);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThanOrEqual(42);
    const at = lines.indexOf("Examples:");
    const examples = lines.slice(at + 1).filter((line) => line.startsWith("  share "));
    expect(at).toBeGreaterThan(0);
    expect(examples.length).toBeGreaterThan(1);
    const flags =
      examples
        .join(" ")
        .match(/--?[a-z][a-z-]*/g)
        ?.filter((flag) => flag !== "--json") ?? [];
    const described = lines
      .slice(0, at)
      .flatMap((line) => /^ {2}(-\w, )?(--?[a-z-]+)/.exec(line)?.slice(1) ?? []);
    const known = new Set(described.map((flag) => flag?.replace(", ", "")));
    expect(flags.filter((flag) => !known.has(flag))).toEqual([]);
  },
);

it("offers no flag that is understood only to be refused: not in help, the manual page, or completions", async () => {
  const help = (await helpOf("edit")).join("\n");
  expect(help).toContain("--web-seed");
  expect(help).not.toContain("--piece-size");
  expect(manPage()).not.toContain("[size]");
  const edit = completable(commands, isRepeatable).find(({ word }) => word === "edit");
  const offered = edit?.flags.map(({ long }) => long);
  expect(offered).toContain("--web-seed");
  expect(offered).not.toContain("--piece-size");
});
