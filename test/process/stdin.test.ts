/** `... | share - --name NAME`: publishing what comes by a pipe. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commandPath, type ShareEvent } from "../support/command.ts";
import { digestTree, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const { at, run, get } = useStage();

/** `PRODUCER | share - FLAGS --json`, in the scratch folder. */
function publishing(producer: string, ...flags: string[]) {
  // The command takes the shell's place, so that signals reach it.
  const script = `exec "$0" "$1" - --bind 127.0.0.1 --cache-dir cache --json ${flags.join(" ")} < <(exec 2>&-; ${producer})`;
  mkdirSync(at("cache"), { recursive: true });
  const child = run("bash", ["-c", script, process.execPath, commandPath]);
  const events = () => child.stdout.map((line) => JSON.parse(line) as ShareEvent);
  const event = (name: string) => child.until(() => events().find((each) => each.event === name));
  return { child, event, events };
}

/** What is kept of the data meanwhile. */
const spools = () => readdirSync(at("cache")).filter((name) => name.startsWith("boojum-spool"));

async function makeTree(): Promise<void> {
  mkdirSync(at("tree", "sub"), { recursive: true });
  writeFileSync(at("tree", "a"), noise(3_000_001, 1));
  writeFileSync(at("tree", "sub", "b ü"), noise(70_001, 2));
  writeFileSync(at("tree", "empty"), "");
}

describe("share -", () => {
  it("hands on an archive that nobody has stored: tar to tar", async () => {
    await makeTree();
    mkdirSync(at("copy"));
    const { child, event, events } = publishing("tar c -C tree .", "--name", "backup.tar");
    const ready = await event("ready");
    expect(ready).toMatchObject({ name: "backup.tar", files: 1 });
    expect(events().map((each) => each.event)).toContain("reading");
    const unpack = `set -o pipefail; "$0" "$1" get "$2" --stdout --no-lan | tar x -C copy`;
    const url = String(ready["url"]);
    await run("bash", ["-c", unpack, process.execPath, commandPath, url]).succeed();
    expect(await digestTree(at("copy"))).toEqual(await digestTree(at("tree")));
    // Other ways to have it.
    const page = await fetch(`${url}/files/backup.tar`);
    expect(page.headers.get("content-type")).toBe("application/x-tar");
    expect((await page.arrayBuffer()).byteLength).toBe(ready["bytes"]);
    expect(spools()).toHaveLength(1);
    await child.stop("SIGTERM");
    expect(spools()).toEqual([]);
  });

  it("has its URL from the start, is got when all has come, and has it again the next time", async () => {
    const { child, event } = publishing(
      "(head -c 1000000 /dev/zero; read < go; echo end)",
      "--name",
      "slow.bin",
    );
    await run("mkfifo", [at("go")]).succeed();
    const listening = await event("listening");
    const [share] = listening["shares"] as { url: string }[];
    const getting = get(share?.url ?? "", "--no-lan");
    await event("reading");
    const waiting = await fetch(share?.url ?? "", { headers: { accept: "application/x-bittorrent" } });
    expect(waiting.status).toBe(503);
    writeFileSync(at("go"), "\n");
    await getting.succeed();
    expect(statSync(at("out", "slow.bin")).size).toBe(1_000_004);
    await child.stop();
    const again = publishing("echo other", "--name", "slow.bin");
    const [second] = (await again.event("listening"))["shares"] as { url: string }[];
    expect(new URL(second?.url ?? "").pathname).toBe(new URL(share?.url ?? "").pathname);
    await again.child.stop();
  });

  it("stops while the data still come, and leaves nothing", async () => {
    const { child, event, events } = publishing("yes", "--name", "endless");
    await event("reading");
    // Whatever came has been written, not kept in memory.
    await expect
      .poll(() => Number(events().findLast((each) => each.event === "reading")?.["bytes"] ?? 0), {
        timeout: 20_000,
      })
      .toBeGreaterThan(150_000_000);
    const peak = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.process.pid}/status`, "latin1"))?.[1];
    expect(Number(peak)).toBeLessThan(150_000);
    expect(await child.stop("SIGINT")).toBe(0);
    expect(spools()).toEqual([]);
  });

  it("clears away what a killed process has left, and nothing of one that runs", async () => {
    const first = publishing("cat /dev/zero | head -c 1000000", "--name", "one");
    await first.event("ready");
    const [left] = spools();
    expect(left?.split("_")[2]).toBe(String(first.child.process.pid));
    await first.child.stop("SIGKILL");
    expect(spools()).toEqual([left]);
    const second = publishing("echo 2", "--name", "two");
    await second.event("ready");
    const [mine] = spools();
    expect(spools()).toHaveLength(1);
    expect(mine).not.toBe(left);
    const third = publishing("echo 3", "--name", "three");
    await third.event("ready");
    expect(spools()).toHaveLength(2);
    expect(spools()).toContain(mine);
    await Promise.all([second.child.stop(), third.child.stop()]);
    expect(spools()).toEqual([]);
  });

  it.each([
    ["no name", "echo 1", [], 2, "--name"],
    ["other paths", "echo 1", ["tree", "--name", "x"], 2, "alone"],
    ["nothing", "true", ["--name", "x"], 1, "empty"],
    ["a name that is a path", "echo 1", ["--name", "a/b"], 2, "name of a share"],
  ])("refuses %s", async (_, producer, flags, code, words) => {
    await makeTree();
    const { child, events } = publishing(producer, ...flags);
    expect(await child.end()).toBe(code);
    expect(events().findLast(({ event }) => event === "error")?.["message"]).toContain(words);
    expect(
      readdirSync(at("cache"), { withFileTypes: true }).filter(({ name }) => name.startsWith("boojum")),
    ).toEqual([]);
  });
});
