/** What another user of this machine puts where we read: FIFOs, giants, links, and files that claim to be ours. */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { commandPath, type ShareProcess } from "../support/command.ts";
import { digestTree, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { at } = stage;
beforeEach(() => {
  mkdirSync(at("folder"));
  writeFileSync(at("folder/file"), noise(300_000, 1));
});

const NOBODY = 65_534;

async function fifo(name: string): Promise<void> {
  await stage.run("mkfifo", [name]).succeed();
}

/** A folder of torrents for everybody, with what isn't one in it. */
async function dropBox(): Promise<string> {
  mkdirSync(at("torrents"));
  await fifo(at("torrents/a-fifo.torrent"));
  writeFileSync(at("torrents/b-giant.torrent"), "d4:info");
  truncateSync(at("torrents/b-giant.torrent"), 8_000_000_000);
  symlinkSync("/dev/zero", at("torrents/c-endless.torrent"));
  mkdirSync(at("torrents/d-folder.torrent"));
  await stage.share("create", "folder", "-o", at("made.torrent")).succeed(20_000);
  cpSync(at("made.torrent"), at("torrents/e-good.torrent"));
  return at("torrents");
}

const odd = ["a-fifo", "b-giant", "c-endless", "d-folder"];

async function expectToldOf(child: ShareProcess): Promise<void> {
  const told = () =>
    child.events.filter(({ event }) => event === "warning").map(({ message }) => String(message));
  for (const name of odd)
    await child.until(() => told().find((message) => message.includes(`${name}.torrent`)), 10_000);
}

/** Every file below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(folder, name))
    .filter((file) => lstatSync(file).isFile());
}

async function readyOf(publisher: ShareProcess): Promise<string> {
  return String((await publisher.event("ready"))["url"]);
}

describe("a folder for torrents that holds a FIFO, a giant, a link to a device and a folder", () => {
  it("is seeded from all the same (share seed)", async () => {
    const seeder = stage.share(
      "seed",
      await dropBox(),
      at(),
      "--bind",
      "127.0.0.1",
      "--port",
      "0",
      "--no-lan",
    );
    const url = await readyOf(seeder);
    await expectToldOf(seeder);
    await stage.get(url).succeed(20_000);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
    expect(await seeder.stop()).toBe(0);
  });

  it("is what a tracker may track all the same (share tracker --allow)", async () => {
    const box = await dropBox();
    const tracker = stage.share("tracker", "--allow", box, "--bind", "127.0.0.1", "--port", "0");
    const { port } = await tracker.event("listening");
    await expectToldOf(tracker);
    const answer = await (await fetch(`http://127.0.0.1:${port}/scrape`)).text();
    expect(answer).toContain("8:complete");
    expect(await tracker.stop()).toBe(0);
  });
});

describe("a download by a magnet link", () => {
  it("waits for nobody at a FIFO in the place of the saved metadata, and writes to no other name of a file", async () => {
    const publisher = stage.publish("folder", "--port", "0");
    const url = await readyOf(publisher);
    const ready = publisher.lastEvent("ready");
    const infoHash = String(ready?.["infoHash"]);
    mkdirSync(at("out"));
    await fifo(at("out", `.${infoHash}.boojum-info`));
    writeFileSync(at("precious"), "precious");
    linkSync(at("precious"), at("out", `.${infoHash}.boojum-info.new`));
    const { hostname, port } = new URL(url);
    await stage.get(`magnet:?xt=urn:btih:${infoHash}&x.pe=${hostname}:${port}`, "--no-lan").succeed(20_000);
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
    expect(readdirSync(at("out"))).toEqual(["folder"]);
  });
});

describe("the folder of what is remembered", () => {
  const publish = (...flags: string[]) => stage.publish("folder", "--port", "0", "--no-lan", ...flags);
  const cache = at.bind(undefined, "cache");

  it("is for nobody else, whatever the umask says", async () => {
    const child = stage.run("bash", [
      "-c",
      `umask 000; exec ${process.execPath} "$@"`,
      "-",
      commandPath,
      ...["folder", "--bind", "127.0.0.1", "--port", "0", "--no-lan", "--cache-dir", "cache", "--json"],
    ]);
    await child.until(() => child.stdout.find((line) => line.includes('"ready"')), 20_000);
    await child.stop();
    const modes = [
      cache(),
      ...readdirSync(cache(), { recursive: true, encoding: "utf8" }).map((name) => cache(name)),
    ];
    expect(modes.length).toBeGreaterThan(2);
    for (const file of modes) expect([file, lstatSync(file).mode & 0o077]).toEqual([file, 0]);
  });

  it("may hold FIFOs, giants and links in place of its files: they are not read", async () => {
    for (const plant of [
      (file: string) => fifo(file),
      async (file: string) => {
        writeFileSync(file, "{");
        truncateSync(file, 8_000_000_000);
      },
      async (file: string) => symlinkSync("/dev/zero", file),
    ]) {
      const first = publish();
      await readyOf(first);
      expect(await first.stop()).toBe(0);
      const files = filesIn(cache());
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) {
        rmSync(file);
        await plant(file);
      }
      const again = publish();
      await stage.get(await readyOf(again)).succeed(20_000);
      expect(await again.stop()).toBe(0);
    }
  });

  it("decides no address that another user has chosen, who would know it", async () => {
    const first = publish("--unlisted");
    const url = await readyOf(first);
    expect(await first.stop()).toBe(0);
    const second = publish("--unlisted");
    expect(new URL(await readyOf(second)).pathname).toBe(new URL(url).pathname);
    expect(await second.stop()).toBe(0);
    for (const file of filesIn(cache())) chownSync(file, NOBODY, NOBODY);
    const third = publish("--unlisted");
    const other = await readyOf(third);
    expect(new URL(other).pathname).not.toBe(new URL(url).pathname);
    expect(third.events.map(({ message }) => String(message)).join()).toContain("belongs to another user");
    expect(existsSync(cache("shares"))).toBe(true);
  });
});

describe("a folder for everybody", () => {
  it.each<[string, (lock: string) => unknown]>([
    ["a FIFO", (lock) => fifo(lock)],
    ["a folder", (lock) => mkdirSync(lock)],
    ["a link", (lock) => symlinkSync("nowhere", lock)],
  ])("in which %s has the name of the lock is refused, and nobody is accused", async (_, plant) => {
    const url = await readyOf(stage.publish("folder", "--port", "0"));
    mkdirSync(at("out"));
    await plant(at("out/.folder.boojum.lock"));
    const getter = stage.get(url, "--no-lan");
    expect(await getter.end(20_000)).toBe(1);
    const message = String(getter.lastEvent("error")?.["message"]);
    expect(message).toContain(`${at("out/.folder.boojum.lock")} is a `);
    expect(message).not.toContain("process");
  });

  it("in which somebody's file can't be read is told just so, and left", async () => {
    const url = await readyOf(stage.publish("folder", "--port", "0"));
    cpSync(at("folder"), at("out/folder"), { recursive: true });
    chmodSync(at("out/folder/file"), 0o600);
    for (const open of [at(), at("out"), at("out/folder")]) chmodSync(open, 0o777);
    const who = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
    const args = [process.execPath, commandPath, "get", url, "-o", at("out"), "--no-lan"];
    const getter = stage.run("setpriv", [...who, ...args], { env: { HOME: at() } });
    expect(await getter.end(20_000)).toBe(1);
    expect(getter.stderr.join("\n")).toContain(`${at("out/folder/file")} can't be read: no permission`);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
  });
});
