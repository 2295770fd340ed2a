/** Odd environments: what a shell, a container or a careless script hands to the command. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { commandPath } from "../support/command.ts";
import { digestTree, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { at } = stage;
const command = `${process.execPath} ${commandPath}`;
beforeEach(() => {
  mkdirSync(at("folder"));
  writeFileSync(at("folder", "file"), noise(50_000, 1));
});

/** `$share` is the command. What goes on until it is stopped must take the shell's place: `exec`. */
const shell = (script: string): Child => stage.run("bash", ["-c", script], { env: { share: command } });

const publishing = "exec $share folder --bind 127.0.0.1 --port 0 --cache-dir cache";

async function expectServed(child: Child): Promise<void> {
  const line = await child.until(() => child.stdout.find((one) => one.includes("/s/")), 20_000);
  const url = /http:[^"\s]+\/s\/\w+/.exec(line)?.[0] ?? expect.fail(line);
  await stage.get(url).succeed(20_000);
  expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
}

describe("a publisher", () => {
  it.each<[string, string]>([
    ["without standard input", `${publishing} <&-`],
    ["without standard error", `${publishing} 2>&-`],
    ["with a full disk behind standard error", `${publishing} 2>/dev/full`],
    ["with no temporary folder", `export TMPDIR=/nowhere; ${publishing}`],
    [
      "with nothing in the environment",
      `exec env -i ${command} folder --bind 127.0.0.1 --port 0 --cache-dir cache`,
    ],
    ["with a limit of 64 descriptors", `ulimit -n 64; ${publishing}`],
  ])("works %s", async (_, script) => {
    await expectServed(shell(script));
  });

  it("works for a user whom the system doesn't know, as in a container, and says what it can't remember", async () => {
    chmodSync(at(), 0o755);
    const who = "--reuid 54321 --regid 54321 --clear-groups";
    const child = shell(`exec env -i setpriv ${who} ${command} folder --bind 127.0.0.1 --port 0`);
    await expectServed(child);
    expect(child.stderr.join("\n")).toContain("The URL can't be remembered for the next time");
  });

  it("puts nothing into the folder it was started in, when HOME is no path", async () => {
    const child = shell(`HOME=here XDG_CACHE_HOME=there ${command} create folder -o made.torrent`);
    await child.succeed(20_000);
    expect(readdirSync(at()).sort()).toEqual(["folder", "made.torrent"]);
  });
});

describe("an argument that is empty, as a variable that isn't set gives it,", () => {
  it.each([
    [""],
    ["publish", ""],
    ["create", ""],
    ["get", "http://127.0.0.1:1/s/x", "-o", ""],
    ["seed", "x.torrent", ""],
    ["verify", "x.torrent", ""],
    ["folder", "--cache-dir", ""],
    ["tracker", "--allow", ""],
  ])("is a mistake and not the folder we are in: share %j %j %j %j", async (...args) => {
    const child = stage.share(...args.filter((each) => each !== undefined));
    expect(await child.end(20_000)).toBe(2);
    expect(child.events).toEqual([
      { event: "error", code: "usage", message: expect.stringContaining("empty") },
    ]);
  });
});

describe("standard output on a full disk", () => {
  it.each<[string, string]>([
    ["--version", "--version"],
    ["--help", "--help"],
    ["create", "create folder -o made.torrent --json"],
    ["info", "info made.torrent"],
    ["verify", "verify made.torrent folder --json"],
    ["completion", "completion bash"],
  ])("makes %s fail, and say why", async (_, args) => {
    await shell(`$share create folder -o made.torrent`).succeed(20_000);
    const child = shell(`$share ${args} > /dev/full`);
    expect(await child.end(20_000)).toBe(1);
    expect(child.stderr.at(-1)).toMatch(/^error: Standard output can't be written: ENOSPC/);
    expect(child.stderr.join("\n")).not.toContain("    at ");
  });

  it.each(["--version", "--help", "get --help", "completion zsh"])(
    "and a reader who leaves at once are two things: share %s",
    async (args) => {
      const child = shell(`$share ${args} | true; exit \${PIPESTATUS[0]}`);
      expect(await child.end(20_000)).toBe(0);
      expect(child.stderr).toEqual([]);
    },
  );
});

describe("a place to download to that is none", () => {
  const long = "x".repeat(256);
  it.each<[string, string]>([
    ["a name of 256 bytes", long],
    ["a path of 5,000 bytes", `${"x".repeat(199)}/`.repeat(25)],
    ["a device", "/dev/null"],
    ["a file", "folder/file"],
    ["the kernel's /proc", "/proc"],
    ["a link that leads to itself", "circle"],
  ])("(%s) is told in one line, and nothing is left", async (_, out) => {
    await shell("ln -s circle circle").succeed();
    const publisher = stage.publish("folder", "--port", "0");
    const { url } = await publisher.event("ready");
    const before = readdirSync(at());
    const child = stage.share("get", String(url), "-o", out);
    expect([1, 4]).toContain(await child.end(20_000));
    const message = String(child.lastEvent("error")?.["message"]);
    expect(message).toMatch(/can't be (made|written)|never followed|longer name/);
    expect(message).not.toMatch(/lstat|mkdir|ENAMETOOLONG: /);
    expect(readdirSync(at())).toEqual(before);
    expect(readFileSync(at("folder/file"))).toEqual(Buffer.from(noise(50_000, 1)));
  });

  it("and a folder that is gone under our feet are told, too", async () => {
    const child = shell("mkdir gone; cd gone; rmdir ../gone; $share .");
    expect(await child.end(20_000)).toBe(1);
    expect(child.stderr).toEqual(["error: The folder that you are in was deleted. Go to another one."]);
    expect(existsSync(at("gone"))).toBe(false);
  });
});

it("an argument as long as the system takes is not repeated whole", async () => {
  const child = stage.plain("get", "x".repeat(100_000));
  expect(await child.end(20_000)).toBe(2);
  expect(child.stderr.join("\n").length).toBeLessThan(1_000);
});
