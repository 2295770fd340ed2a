/** Files and folders that don't stay what they were: while they are seeded, and while a download writes them. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Child } from "../support/child.ts";
import { commandPath, type ShareEvent, type ShareProcess } from "../support/command.ts";
import { digestFile, digestTree, noise } from "../support/data.ts";
import { freePort } from "../support/free-port.ts";
import { useStage } from "../support/stage.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const stage = useStage();
const { at } = stage;
const publishers: Child[] = [];
afterEach(async () => {
  await Promise.all(publishers.splice(0).map((child) => child.stop()));
});

async function publishWire(bytes: number, ...flags: string[]): Promise<WireShare> {
  const share = await publishForWire(at(), bytes, flags);
  publishers.push(share.publisher);
  return share;
}

/** From the publisher, by the peer protocol, and from nobody else. */
const getByWire = (share: WireShare, patience: string, ...flags: string[]): ShareProcess =>
  stage.get(share.torrent, "--no-lan", "--timeout", patience, "--peer", `127.0.0.1:${share.port}`, ...flags);

async function expectWhole(share: WireShare): Promise<void> {
  expect(await digestTree(at("out/folder"))).toEqual(share.digests);
}

const warnings = (child: ShareProcess, code: string): string[] =>
  child.events.filter((event) => event["code"] === code).map(({ message }) => String(message));

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
    const share = await publishWire(1_000_000);
    lose();
    const getter = getByWire(share, "2s");
    expect(await getter.end(40_000)).toBe(5);
    expect(warnings(share.publisher, "unreadable").join()).toContain(target());
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
    chmodSync(at(), 0o755);
    const who = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const flags = [
      "--bind",
      "127.0.0.1",
      "--port",
      "0",
      "--cache-dir",
      cache,
      "--piece-size",
      "64KiB",
      "--json",
    ];
    const nobody = stage.run(
      "setpriv",
      [...who, process.execPath, commandPath, "publish", "folder", ...flags],
      { env: { HOME: cache } },
    );
    const events = () => nobody.stdout.map((line) => JSON.parse(line) as ShareEvent);
    const ready = await nobody.until(() => events().find(({ event }) => event === "ready"), 20_000);
    chmodSync(at("folder", "a"), 0);
    const url = String(ready["url"]);
    expect(await stage.get(url, "--no-lan", "--timeout", "2s").end(30_000)).toBe(5);
    const warning = await nobody.until(() => events().find(({ code }) => code === "unreadable"), 5_000);
    expect(String(warning["message"])).toContain(at("folder", "a"));
    expect(nobody.process.exitCode).toBeNull();
    chmodSync(at("folder", "a"), 0o644);
    await nobody.until(() => events().find(({ code }) => code === "restored"), 15_000);
    await stage.get(url, "--no-lan").succeed(30_000);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
  });
});

describe("a file that isn't the one that was hashed, and holds the same all the same,", () => {
  const target = () => at("folder", "a.bin");
  it.each<[string, () => void]>([
    ["touched", () => utimesSync(target(), 1, 1)],
    [
      "replaced by one with the same data",
      () => {
        copyFileSync(target(), at("new"));
        renameSync(at("new"), target());
      },
    ],
  ])("(%s) stays, for peers at once and for browsers in a moment", async (_, change) => {
    const share = await publishWire(1_000_000);
    const file = `${share.url}/files/a.bin`;
    const before = (await fetch(file, { method: "HEAD" })).headers.get("etag");
    change();
    await getByWire(share, "8s").succeed(30_000);
    await expectWhole(share);
    await vi.waitFor(async () => expect((await fetch(file)).status).toBe(200), 15_000);
    const answer = await fetch(file);
    writeFileSync(at("by-http"), new Uint8Array(await answer.arrayBuffer()));
    expect(await digestFile(at("by-http"))).toBe(share.digests.get("a.bin"));
    expect(answer.headers.get("etag")).not.toBe(before);
    expect(warnings(share.publisher, "unreadable")).toEqual([]);
  });

  it("is told to be gone, and back again, to peers that wait for it, when it was moved away and written anew", async () => {
    const share = await publishWire(1_000_000);
    const data = readFileSync(target());
    const away = at("away");
    renameSync(target(), away);
    // It has everything else, and waits for what isn't there: nobody has to start anything again.
    const getter = getByWire(share, "40s");
    await getter.until(
      () => Number(getter.lastEvent("progress")?.["bytesDone"]) >= 400_000 || undefined,
      20_000,
    );
    await share.publisher.until(() => warnings(share.publisher, "unreadable")[0], 10_000);
    expect(await getter.until(() => getter.lastEvent("done"), 1_500).catch(() => "waits")).toBe("waits");
    writeFileSync(target(), data);
    await getter.succeed(30_000);
    await expectWhole(share);
    await share.publisher.until(() => warnings(share.publisher, "restored")[0], 60_000);
    expect(warnings(share.publisher, "restored")).toEqual([expect.stringContaining(target())]);
  });
});

describe("a download that is seeded, and edited by its user,", () => {
  it("gives others what is right in it and nothing else, withdraws the rest, and gives all when it's put back", async () => {
    const share = await publishWire(1_000_000);
    const port = await freePort();
    const flags = ["--no-lan", "--peer", `127.0.0.1:${share.port}`, "--seed", "--port", String(port)];
    const seeder = stage.get(share.torrent, ...flags);
    await seeder.event("done");
    await share.publisher.stop();
    const file = at("out", "folder", "a.bin");
    const data = readFileSync(file);
    writeFileSync(file, noise(1_000, 9), { flag: "r+" });
    const second = ["-o", at("second"), "--no-lan", "--timeout", "30s", "--peer", `127.0.0.1:${port}`];
    const getter = stage.share("get", share.torrent, ...second);
    // All but the one piece with the edit, from a peer that stays a good one.
    const progress = () => getter.lastEvent("progress");
    await getter.until(() => Number(progress()?.["bytesDone"]) >= 1_000_000 - 65_536 || undefined, 20_000);
    await seeder.until(() => warnings(seeder, "unreadable")[0], 10_000);
    expect(warnings(seeder, "unreadable").join()).toContain(file);
    expect(progress()?.["peers"]).toBe(1);
    expect(getter.lastEvent("done")).toBeUndefined();
    expect((await digestFile(file)) === share.digests.get("a.bin")).toBe(false);
    writeFileSync(file, data);
    await getter.succeed(30_000);
    expect(await digestTree(at("second/folder"))).toEqual(share.digests);
    // Whoever waited for it may be done before that is told.
    await seeder.until(() => warnings(seeder, "restored")[0], 60_000);
    expect(warnings(seeder, "restored")).toEqual([expect.stringContaining(file)]);
    expect(await seeder.stop()).toBe(0);
  });
});

describe("a download into a folder that somebody else changes meanwhile", () => {
  it("never writes through a link that takes a folder's place again and again", async () => {
    const share = await publishWire(6_000_000, "--limit-up", "3MB/s");
    const victim = at("victim");
    mkdirSync(victim);
    writeFileSync(path.join(victim, "b.bin"), "precious");
    const folder = at("out", "folder", "sub");
    const getter = getByWire(share, "5s");
    let swaps = 0;
    const attack = setInterval(() => {
      try {
        if (existsSync(folder) && !existsSync(`${folder}.aside`)) {
          renameSync(folder, `${folder}.aside`);
          symlinkSync(victim, folder);
          swaps++;
        } else {
          // Not ours to see again: a folder that was made where the link had just gone.
          if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory())
            renameSync(folder, `${folder}.${swaps}`);
          rmSync(folder, { force: true });
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
    const share = await publishWire(6_000_000, "--limit-up", "3MB/s");
    const getter = getByWire(share, "5s");
    await getter.until(
      () => Number(getter.lastEvent("progress")?.["bytesDone"]) > 1_000_000 || undefined,
      20_000,
    );
    renameSync(at("out", "folder"), at("out", "elsewhere"));
    await getter.end(40_000);
    const again = getByWire(share, "8s");
    await again.succeed(40_000);
    await expectWhole(share);
  });

  it.each<[string, (file: string) => void]>([
    ["written to", (file) => writeFileSync(file, noise(statSync(file).size, 77), { flag: "r+" })],
    ["deleted", (file) => unlinkSync(file)],
    [
      "replaced",
      (file) => {
        writeFileSync(`${file}~`, "short");
        renameSync(`${file}~`, file);
      },
    ],
  ])(
    "is whole when it is done, though a file was %s while it came, from one peer alone",
    async (_, change) => {
      const share = await publishWire(6_000_000, "--limit-up", "2MB/s");
      const getter = getByWire(share, "8s");
      const file = at("out/folder/sub/b.bin");
      await getter.until(
        () =>
          (Number(getter.lastEvent("progress")?.["bytesDone"]) > 1_000_000 && existsSync(file)) || undefined,
        20_000,
      );
      change(file);
      await getter.succeed(40_000);
      rmSync(`${file}~`, { force: true });
      await expectWhole(share);
      expect(warnings(getter, "changed").join()).toContain(`${file} was changed by another program`);
    },
  );

  it("keeps a file that is written to by somebody else out of what it claims", async () => {
    const share = await publishWire(2_000_000);
    const getter = getByWire(share, "8s");
    await getter.succeed(40_000);
    const file = at("out/folder/a.bin");
    truncateSync(file, 300_000);
    utimesSync(file, 1, 1);
    const again = getByWire(share, "8s", "--overwrite");
    await again.succeed(40_000);
    expect(await digestFile(file)).toBe(share.digests.get("a.bin"));
  });
});

function precious(): string {
  const file = at("precious");
  writeFileSync(file, "precious");
  return file;
}
