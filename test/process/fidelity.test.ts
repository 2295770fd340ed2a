/** What a copy keeps of the tree besides its data: executable bits, times, empty folders, links. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { beforeEach, expect, it } from "vitest";
import { decodeBencodeDict } from "../../src/protocol/bencode.ts";
import { encodeInfo, encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import { noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const LONG_AGO = 1_000_000_000;

beforeEach(() => {
  mkdirSync(stage.at("tree", "sub", "deep"), { recursive: true });
  mkdirSync(stage.at("tree", "empty", "inner"), { recursive: true });
  mkdirSync(stage.at("tree", "sub", "void"));
  writeFileSync(stage.at("tree", "tool"), "#!/bin/sh\n");
  chmodSync(stage.at("tree", "tool"), 0o755);
  writeFileSync(stage.at("tree", "sub", "deep", "data"), noise(3_000_000, 1));
  writeFileSync(stage.at("tree", "sub", "nothing"), "");
  for (const name of ["tool", "sub/deep/data", "sub/nothing"])
    utimesSync(stage.at("tree", name), LONG_AGO, LONG_AGO + name.length + 0.5);
  symlinkSync("deep/data", stage.at("tree", "sub", "a-file"));
  symlinkSync("../tool", stage.at("tree", "sub", "above"));
  symlinkSync(stage.at("tree", "sub"), stage.at("tree", "absolute"));
  symlinkSync("sub/a-file", stage.at("tree", "to-a-link"));
  symlinkSync("empty/inner", stage.at("tree", "to-empty"));
  symlinkSync("/etc/passwd", stage.at("tree", "outside"));
  symlinkSync("../../secret", stage.at("tree", "sub", "escape"));
  symlinkSync("no/such", stage.at("tree", "broken"));
  writeFileSync(stage.at("secret"), "x");
});

/** Everything below `root`, a line each: kind, executable, whole seconds, where a link leads. */
function tree(root: string, below = ""): string[] {
  return readdirSync(path.join(root, below), { withFileTypes: true })
    .flatMap((entry): string[] => {
      const name = path.join(below, entry.name);
      if (entry.isSymbolicLink()) return [`${name} -> ${readlinkSync(path.join(root, name))}`];
      if (entry.isDirectory()) return [`${name}/`, ...tree(root, name)];
      const { size, mode, mtimeMs } = statSync(path.join(root, name));
      return [`${name} ${size}${mode & 0o100 ? " x" : ""} ${Math.floor(mtimeMs / 1000)}`];
    })
    .sort();
}

const WANTED = ["tool", "sub", "empty", "absolute", "to-*"].flatMap((glob) => ["--select", glob]);
const WHOLE = [
  "absolute -> sub",
  "empty/",
  "empty/inner/",
  "sub/",
  "sub/a-file -> deep/data",
  "sub/above -> ../tool",
  "sub/deep/",
  `sub/deep/data 3000000 ${LONG_AGO + 13}`,
  `sub/nothing 0 ${LONG_AGO + 11}`,
  "sub/void/",
  "to-a-link -> sub/a-file",
  "to-empty -> empty/inner",
  `tool 10 x ${LONG_AGO + 4}`,
];

it("arrives whole with --times and --symlinks, and what leads out of it is left out and told", async () => {
  const publisher = stage.publish("tree", "--times", "--symlinks");
  const { url } = await publisher.event("ready");
  const told = publisher.events.filter(({ code }) => code === "symlink").map(({ message }) => `${message}`);
  for (const name of ["outside", "sub/escape", "broken"])
    expect(told.find((message) => message.includes(name))).toMatch(/leads (out of|to nothing in) the share/);
  expect(told).toHaveLength(3);
  const getter = stage.get(String(url), "--symlinks", "--no-lan");
  await getter.succeed();
  expect(tree(stage.at("out", "tree"))).toEqual(WHOLE);
  const through = readFileSync(stage.at("out", "tree", "absolute", "deep", "data"));
  expect(through.equals(readFileSync(stage.at("tree", "sub", "deep", "data")))).toBe(true);
  // Again: everything is there, and is found to be right by its data, whatever its times say.
  const again = stage.get(String(url), "--symlinks", "--no-lan");
  await again.succeed();
  expect(again.events.filter(({ event }) => event === "warning")).toEqual([]);
  expect(tree(stage.at("out", "tree"))).toEqual(WHOLE);
});

it("arrives whole while the publisher is still hashing, too", async () => {
  // Sparse, so that it takes a second or two to hash, and nothing to make.
  writeFileSync(stage.at("tree", "zz big"), "");
  truncateSync(stage.at("tree", "zz big"), 3_000_000_000);
  const publisher = stage.publish("tree", "--times", "--symlinks", "--no-lan");
  const { shares } = await publisher.event("listening");
  const [{ url }] = shares as [{ url: string }];
  const getter = stage.get(url, "--symlinks", "--no-lan", "--port", "0", ...WANTED);
  await getter.succeed();
  // It began before the torrent was known, and the torrent was the one that had been told.
  const started = getter.events.filter(({ event }) => event === "started");
  expect(started.map(({ infoHash }) => infoHash)).toEqual([null]);
  expect(getter.events.some(({ message }) => `${message}`.includes("is a symbolic link"))).toBe(false);
  expect(tree(stage.at("out", "tree"))).toEqual(WHOLE);
});

it("keeps executable bits and empty folders by itself, and neither links nor times", async () => {
  const publisher = stage.publish("tree");
  const { url } = await publisher.event("ready");
  await stage.get(String(url), "--no-lan").succeed();
  const names = tree(stage.at("out", "tree")).map((line) => line.replace(/ \d{10}$/, ""));
  const without = WHOLE.filter((line) => !line.includes("->")).map((line) => line.replace(/ \d{10}$/, ""));
  expect(names).toEqual(without);
  expect(statSync(stage.at("out", "tree", "tool")).mtimeMs).toBeGreaterThan(Date.now() - 3_600_000);
});

it("makes the links of a torrent only when asked to, and empty folders only of what is selected", async () => {
  const publisher = stage.publish("tree", "--symlinks");
  const { url } = await publisher.event("ready");
  const getter = stage.get(String(url), "--no-lan", "--select", "sub");
  await getter.succeed();
  const names = tree(stage.at("out", "tree")).map((line) => line.replace(/ .*/, ""));
  expect(names).toEqual(["sub/", "sub/deep/", "sub/deep/data", "sub/nothing", "sub/void/"]);
  const told = getter.events.filter(({ event }) => event === "warning").map(({ message }) => `${message}`);
  expect(told).toHaveLength(2);
  expect(told[0]).toMatch(/"sub\/a-file" is a symbolic link in the torrent; it was not made/);
});

it("share info shows all of it; the same tree makes the same torrent unless its times are told", async () => {
  const create = async (out: string, ...flags: string[]) => {
    const created = stage.share("create", "tree", "-o", out, ...flags);
    await created.succeed();
    return (await created.event("created"))["infoHash"];
  };
  const plain = await create("one.torrent", "--symlinks");
  const timed = await create("two.torrent", "--symlinks", "--times");
  utimesSync(stage.at("tree", "tool"), LONG_AGO, LONG_AGO + 99);
  expect(await create("three.torrent", "--symlinks")).toBe(plain);
  expect(await create("four.torrent", "--symlinks", "--times")).not.toBe(timed);
  const shown = stage.plain("info", "two.torrent");
  await shown.succeed();
  const text = shown.stdout.join("\n");
  expect(text).toMatch(/tool \(executable, 2001-09-09T01:46:44.000Z\)/);
  expect(text).toMatch(/above -> tool/);
  expect(text).toMatch(/0 B +empty\/\n +0 B +inner\//);
  const json = stage.plain("info", "two.torrent", "--json");
  await json.succeed();
  const info = JSON.parse(json.stdout.join("")) as { emptyFolders: string[]; files: { mtime?: number }[] };
  expect(info.emptyFolders).toEqual(["empty/inner", "sub/void"]);
  expect(info.files.map(({ mtime }) => mtime)).toContain(LONG_AGO + 13);
  expect(await stage.plain("create", "tree", "--symlinks", "--follow-symlinks").end()).toBe(2);
});

it("nothing that a torrent says of links and folders leads out of its own place", async () => {
  await stage.share("create", "tree", "-o", "plain.torrent", "--piece-size", "16KiB").succeed();
  const { dict } = decodeBencodeDict(readFileSync(stage.at("plain.torrent")), "info", {});
  const pieces = (dict.get("info") as ReadonlyMap<string, Uint8Array>).get("pieces"); // our own torrent
  const info = encodeInfo({
    ...{ name: "tree", pieceLength: 16_384, pieceHashes: pieces ?? new Uint8Array() },
    files: [
      { path: ["d"], length: 0, symlink: ["sub"] },
      { path: ["here"], length: 0, symlink: ["."] },
      { path: ["nowhere"], length: 0, symlink: ["etc", "passwd"] },
      { path: ["self"], length: 0, symlink: ["self"] },
      { path: ["sub", "deep", "data"], length: 3_000_000 },
      { path: ["through"], length: 0, symlink: ["d", "deep", "data"] },
      { path: ["tool"], length: 10 },
    ],
    folders: [["..", "..", "escaped"], ["/abs"], ["d", "below a link"], ["tool"], [".."], ["a\0b", "con"]],
  });
  writeFileSync(stage.at("hostile.torrent"), encodeTorrent({ info }));
  const publisher = stage.share("seed", "hostile.torrent", "tree", "--bind", "127.0.0.1", "--cache-dir", "c");
  const { url } = await publisher.event("ready");
  symlinkSync(stage.at("secret"), stage.at("elsewhere"));
  const getter = stage.get(String(url), "--no-lan", "--symlinks");
  await getter.succeed();
  expect(tree(stage.at("out", "tree")).map((line) => line.replace(/ \d+ .*| \d+ x.*/, ""))).toEqual([
    "_/",
    "_abs/",
    "a_b/",
    "a_b/_con/",
    "d (2)/",
    "d (2)/below a link/",
    "d -> sub",
    "escaped/",
    "self -> self",
    "sub/",
    "sub/deep/",
    "sub/deep/data",
    "tool (2)/",
    "tool",
  ]);
  expect(readdirSync(stage.at("out"))).toEqual(["tree"]);
  expect(existsSync(stage.at("escaped"))).toBe(false);
  const told = getter.events.filter(({ event }) => event === "warning").map(({ message }) => `${message}`);
  expect(told.filter((message) => message.includes("leads to nothing in the torrent"))).toHaveLength(3);
});

it("what stands in the way of a link or an empty folder is left alone and told", async () => {
  const publisher = stage.publish("tree", "--symlinks");
  const { url } = await publisher.event("ready");
  mkdirSync(stage.at("out", "tree", "sub"), { recursive: true });
  mkdirSync(stage.at("out", "tree", "empty"));
  writeFileSync(stage.at("out", "tree", "empty", "inner"), "mine");
  symlinkSync(stage.at("secret"), stage.at("out", "tree", "sub", "above"));
  const getter = stage.get(String(url), "--no-lan", "--symlinks");
  await getter.succeed();
  expect(readFileSync(stage.at("out", "tree", "empty", "inner"), "utf8")).toBe("mine");
  expect(readlinkSync(stage.at("out", "tree", "sub", "above"))).toBe(stage.at("secret"));
  expect(readFileSync(stage.at("secret"), "utf8")).toBe("x");
  const told = getter.events.filter(({ event }) => event === "warning").map(({ message }) => `${message}`);
  expect(told.filter((message) => message.includes("something else has its name"))).toHaveLength(2);
});
