/** The live view in a real terminal, driven by keys, while real peers come and go. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import stringWidth from "string-width";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { commandPath } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import type { RunningPeer } from "../support/peers/peer.ts";
import { Terminal, type TerminalSize } from "../support/terminal.ts";

const SMALL: TerminalSize = { columns: 80, rows: 24 };
const LARGE: TerminalSize = { columns: 200, rows: 50 };
const place = scratch();
let terminals: Terminal[] = [];

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

beforeAll(() => {
  mkdirSync(at("Fotos 写真"), { recursive: true });
  writeFileSync(at("Fotos 写真", "großes.bin"), noise(8_000_000, 1));
  writeFileSync(at("Fotos 写真", "🐌.txt"), "slow");
  writeFileSync(at("Fotos 写真", "\x1b[31mred.txt"), "nothing red");
});
afterEach(async () => {
  for (const terminal of terminals) terminal.close();
  terminals = [];
});
afterAll(() => place.remove());

function open(size: TerminalSize): Terminal {
  const terminal = new Terminal(size, { BOOJUM_NO_LAN: "1", BOOJUM_CONFIG: "", LC_ALL: "C.UTF-8" });
  terminals.push(terminal);
  return terminal;
}

async function publish(
  size: TerminalSize,
  ...flags: readonly string[]
): Promise<{ readonly terminal: Terminal; readonly url: string }> {
  const terminal = open(size);
  const words = ["--bind 10.99.0.1", `--cache-dir ${at("cache")}`, "--no-qr", ...flags];
  terminal.run(`clear; node ${commandPath} '${at("Fotos 写真")}' ${words.join(" ")}; echo "exit $?"`);
  const lines = await terminal.see("q quit");
  const port = /:(\d+)\/s\/(\w+)/.exec(lines.join("\n"));
  return { terminal, url: `http://10.99.0.1:${port?.[1]}/s/${port?.[2]}` };
}

/** @returns what settles when it has everything. */
async function aria2Comes(
  name: string,
  host: number,
  url: string,
): Promise<{ readonly done: Promise<RunningPeer> }> {
  const [dir, state] = [at(name), at(`${name}-state`)];
  for (const folder of [dir, state]) mkdirSync(folder, { recursive: true });
  const torrent = at(`${name}.torrent`);
  writeFileSync(torrent, new Uint8Array(await (await fetch(`${url}.torrent`)).arrayBuffer()));
  return { done: aria2.get({ torrent, dir, state, address: `10.99.0.${host}`, port: 7100 + host }) };
}

/** Whatever was drawn, it stands once, inside the screen. */
function expectTidy(lines: readonly string[], { columns, rows }: TerminalSize): void {
  expect(lines.length).toBeLessThanOrEqual(rows);
  expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
  expect(lines.filter((line) => line.startsWith("limits:"))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("q quit"))).toHaveLength(1);
  expect(lines.at(-1)).toContain("q quit");
}

it("netstat, at 80 x 24: a publisher sees a real peer come, take, complete and go, and changes its limit meanwhile", async () => {
  const { terminal, url } = await publish(SMALL, "--limit-up 1MB/s");
  expectTidy(await terminal.see(/^Fotos 写真 {2}8\.00 MB {2}seeding$/), SMALL);
  expect(terminal.isCursorShown).toBe(false);

  const { done } = await aria2Comes("first", 2, url);
  terminal.press("p");
  const table = await terminal.see(/10\.99\.0\.2:\S* +aria2\S* .* [KM]B\/s +U-/);
  expectTidy(table, SMALL);
  expect(table.find((line) => line.startsWith("NAME"))).toMatch(/SIZE +DONE +DOWN +UP PEERS COPIES +RATIO$/);
  // What happened meanwhile went above the view.
  expect(table.findIndex((line) => line.startsWith("joined"))).toBeLessThan(
    table.findIndex((line) => line.startsWith("NAME")),
  );

  await terminal.see("limits: up* 1.00 MB/s  down none");
  terminal.press("+");
  await terminal.see("limits: up* 2.00 MB/s  down none");
  terminal.press("-", "-", "d", "u");
  await terminal.see("limits: up* 500 KB/s  down none");
  terminal.press("+", "+", "+", "+");
  await terminal.see("limits: up* 10.0 MB/s  down none");

  await terminal.see(/^complete {2}10\.99\.0\.2:\d+ {2}aria2/);
  const peer = await done;
  await peer.stop();
  await terminal.see("nobody is connected");
  terminal.press("f");
  const files = await terminal.see(/^100 % .*\\x1b\[31mred\.txt$/);
  expect(files.find((line) => line.includes("🐌.txt"))).toMatch(/^100 % +4 B {2}🐌\.txt$/);
  expectTidy(files, SMALL);
  terminal.press("l");
  expectTidy(await terminal.see(/^\d\d:\d\d:\d\d complete {2}10\.99\.0\.2/), SMALL);
  terminal.press("?");
  expectTidy(await terminal.see(/^Strip, getting:/), SMALL);

  terminal.run("info");
  const info = await terminal.see(/^info hash +[0-9a-f]{40}$/);
  expect(info.find((line) => line.startsWith("sent"))).toMatch(
    /^sent +[1-9]\d*(\.\d+)? [KM]B \((?:\S+ [KM]B over HTTP, )?ratio \d\.\d\d\)/,
  );
  terminal.run("list");
  await terminal.see("nobody is connected");
  terminal.run("quit");
  await terminal.see("exit 0");
  expect(terminal.isCursorShown).toBe(true);
  expect(terminal.screen().some((line) => line.startsWith("limits:"))).toBe(false);
});

it("200 x 50: a receiver sees how far it is, where it is rare, and its files fill", async () => {
  const { url } = await publish(SMALL, "--limit-up 800KB/s");
  const terminal = open(LARGE);
  terminal.run(`clear; node ${commandPath} get ${url} -o ${at("got")} --port 7199 --seed; echo "exit $?"`);
  const start = await terminal.see(/^getting {2}█+░+ {2}\d+ % {2}\S+ MB of 8\.00 MB .* left$/);
  expectTidy(await terminal.see(/ [1-9]\d\d KB\/s/), LARGE);
  expect(start.some((line) => /^[█▓░×]{120}$/.test(line))).toBe(true);
  await terminal.see(/ratio 0\.\d\d {2}1\.\d\d copies {2}1 peer/);
  terminal.press("f");
  expectTidy(await terminal.see(/^ +[1-9]\d? % +8\.00 MB {2}großes\.bin$/), LARGE);
  terminal.press("p");
  const table = await terminal.see(/^ {2}10\.99\.0\.1:\d+ +Boojum \d\S+ .*100 % .* -D /);
  expectTidy(table, LARGE);
  // From the step below the present rate, which the publisher keeps well between two steps.
  terminal.press("o", "-");
  await terminal.see(/down\* 500 KB\/s/);
  terminal.press("+", "+", "+", "+", "+", "+", "+", "+", "+", "+", "+", "+");
  await terminal.see("down* none");
  await terminal.see(/^done {2}8\.00 MB/);
  // The result stands above the view, whole.
  await terminal.see(at("got", "Fotos 写真"));
  expectTidy(await terminal.see(/seeding$/), LARGE);
  terminal.press("q");
  await terminal.see("exit 0");
  expect(terminal.isCursorShown).toBe(true);
});

/** The shell is back, and says that all went well; nothing of the view is left. */
async function expectGone(terminal: Terminal): Promise<void> {
  await terminal.until((lines) => lines.at(-1) === "ready>", "a prompt");
  terminal.run('echo "status $?"');
  expect((await terminal.see(/^status/)).filter((line) => /^(status 0|limits:.*)$/.test(line))).toEqual([
    "status 0",
  ]);
}

describe("the terminal", () => {
  it("can change its size, and the view is drawn once, fitting", async () => {
    const { terminal } = await publish(SMALL);
    for (const size of [
      { columns: 50, rows: 20 },
      { columns: 130, rows: 40 },
      { columns: 61, rows: 10 },
      SMALL,
    ]) {
      terminal.resize(size);
      const fits = (lines: readonly string[]) =>
        lines.filter((line) => line.startsWith("limits:")).length === 1 &&
        lines.at(-1)?.startsWith("p peers") === true;
      const lines = await terminal.until(fits, `one view in ${JSON.stringify(size)}`);
      expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(size.columns);
      expect(lines.filter((line) => /^Fotos .*seeding$/.test(line))).toHaveLength(1);
    }
    expect(terminal.everything()).toContain("/s/");
  });

  it("is given back for Ctrl-Z, and taken again by fg", async () => {
    const { terminal } = await publish(SMALL);
    terminal.press("C-z");
    await terminal.see("Stopped");
    expect(terminal.isCursorShown).toBe(true);
    terminal.run("clear; stty -a | tr ';' '\\n' | grep -o ' icanon\\| echo '; echo said");
    await terminal.until(
      (lines) => ["icanon", "echo", "said"].every((word) => lines.some((line) => line.trim() === word)),
      "a sane terminal",
    );
    terminal.run("clear; fg");
    expectTidy(await terminal.see("q quit"), SMALL);
    terminal.press("p");
    await terminal.see("nobody is connected");
    terminal.press("C-c");
    await expectGone(terminal);
  });

  it("is left alone by a job in the background, which goes on", async () => {
    const { terminal, url } = await publish(SMALL);
    terminal.press("C-z");
    await terminal.see("Stopped");
    terminal.run("clear; bg");
    await terminal.until((lines) => lines.some((line) => line.startsWith("ready>")), "a prompt");
    expect((await fetch(url)).status).toBe(200);
    terminal.run("clear; sleep 2; echo quiet");
    const lines = await terminal.see(/^quiet$/);
    expect(lines.some((line) => line.startsWith("limits:"))).toBe(false);
    terminal.run("fg");
    await terminal.see("q quit");
    terminal.press("q");
    await expectGone(terminal);
  });

  it("is given back when the program is terminated or fails", async () => {
    const { terminal } = await publish(SMALL);
    const pid = /pid (\d+)/;
    terminal.press("C-z");
    await terminal.see("Stopped");
    terminal.run("clear; echo pid $(jobs -p); fg");
    const lines = await terminal.see("q quit");
    process.kill(Number(pid.exec(lines.join("\n"))?.[1]), "SIGTERM");
    await expectGone(terminal);
    expect(terminal.isCursorShown).toBe(true);
    terminal.run("echo typed");
    await terminal.see("ready> echo typed");
  });
});
