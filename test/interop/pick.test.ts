/** Choosing files in a real terminal. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { commandPath } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";
import { Terminal, type TerminalSize } from "../support/terminal.ts";

const stage = useStage();
let terminals: Terminal[] = [];
afterEach(() => {
  for (const terminal of terminals) terminal.close();
  terminals = [];
});

async function pickOf(size: TerminalSize): Promise<Terminal> {
  for (const folder of ["Süden 南", "north"]) mkdirSync(stage.at("trip", folder), { recursive: true });
  for (let i = 0; i < 40; i++) {
    writeFileSync(stage.at("trip", "north", `${i}.jpg`), noise(1_000 * i, i));
    writeFileSync(stage.at("trip", "Süden 南", `${i} 🐌.jpg`), noise(1_000, i));
  }
  writeFileSync(stage.at("trip", "film.mkv"), noise(700_000, 1));
  const publisher = stage.publish("trip");
  const { url } = await publisher.event("ready");
  const terminal = new Terminal(size, { BOOJUM_NO_LAN: "1", BOOJUM_CONFIG: "", LC_ALL: "C.UTF-8" });
  terminals.push(terminal);
  terminal.run(`clear; node ${commandPath} get ${url} --pick -o ${stage.at("out")}; echo "exit $?"`);
  await terminal.see("Picked 0 of 81 files, 1.52 MB");
  return terminal;
}

it.each([
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
])("--pick shows a tree at $columns x $rows, and what is picked with keys is what is got", async (size) => {
  const terminal = await pickOf(size);
  // It begins with what lies at the top, folded.
  const first = terminal.screen();
  expect(first.slice(1, 4).map((line) => line.slice(2).trimEnd())).toEqual([
    "[ ] 40.0 KB  + Süden 南/",
    "[ ]  700 KB    film.mkv",
    "[ ]  780 KB  + north/",
  ]);
  terminal.press("Right");
  await terminal.see("- Süden 南/");
  terminal.press("Down", "Space", "Up");
  await terminal.see(/\[-\] 40\.0 KB {2}- Süden/);
  // More files than lines: the frame stays as high as the screen, whatever is marked.
  terminal.press("End");
  await terminal.see(/^> \[ \] +780 KB {2}\+ north/);
  const full = terminal.screen();
  expect(full.length).toBeLessThanOrEqual(size.rows);
  expect(full.filter((line) => line.startsWith("Picked 1 of 81 files"))).toHaveLength(1);
  terminal.type("mkv");
  await terminal.see("search: mkv");
  terminal.press("Space");
  await terminal.see("Picked 2 of 81 files, 1.52 MB: 701 KB");
  terminal.press("Escape");
  await terminal.until((lines) => !lines.join("").includes("search:"), "the tree again");
  terminal.press("Enter");
  await terminal.see("exit 0", 60_000);
  expect(readdirSync(stage.at("out", "trip"))).toEqual(["Süden 南", "film.mkv"]);
  expect(readdirSync(stage.at("out", "trip", "Süden 南"))).toEqual(["0 🐌.jpg"]);
  expect(terminal.screen().join("\n")).not.toMatch(/space picks|Picked/);
});

it("--pick can be left without getting anything, and needs a terminal", async () => {
  const terminal = await pickOf({ columns: 80, rows: 24 });
  terminal.press("Space", "Escape");
  await terminal.see("No file was picked, so nothing is downloaded.");
  await terminal.see("exit 0");
  expect(existsSync(path.join(stage.at("out"), "trip"))).toBe(false);
  expect(terminal.isCursorShown).toBe(true);
  const piped = stage.plain("get", "http://127.0.0.1:1/s/x", "--pick");
  expect(await piped.end()).toBe(2);
  expect(piped.stderr.join("\n")).toContain("--pick needs a terminal");
});
