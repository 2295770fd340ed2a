/** Files and folders that don't stay what they were: while they are seeded, and while a download writes them. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, type ShareEvent, ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { publishForWire } from "../support/wire-share.ts";

let place: ReturnType<typeof scratch>;
const running: Child[] = [];
beforeEach(() => {
  place = scratch();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
  place.remove();
});

const at = (...parts: string[]) => path.join(place.dir, ...parts);

describe("a file that is lost while it is seeded", () => {
  const target = () => at("folder", "a.bin");
  it.each<[string, () => void]>([
    ["deleted", () => unlinkSync(target())],
    ["truncated", () => truncateSync(target(), 1_000)],
    [
      "replaced by one of the same size",
      () => {
        writeFileSync(at("new"), noise(500_000, 9));
        renameSync(at("new"), target());
      },
    ],
    ["written to", () => writeFileSync(target(), noise(500_000, 9))],
    [
      "replaced by a link to a secret",
      () => {
        writeFileSync(at("secret"), noise(500_000, 9));
        unlinkSync(target());
        symlinkSync(at("secret"), target());
      },
    ],
    [
      "replaced by a folder",
      () => {
        unlinkSync(target());
        mkdirSync(target());
      },
    ],
  ])("(%s) is told to the publisher and withdrawn; the rest is served, byte for byte", async (_, lose) => {
    const share = await publishForWire(place.dir, 1_000_000);
    running.push(share.publisher);
    lose();
    const getter = new ShareProcess([
      "get",
      share.torrent,
      "-o",
      at("out"),
      "--no-lan",
      "--timeout",
      "2s",
      "--peer",
      `127.0.0.1:${share.port}`,
    ]);
    running.push(getter);
    expect(await getter.end(40_000)).toBe(5);
    const warnings = share.publisher.events.filter(({ code }) => code === "unreadable");
    expect(warnings.map(({ message }) => String(message)).join()).toContain(target());
    // All that is in no piece with the lost file.
    expect(Number(getter.lastEvent("progress")?.["bytesDone"])).toBeGreaterThanOrEqual(400_000);
    expect(share.publisher.stderr).toEqual([]);
  });

  it("by its permissions, of a publisher who is nobody special, is no different", async () => {
    mkdirSync(at("folder"));
    for (const name of ["a", "b"]) writeFileSync(at("folder", name), noise(300_000, name.charCodeAt(0)));
    const cache = at("cache");
    mkdirSync(cache);
    chownSync(cache, 65_534, 65_534);
    chmodSync(place.dir, 0o755);
    const nobody = new Child(
      "setpriv",
      [
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        process.execPath,
        commandPath,
        "publish",
        "folder",
        "--bind",
        "127.0.0.1",
        "--port",
        "0",
        "--cache-dir",
        cache,
        "--piece-size",
        "64KiB",
        "--json",
      ],
      { cwd: place.dir, env: { HOME: cache } },
    );
    running.push(nobody);
    const events = () => nobody.stdout.map((line) => JSON.parse(line) as ShareEvent);
    const ready = await nobody.until(() => events().find(({ event }) => event === "ready"), 20_000);
    chmodSync(at("folder", "a"), 0);
    const all = new ShareProcess([
      "get",
      String(ready["url"]),
      "-o",
      at("all"),
      "--no-lan",
      "--timeout",
      "2s",
    ]);
    running.push(all);
    expect(await all.end(30_000)).toBe(5);
    const warning = await nobody.until(() => events().find(({ code }) => code === "unreadable"), 5_000);
    expect(String(warning["message"])).toContain(at("folder", "a"));
    expect(nobody.process.exitCode).toBeNull();
  });
});

describe("a download into a folder that somebody else changes meanwhile", () => {
  it("never writes through a link that takes a folder's place again and again", async () => {
    const share = await publishForWire(place.dir, 6_000_000, ["--limit-up", "3MB/s"]);
    running.push(share.publisher);
    const victim = at("victim");
    mkdirSync(victim);
    writeFileSync(path.join(victim, "b.bin"), "precious");
    const folder = at("out", "folder", "sub");
    const getter = new ShareProcess([
      "get",
      share.torrent,
      "-o",
      at("out"),
      "--no-lan",
      "--timeout",
      "5s",
      "--peer",
      `127.0.0.1:${share.port}`,
    ]);
    running.push(getter);
    let swaps = 0;
    const attack = setInterval(() => {
      try {
        if (existsSync(folder) && !existsSync(`${folder}.aside`)) {
          renameSync(folder, `${folder}.aside`);
          symlinkSync(victim, folder);
          swaps++;
        } else {
          rmSync(folder, { force: true, recursive: false });
          renameSync(`${folder}.aside`, folder);
        }
      } catch {
        // The other way round, the next time.
      }
    }, 5);
    const code = await getter.end(50_000).finally(() => clearInterval(attack));
    expect(swaps).toBeGreaterThan(20);
    expect(readdirSync(victim)).toEqual(["b.bin"]);
    expect(await digestFile(path.join(victim, "b.bin"))).toBe(await digestFile(precious()));
    // It ends in its own words: whole, or saying that somebody is in the way.
    expect([0, 1, 4]).toContain(code);
    if (code !== 0)
      expect(getter.lastEvent("error")?.["message"]).toEqual(expect.stringContaining(at("out")));
  });

  it("doesn't lose what it has when its folder is renamed away, and never claims what isn't there", async () => {
    const share = await publishForWire(place.dir, 6_000_000, ["--limit-up", "3MB/s"]);
    running.push(share.publisher);
    const getter = new ShareProcess([
      "get",
      share.torrent,
      "-o",
      at("out"),
      "--no-lan",
      "--timeout",
      "5s",
      "--peer",
      `127.0.0.1:${share.port}`,
    ]);
    running.push(getter);
    await getter.until(
      () => Number(getter.lastEvent("progress")?.["bytesDone"]) > 1_000_000 || undefined,
      20_000,
    );
    renameSync(at("out", "folder"), at("out", "elsewhere"));
    await getter.end(40_000);
    const again = new ShareProcess([
      "get",
      share.torrent,
      "-o",
      at("out"),
      "--no-lan",
      "--timeout",
      "8s",
      "--peer",
      `127.0.0.1:${share.port}`,
    ]);
    running.push(again);
    await again.succeed(40_000);
    expect(await digestFile(at("out/folder/a.bin"))).toBe(share.digests.get("a.bin"));
    expect(await digestFile(at("out/folder/sub/b.bin"))).toBe(share.digests.get("sub/b.bin"));
  });

  it("keeps a file that is written to by somebody else out of what it claims", async () => {
    const share = await publishForWire(place.dir, 2_000_000);
    running.push(share.publisher);
    const args = [
      "get",
      share.torrent,
      "-o",
      at("out"),
      "--no-lan",
      "--timeout",
      "8s",
      "--peer",
      `127.0.0.1:${share.port}`,
    ];
    const getter = new ShareProcess(args);
    running.push(getter);
    await getter.succeed(40_000);
    const file = at("out/folder/a.bin");
    truncateSync(file, 300_000);
    utimesSync(file, 1, 1);
    const again = new ShareProcess([...args, "--overwrite"]);
    running.push(again);
    await again.succeed(40_000);
    expect(await digestFile(file)).toBe(share.digests.get("a.bin"));
  });
});

function precious(): string {
  const file = at("precious");
  writeFileSync(file, "precious");
  return file;
}
