/** Passwords and configurations that are read from what never ends, or never begins: devices, FIFOs, pipes. */
import { readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { commandPath } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { at } = stage;
beforeEach(() => writeFileSync(at("data"), noise(100_000, 1)));

/** The command in a shell that has `<(...)`; `share` stands for it, and takes the shell's place with `exec`. */
function inBash(script: string): Child {
  const share = `'${process.execPath}' '${commandPath}'`;
  return stage.run("/bin/bash", ["-c", script.replaceAll("share", share)]);
}

const PUBLISH = "share data --bind 127.0.0.1 --cache-dir cache --json";
const CREATE = "share create data -o made.torrent --json";

const places: readonly (readonly [what: string, command: string])[] = [
  ["a password", `${PUBLISH} --password-file`],
  ["a configuration", `${CREATE} --config`],
];

async function fifo(): Promise<void> {
  await stage.run("mkfifo", [at("fifo")]).succeed();
}

/** By then it waits for what it was told to read; milliseconds. */
const WAITS = 1_500;

describe.each(places)("%s", (what, command) => {
  it.each(["/dev/zero", "<(cat /dev/zero)"])(
    "that never ends (%s) is told to be too long",
    async (endless) => {
      const child = inBash(`${command} ${endless}`);
      expect(await child.end(20_000)).toBe(2);
      expect(child.stdout.join()).toMatch(/has more than \d+ bytes/);
    },
  );

  it.each<[string, string, NodeJS.Signals]>([
    ["a FIFO that nobody writes to", "fifo", "SIGTERM"],
    ["a FIFO that nobody writes to", "fifo", "SIGINT"],
    ["a pipe that says nothing", "<(exec sleep 10 2>&-)", "SIGTERM"],
  ])("that doesn't come, from %s (%s), is waited for until a signal (%s)", async (_, place, signal) => {
    await fifo();
    const child = inBash(`exec ${command} ${place}`);
    expect(await Promise.race([child.exited, new Promise((resolve) => setTimeout(resolve, WAITS))])).toBe(
      undefined,
    );
    child.process.kill(signal);
    expect(await child.end(5_000)).toBe(signal);
  });

  it("that is a folder is told to be none", async () => {
    const child = inBash(`${command} .`);
    expect(await child.end(20_000)).toBe(2);
    expect(child.stdout.join()).toContain("EISDIR");
    expect(child.stdout.join().toLowerCase()).toContain(what.slice(2));
  });
});

it("a password on standard input that never ends is told to be too long", async () => {
  const child = inBash(`cat /dev/zero | ${PUBLISH} --password-file -`);
  expect(await child.end(20_000)).toBe(2);
  expect(child.stdout.join()).toMatch(/has more than 65536 bytes/);
});

it("a password on standard input that doesn't come is waited for until a signal", async () => {
  const child = inBash(`exec ${PUBLISH} --password-file - < <(exec sleep 10 2>&-)`);
  expect(await Promise.race([child.exited, new Promise((resolve) => setTimeout(resolve, WAITS))])).toBe(
    undefined,
  );
  child.process.kill("SIGTERM");
  expect(await child.end(5_000)).toBe("SIGTERM");
});

describe("what comes from a pipe, after a while,", () => {
  it("is a password as good as any, and signals then mean what they mean to a publisher", async () => {
    const child = inBash(`exec ${PUBLISH} --password-file <(sleep 1; echo secret; echo more)`);
    const ready = await child.until(({ stdout }) => stdout.find((line) => line.includes('"ready"')), 20_000);
    const url = String((JSON.parse(ready) as { url: string }).url);
    const status = async (password: string) => {
      const authorization = `Basic ${Buffer.from(`x:${password}`).toString("base64")}`;
      return (await fetch(url, { headers: { authorization } })).status;
    };
    expect([await status("secret"), await status("else")]).toEqual([200, 401]);
    expect(await child.stop("SIGTERM")).toBe(0);
    expect(child.stdout.at(-1)).toContain('"stopped"');
  });

  it("is a configuration as good as any", async () => {
    await inBash(`${CREATE} --config <(sleep 1; echo name = piped)`).succeed(20_000);
    expect(readFileSync(at("made.torrent"), "latin1")).toContain("5:piped");
  });
});
