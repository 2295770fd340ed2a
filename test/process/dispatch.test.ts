/** Which command a command line means, and with which exit code it ends; in this process, because there are many. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli/run.ts";
import { scratch } from "../support/data.ts";

const before = process.cwd();
const place = scratch();

beforeAll(() => {
  writeFileSync(path.join(place.dir, "bad.torrent"), "d4:infodee");
  mkdirSync(path.join(place.dir, "empty"));
  process.chdir(place.dir);
});

afterAll(() => {
  process.chdir(before);
  place.remove();
});

async function command(
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const text = { out: "", err: "" };
  const code = await run(args, {
    stdout: { write: (part) => (text.out += part) },
    stderr: { write: (part) => (text.err += part) },
    env: { BOOJUM_CONFIG: "" },
    now: () => performance.now(),
    openUrl: () => Promise.resolve(),
    readerGone: new AbortController().signal,
  });
  return { code, ...text };
}

describe("the first word that is no flag's value decides", () => {
  it.each([
    ["a path", ["nothing"], "Can't publish"],
    [
      "a path after a flag whose value is a URL",
      ["--tracker", "http://x.example/announce", "nothing"],
      "Can't publish",
    ],
    [
      "a path after a flag with its value inside",
      ["--tracker=http://x.example/announce", "nothing"],
      "Can't publish",
    ],
    ["a path like a command", ["./get"], "Can't publish"],
    ["a path that looks like a flag", ["--", "--weird"], "Can't publish \""],
    ["publish itself", ["publish", "http://x.example/"], "Can't publish"],
    ["a URL", ["http://127.0.0.1:9/s/x"], "Nobody listens"],
    ["a URL after flags", ["-q", "-o", "nothing", "http://127.0.0.1:9/s/x"], "Nobody listens"],
    ["a torrent that exists", ["bad.torrent"], "info"],
    ["get before or after its flags", ["--overwrite", "get", "bad.torrent"], "info"],
  ])("%s", async (_, args, message) => {
    const { code, err } = await command(...args);
    expect(err).toContain(`error: `);
    expect(err).toContain(message);
    expect(code).toBe(1);
  });
});

describe("what can't be understood ends with 2", () => {
  it.each([
    ["nothing at all", [], "Usage: share"],
    ["a command without its argument", ["info"], "missing required argument"],
    ["too many arguments", ["create", "a", "b"], "too many arguments"],
    ["a flag of another command", ["get", "x.torrent", "--no-qr"], "unknown option '--no-qr'"],
    ["a flag that nobody has", ["empty", "--webrtc"], "unknown option '--webrtc'"],
    ["a misspelled flag", ["empty", "--limitup", "1MB"], "--limit-up"],
    ["a value that is none", ["empty", "--limit-up", "fast"], '"fast" is not a rate'],
    ["a port out of range", ["empty", "--port", "70000"], "65535"],
    ["a tracker that is none", ["empty", "--tracker", "x.example"], "not a tracker's URL"],
    ["a peer without a port", ["get", "x.torrent", "--peer", "10.0.0.1"], "HOST:PORT"],
    [
      "a mistyped command",
      ["gte", "x.torrent"],
      'neither a command nor a file "gte". Did you mean: share get?',
    ],
    ["a port for a source's doctor", ["doctor", "bad.torrent", "--port", "1"], "without a source"],
    ["a folder as a source", ["get", "empty"], "To publish it: share ./empty"],
    ["several names", ["empty", "bad.torrent", "--name", "x", "./bad.torrent"], "one share only"],
  ])("%s", async (_, args, message) => {
    const { code, err, out } = await command(...args);
    expect(err).toContain(message);
    expect(out).toBe("");
    expect(code).toBe(2);
  });
});

it("helps on stdout and ends with 0", async () => {
  for (const args of [["--help"], ["get", "--help"], ["help", "get"], ["-h"]]) {
    const { code, out, err } = await command(...args);
    expect(out).toContain("Usage: share");
    expect(err).toBe("");
    expect(code).toBe(0);
  }
  expect((await command("help", "get")).out).toContain("--seed-ratio");
});
