/** What the command says of places that can't be written to, and of what is there already. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
let publisher: ShareProcess | undefined;

beforeEach(() => {
  writeFileSync(join(place.dir, "file.bin"), noise(100_000, 1));
});
afterEach(async () => {
  await publisher?.stop();
  publisher = undefined;
});

async function urlOfFile(): Promise<string> {
  const cache = join(place.dir, "cache");
  publisher = new ShareProcess([join(place.dir, "file.bin"), "--bind", "127.0.0.1", "--cache-dir", cache]);
  return String((await publisher.event("ready"))["url"]);
}

it.each([
  ["a folder that takes none", "/proc/nope", /\/proc takes no new folders\. Choose another one with -o/],
  ["a file", "FILE/below", /something else stands there or above it/],
])("get exits 4 for -o below %s", async (_, out, message) => {
  const url = await urlOfFile();
  const to = out.replace("FILE", join(place.dir, "file.bin"));
  const getter = new ShareProcess(["get", url, "-o", to]);
  expect(await getter.end()).toBe(4);
  expect(getter.lastEvent("error")).toMatchObject({ code: "storage-unwritable" });
  expect(getter.lastEvent("error")?.["message"]).toMatch(message);
});

it.each([
  ["a folder that isn't there", "none/x.torrent", /There is no folder ".*none": make it, or choose another/],
  ["a file", "file.bin/x.torrent", /There is no folder ".*file\.bin"/],
])("create exits 4 for -o below %s, before anything is hashed", async (_, out, message) => {
  const creator = new ShareProcess(["create", join(place.dir, "file.bin"), "-o", join(place.dir, out)]);
  expect(await creator.end()).toBe(4);
  expect(creator.events).toEqual([
    { event: "error", code: "output-unwritable", message: expect.any(String) },
  ]);
  expect(creator.lastEvent("error")?.["message"]).toMatch(message);
});

it("create exits 1 where something stands already, and leaves it", async () => {
  writeFileSync(join(place.dir, "x.torrent"), "precious");
  const creator = new ShareProcess([
    "create",
    join(place.dir, "file.bin"),
    "-o",
    join(place.dir, "x.torrent"),
  ]);
  expect(await creator.end()).toBe(1);
  expect(creator.lastEvent("error")).toMatchObject({ code: "output-exists" });
  expect(existsSync(join(place.dir, "x.torrent"))).toBe(true);
});

it("says of a complete copy that it was there, and tells no rate", async () => {
  const url = await urlOfFile();
  const out = join(place.dir, "out");
  mkdirSync(out);
  const get = async () => {
    const getter = new Child(process.execPath, [commandPath, "get", url, "-o", out]);
    await getter.succeed();
    return getter.stderr.find((line) => line.startsWith("done"));
  };
  expect(await get()).toMatch(/^done {2}100 KB in \d\.\ds( \(.*\/s\))?$/);
  expect(await get()).toBe("done  100 KB, all of it was here already");
});
