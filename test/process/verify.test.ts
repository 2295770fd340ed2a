/** `share verify`: the built command, real files, and a publisher to repair from. */
import {
  appendFileSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, noise, scratch } from "../support/data.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const place = scratch();
const closing: (() => unknown)[] = [];
let copy: string;
let torrent: string;

const at = (...parts: string[]) => path.join(place.dir, ...parts);
const KiB = 1024;

beforeEach(async () => {
  rmSync(at("data"), { recursive: true, force: true });
  mkdirSync(at("data", "sub", "deep"), { recursive: true });
  // Pieces of 64 KiB: a.bin ends in the middle of piece 3, and the small ones share the last with b.bin.
  writeFileSync(at("data", "a.bin"), noise(200 * KiB, 1));
  writeFileSync(at("data", "sub", "b.bin"), noise(300 * KiB, 2));
  writeFileSync(at("data", "sub", "deep", "c with \n break"), "12345");
  writeFileSync(at("data", "sub", "deep", "empty"), "");
  torrent = at("data.torrent");
  rmSync(torrent, { force: true });
  await run(process.execPath, [
    ...[
      "dist/cli.cjs",
      "create",
      at("data"),
      "-o",
      torrent,
      "--piece-size",
      "64KiB",
      "--cache-dir",
      at("cache"),
    ],
  ]);
  copy = at("another name");
  rmSync(copy, { recursive: true, force: true });
  cpSync(at("data"), copy, { recursive: true });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => place.remove());

async function verify(...args: string[]) {
  const child = new ShareProcess(["verify", ...args]);
  const code = await child.end();
  const event = child.lastEvent("verified") ?? expect.fail(child.describe());
  const files = event["files"] as { path: string; state: string; goodBytes: number }[];
  const states = Object.fromEntries(files.map((file) => [path.basename(file.path), file.state]));
  return { code, event, states, child };
}

function overwrite(file: string, position: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, position);
  closeSync(descriptor);
}

it("finds everything good under any name, and writes sums that sha256sum agrees with", async () => {
  const manifest = at("sums");
  const { code, event } = await verify(torrent, copy, "--manifest", manifest);
  expect(code).toBe(0);
  expect(event).toMatchObject({
    path: copy,
    good: 4,
    bad: 0,
    missing: 0,
    partial: 0,
    goodBytes: 500 * KiB + 5,
  });
  expect(await run("sha256sum", ["-c", "--strict", manifest], { cwd: copy })).toContain("a.bin: OK");
  expect(readFileSync(manifest, "utf8").split("\n")).toHaveLength(5);
  appendFileSync(path.join(copy, "a.bin"), "x");
  await expect(run("sha256sum", ["-c", "--strict", manifest], { cwd: copy })).rejects.toThrow();
});

it("tells bad, missing and partial apart, exits 3, and vouches for good files only", async () => {
  overwrite(path.join(copy, "a.bin"), 70 * KiB, Buffer.from("wrong"));
  truncateSync(path.join(copy, "sub", "b.bin"), 200 * KiB);
  rmSync(path.join(copy, "sub", "deep", "empty"));
  const { code, event, states } = await verify(torrent, copy, "--manifest", at("sums"));
  expect(code).toBe(3);
  // c's only piece reaches into b.bin, of which that part isn't there.
  expect(states).toEqual({
    "a.bin": "bad",
    "b.bin": "partial",
    "c with _ break": "partial",
    empty: "missing",
  });
  expect(event).toMatchObject({ good: 0, bad: 1, missing: 1, partial: 2 });
  expect(readFileSync(at("sums"), "utf8")).toBe("");
});

it("calls what an unfinished download has left as zeros partial, not bad", async () => {
  overwrite(path.join(copy, "sub", "b.bin"), 64 * KiB, new Uint8Array(128 * KiB));
  expect((await verify(torrent, copy)).states).toMatchObject({ "a.bin": "good", "b.bin": "bad" });
  // Whole pieces of zeros: b.bin begins 8 KiB into one.
  cpSync(at("data"), copy, { recursive: true });
  overwrite(path.join(copy, "sub", "b.bin"), 56 * KiB, new Uint8Array(128 * KiB));
  expect((await verify(torrent, copy)).states).toMatchObject({ "a.bin": "good", "b.bin": "partial" });
});

it("looks at one file by any name, and says where the data may be meant", async () => {
  const single = at("one.torrent");
  rmSync(single, { force: true });
  await run(process.execPath, [
    "dist/cli.cjs",
    "create",
    at("data", "a.bin"),
    "-o",
    single,
    "--cache-dir",
    at("cache"),
  ]);
  expect(await verify(single, path.join(copy, "a.bin"))).toMatchObject({ code: 0 });
  renameSync(path.join(copy, "a.bin"), path.join(copy, "x"));
  expect(await verify(single, path.join(copy, "x"))).toMatchObject({ code: 0 });
  const { code, event } = await verify(single, at("data"));
  expect([code, event["meant"]]).toEqual([3, at("data", "a.bin")]);
  const inParent = await verify(torrent, place.dir);
  expect([inParent.code, inParent.event["meant"]]).toEqual([3, at("data")]);
});

it("repairs by fetching the bad pieces and nothing else, from peers alone", async () => {
  const share: WireShare = await publishForWire(at("wire"), 1_000_000);
  closing.push(() => share.publisher.stop());
  const broken = at("broken");
  cpSync(at("wire", "folder"), broken, { recursive: true });
  overwrite(path.join(broken, "a.bin"), 100_000, Buffer.from("wrong"));
  rmSync(path.join(broken, "c.txt"));
  appendFileSync(path.join(broken, "sub", "b.bin"), "too long");
  const good = statSync(path.join(broken, "a.bin"));
  const { code, child } = await verify(
    share.torrent,
    broken,
    "--repair",
    "--peer",
    `127.0.0.1:${share.port}`,
    "--port",
    "0",
  );
  expect(child.events.filter(({ event }) => event === "verified").map(({ good: count }) => count)).toEqual([
    0, 3,
  ]);
  expect(code).toBe(0);
  expect(await digestTree(broken)).toEqual(share.digests);
  // Pieces of 64 KiB: the one with the wrong bytes, and the one that holds c.txt between its neighbours.
  const started = child.lastEvent("started") ?? expect.fail("no repair");
  expect(Number(started["bytes"]) - Number(started["resumedBytes"])).toBeLessThanOrEqual(2 * 64 * KiB);
  const sent = await share.publisher.until(() => {
    const stats = share.publisher.lastEvent("stats");
    return Number(stats?.["uploaded"] ?? 0) > 0 ? Number(stats?.["uploaded"]) : undefined;
  });
  expect(sent).toBeLessThanOrEqual(2 * 64 * KiB);
  expect(statSync(path.join(broken, "a.bin")).ino).toBe(good.ino);
});

it("says that nobody has what a repair needs, and keeps what is there", async () => {
  overwrite(path.join(copy, "a.bin"), 70 * KiB, Buffer.from("wrong"));
  const child = new ShareProcess(["verify", torrent, copy, "--repair", "--timeout", "1s", "--port", "0"]);
  expect(await child.end()).toBe(5);
  expect(readFileSync(path.join(copy, "sub", "b.bin"))).toEqual(readFileSync(at("data", "sub", "b.bin")));
});
