/** The jobs for which the BitTorrent FAQ of 2003 names a program each, done by the built command. */
import { once } from "node:events";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";

const place = scratch();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => place.remove());

const at = (...parts: string[]) => path.join(place.dir, ...parts);
const share = (...args: string[]) => run(process.execPath, [commandPath, ...args], { cwd: place.dir });
const json = async (...args: string[]) =>
  JSON.parse(await share(...args, "--json")) as Record<string, unknown>;

function folder(name: string): string {
  mkdirSync(at(name, "sub", "deep"), { recursive: true });
  writeFileSync(at(name, "a.bin"), noise(100_000, 1));
  writeFileSync(at(name, "sub", "b.bin"), noise(50_000, 2));
  writeFileSync(at(name, "sub", "deep", "c.txt"), "12345");
  return at(name);
}

async function published(...flags: string[]) {
  const publisher = new ShareProcess([
    "publish",
    folder("published"),
    "--bind",
    "127.0.0.1",
    "--port",
    "0",
    "--cache-dir",
    at("cache"),
    ...flags,
  ]);
  closing.push(() => publisher.stop());
  return await publisher.event("ready");
}

it("maketorrent: writes every part of a torrent, and the same bytes whenever it is asked", async () => {
  folder("made");
  const flags = [
    ...["--tracker", "http://a.example/announce", "--tracker", "udp://b.example:1,http://c.example/announce"],
    ...["--web-seed", "http://w.example/data/", "--comment", "für alle", "--source", "XY", "--private"],
    ...["--piece-size", "32KiB", "--exclude", "*.txt", "--cache-dir", at("cache")],
  ];
  await share("create", at("made"), "-o", at("one.torrent"), ...flags);
  await share("create", at("made"), "-o", at("two.torrent"), ...flags);
  expect(readFileSync(at("one.torrent"))).toEqual(readFileSync(at("two.torrent")));
  const info = await json("info", at("one.torrent"));
  expect(info).toMatchObject({
    name: "made",
    pieceLength: 32_768,
    private: true,
    source: "XY",
    comment: "für alle",
    trackers: [["http://a.example/announce"], ["udp://b.example:1", "http://c.example/announce"]],
    webSeeds: ["http://w.example/data/"],
    files: [{ path: "a.bin" }, { path: "sub/b.bin" }],
  });
  expect(info).not.toHaveProperty("creationDate");
  await share("create", at("made"), "-o", at("dated.torrent"), "--date", "2003-10-21", ...flags);
  expect(await json("info", at("dated.torrent"))).toMatchObject({
    infoHash: info["infoHash"],
    creationDate: Date.UTC(2003, 9, 21) / 1000,
  });
});

it("completedir: makes one torrent of each entry, leaves those that are there, and says what has none", async () => {
  folder("entries");
  mkdirSync(at("entries", "empty"));
  mkdirSync(at("entries", "skipped"));
  writeFileSync(at("entries", "skipped", "x"), "x");
  writeFileSync(at("entries", "old.torrent"), "not data");
  mkdirSync(at("torrents"));
  const args = [
    "create",
    at("entries"),
    "--each",
    "-o",
    at("torrents"),
    "--exclude",
    "skipped",
    "--cache-dir",
    at("cache"),
  ];
  const first = new ShareProcess(args);
  expect(await first.end()).toBe(1);
  expect(first.events).toMatchObject([
    { event: "created", path: at("torrents", "a.bin.torrent"), files: 1, bytes: 100_000 },
    { event: "warning", code: "source", message: expect.stringContaining(at("entries", "empty")) },
    { event: "created", path: at("torrents", "sub.torrent"), files: 2, bytes: 50_005 },
  ]);
  rmSync(at("entries", "empty"), { recursive: true });
  rmSync(at("torrents", "a.bin.torrent"));
  const again = new ShareProcess(args);
  expect(await again.end()).toBe(0);
  expect(again.events).toMatchObject([
    { event: "created", path: at("torrents", "a.bin.torrent") },
    { event: "warning", code: "output-exists" },
  ]);
  expect(readdirSync(at("torrents")).sort()).toEqual(["a.bin.torrent", "sub.torrent"]);
});

it("TorrentSpy, metafile viewer: shows what is inside a torrent, as a tree with sizes, and how its swarm is", async () => {
  const ready = await published();
  const text = await share("info", String(ready["url"]), "--swarm");
  const lines = text.split("\n");
  expect(lines).toContain(`info hash   ${ready["infoHash"]}`);
  expect(lines).toContain("pieces      10 of 16 KiB");
  expect(text).toMatch(
    /^swarm {7}http:\/\/127\.0\.0\.1:\d+\/announce\/\w+ {2}1 seeding, 0 getting it, 0 completed$/m,
  );
  expect(lines).toContain("visible     1.00 distributed copies at 1 peer, 1 complete");
  expect(lines.slice(lines.indexOf("files       3 files") + 1).map((line) => line.trimEnd())).toEqual([
    "   100 KB  a.bin",
    "  50.0 KB  sub/",
    "  50.0 KB    b.bin",
    "      5 B    deep/",
    "      5 B      c.txt",
  ]);
});

it("DumpTorrentCGI: asks every tracker, each in the way that it understands, and says who doesn't answer", async () => {
  const ready = await published();
  // Knows announces only, counts us among the leechers, and must hear that we are gone.
  const heard: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    heard.push(/event=\w+/.exec(url)?.[0] ?? url.split("?")[0] ?? "");
    if (!url.startsWith("/announce")) response.writeHead(404).end("no such page");
    else response.end("d8:completei7e10:incompletei3e8:intervali900e5:peers0:e");
  });
  closing.push(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server has such an address
  const own = new URL(String(ready["url"]));
  const urls = [
    `http://127.0.0.1:${port}/announce`,
    `udp://127.0.0.1:${own.port}/announce${own.pathname.slice(2)}`,
    "http://127.0.0.1:1/announce",
  ];
  await share(
    "create",
    at("published"),
    "-o",
    at("many.torrent"),
    ...urls.flatMap((url) => ["--tracker", url]),
  );
  const info = await json("info", at("many.torrent"), "--swarm");
  expect(info["infoHash"]).toBe(ready["infoHash"]);
  expect(info["swarm"]).toEqual([
    { tracker: urls[0], seeders: 7, leechers: 2, completed: null },
    { tracker: urls[1], seeders: 1, leechers: 0, completed: 0 },
    {
      tracker: urls[2],
      seeders: null,
      leechers: null,
      completed: null,
      error: expect.stringMatching(/ECONNREFUSED/),
    },
  ]);
  expect(info["availability"]).toEqual({ peers: 1, complete: 1, copies: 1 });
  expect(heard).toEqual(["/scrape", "event=started", "event=stopped"]);
});

it("DumpTorrentCGI: sees the swarm of a magnet link, and of a share with a password", async () => {
  const open = await published();
  expect(await json("info", String(open["magnet"]), "--swarm")).toMatchObject({
    swarm: [{ seeders: 1 }],
    availability: { copies: 1 },
  });
  const closed = await published("--password", "pw");
  const info = await json("info", String(closed["url"]), "--password", "pw", "--swarm");
  expect(info).toMatchObject({ swarm: [{ seeders: 1 }], availability: { copies: 1 } });
  expect(info["warnings"]).toEqual([{ code: "token", message: expect.any(String) }]);
});

it("BTChange: gives a torrent other trackers, in place and at once, and leaves what makes its info hash", async () => {
  await share(
    "create",
    folder("changed"),
    "-o",
    at("changed.torrent"),
    "--tracker",
    "http://old.example/announce",
  );
  chmodSync(at("changed.torrent"), 0o640);
  symlinkSync("changed.torrent", at("link.torrent"));
  const before = await json("info", at("changed.torrent"));
  const edited = await json(
    ...["edit", at("link.torrent"), "--tracker", "http://a.example/announce,udp://b.example:1"],
    ...["--web-seed", "http://w.example/", "--comment", "moved"],
  );
  expect(edited).toEqual({
    event: "edited",
    path: at("changed.torrent"),
    infoHash: before["infoHash"],
    trackers: [["http://a.example/announce", "udp://b.example:1"]],
    webSeeds: ["http://w.example/"],
    comment: "moved",
    createdBy: before["createdBy"],
  });
  const after = await json("info", at("changed.torrent"));
  expect(after).toMatchObject({
    infoHash: before["infoHash"],
    trackers: edited["trackers"],
    files: before["files"],
  });
  expect(statSync(at("changed.torrent")).mode & 0o777).toBe(0o640);
  expect(lstatSync(at("link.torrent")).isSymbolicLink()).toBe(true);
  await share("edit", at("changed.torrent"), "--no-trackers", "-o", at("plain.torrent"));
  expect(await json("info", at("plain.torrent"))).toMatchObject({
    infoHash: before["infoHash"],
    trackers: [],
  });
});

it("BTChange: refuses what would make another torrent, and changes nothing that wasn't asked for", async () => {
  await share("create", folder("kept"), "-o", at("kept.torrent"));
  const bytes = readFileSync(at("kept.torrent"));
  const refused = async (args: readonly string[], env: Record<string, string> = {}) => {
    const child = new ShareProcess(["edit", at("kept.torrent"), ...args], { env });
    expect(await child.end()).toBe(2);
    return String(child.events[0]?.["message"]);
  };
  expect(await refused(["--private"])).toMatch(
    /part of what its info hash is made of.*share create PATH --private/,
  );
  expect(await refused(["--name", "x"])).toMatch(/share create PATH --name/);
  expect(await refused([])).toMatch(/Nothing to change/);
  // What is set for every day is no wish to edit this torrent.
  expect(await refused([], { BOOJUM_TRACKER: "http://a.example/announce" })).toMatch(/Nothing to change/);
  expect(await refused(["--tracker", "http://a.example/announce", "--no-trackers"])).toMatch(
    /exclude each other/,
  );
  writeFileSync(at("none.torrent"), "d4:infodee");
  const none = new ShareProcess(["edit", at("none.torrent"), "--comment", "x"]);
  expect(await none.end()).toBe(1);
  expect(readFileSync(at("none.torrent"), "utf8")).toBe("d4:infodee");
  expect(readFileSync(at("kept.torrent"))).toEqual(bytes);
});
