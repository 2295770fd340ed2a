import { expect, it } from "vitest";
import { run } from "../../../src/cli/run.ts";

async function helpOf(command: string): Promise<string[]> {
  let text = "";
  const stdout = { write: (part: string) => (text += part) };
  const code = await run([command, "--help"], {
    stdout,
    stderr: { write: () => expect.fail("help is no error") },
    env: { BOOJUM_CONFIG: "" },
    now: () => 0,
    openUrl: () => Promise.resolve(),
    readerGone: new AbortController().signal,
  });
  expect(code).toBe(0);
  return text.trimEnd().split("\n");
}

it.each(["publish", "get", "info", "create", "tracker"])(
  "share %s --help fits a terminal and ends with examples of flags that it has",
  async (command) => {
    const lines = await helpOf(command);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThanOrEqual(40);
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
