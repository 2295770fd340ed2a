/** The command is asked to stop at moments that nobody plans for. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, type ShareEvent } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
const running: Child[] = [];
beforeEach(() => {
  writeFileSync(path.join(place.dir, "file"), noise(100_000, 1));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop("SIGKILL")));
});

/**
 * The built command on a disk that is slow: all but its first file is there only after it was told so, by a file
 * `go`. It says `loading` before.
 */
function onSlowDisk(...args: string[]): Child {
  const dist = path.join(place.dir, "dist");
  cpSync(path.dirname(commandPath), dist, { recursive: true });
  const entry = path.join(dist, "cli.cjs");
  writeFileSync(
    path.join(dist, "slow.js"),
    `import { existsSync } from "node:fs";
    process.stderr.write("loading\\n");
    const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
    while (!existsSync(${JSON.stringify(path.join(place.dir, "go"))})) await pause();
    // What was sent before is heard in the next turn, whenever that is.
    for (let turn = 0; turn < 3; turn++) await pause();
    export const { main } = await import("./run.js");`,
  );
  writeFileSync(entry, readFileSync(entry, "utf8").replace('import("./run.js")', 'import("./slow.js")'));
  const child = new Child(process.execPath, [entry, ...args], { cwd: place.dir });
  running.push(child);
  return child;
}

async function signalWhileLoading(child: Child, ...signals: NodeJS.Signals[]): Promise<void> {
  await child.until(({ stderr }) => stderr.find((line) => line === "loading"), 20_000);
  for (const signal of signals) child.process.kill(signal);
  writeFileSync(path.join(place.dir, "go"), "");
}

const events = ({ stdout }: Child) => stdout.map((line) => (JSON.parse(line) as ShareEvent).event);

describe("a signal before the command is loaded", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "(%s) ends a publisher with `stopped` and 0",
    async (signal) => {
      const child = onSlowDisk("publish", "file", "--bind", "127.0.0.1", "--cache-dir", "cache", "--json");
      await signalWhileLoading(child, signal);
      expect(await child.end(20_000)).toBe(0);
      expect(events(child)).toEqual(["stopped"]);
    },
  );

  it("ends `get` with 130, and nothing is written", async () => {
    const child = onSlowDisk("get", "http://127.0.0.1:9/s/x", "-o", "out", "--json");
    await signalWhileLoading(child, "SIGINT");
    expect(await child.end(20_000)).toBe(130);
    expect(events(child)).toEqual(["error"]);
    expect(existsSync(path.join(place.dir, "out"))).toBe(false);
  });

  it("ends at once when a second one comes", async () => {
    const child = onSlowDisk("publish", "file", "--bind", "127.0.0.1", "--cache-dir", "cache");
    await child.until(({ stderr }) => stderr.find((line) => line === "loading"), 20_000);
    child.process.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 50));
    child.process.kill("SIGTERM");
    expect(await child.end(5_000)).toBe(130);
  });

  it("ends a command that has nothing to put in order in the usual way", async () => {
    writeFileSync(path.join(place.dir, "log"), "");
    const child = onSlowDisk("tracker", "report", "log");
    await signalWhileLoading(child, "SIGINT");
    expect(await child.end(20_000)).toBe("SIGINT");
  });

  it("leaves nothing half written: `create` ends with 130", async () => {
    const child = onSlowDisk("create", "file", "-o", "x.torrent");
    await signalWhileLoading(child, "SIGTERM");
    expect(await child.end(20_000)).toBe(130);
    expect(readdirSync(place.dir).filter((name) => name.includes("torrent"))).toEqual([]);
  });
});

describe("a signal at any moment of the start", () => {
  it("ends a publisher with `stopped` and 0 as soon as it has said a word", async () => {
    const child = new Child(
      process.execPath,
      [commandPath, "file", "--bind", "127.0.0.1", "--cache-dir", "cache", "--json"],
      { cwd: place.dir },
    );
    running.push(child);
    await child.until(({ stdout }) => stdout[0]);
    child.process.kill("SIGINT");
    expect(await child.end(10_000)).toBe(0);
    expect(events(child).at(-1)).toBe("stopped");
    expect(events(child).filter((event) => event === "stopped")).toHaveLength(1);
  });
});
