/** What belongs to a share: real folders with everything awkward in them. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CreateOptionError, SourceError } from "../../src/create/errors.ts";
import { scan } from "../../src/create/scan.ts";
import type { ScanNotice, ScanOptions } from "../../src/create/source.ts";
import { useSourceFolder } from "../support/source-folder.ts";

const { signal } = new AbortController();
const folder = useSourceFolder();
const { at, beside } = folder;
const put = (name: string, content: string | Uint8Array = name) => folder.put(name, content);

/** Paths in the torrent's order, and the notices as `code path`. */
async function look(options: ScanOptions = {}, path = at()): Promise<{ files: string[]; notices: string[] }> {
  const notices: string[] = [];
  const onNotice = (notice: ScanNotice) => notices.push(`${notice.code} ${notice.path.join("/")}`);
  const source = await scan(path, { ...options, onNotice }, signal);
  return { files: source.files.map((file) => file.path.join("/")), notices };
}

test("files come in one order, dotfiles and empty ones among them", async () => {
  for (const path of ["b", "a/z", "a/b/c", "a.txt", ".hidden", "Z", "ä", "a/\u{1F381}", "a/\uff5e"])
    put(path);
  put("empty", "");
  const { files, notices } = await look();
  const expected = [".hidden", "Z", "a/b/c", "a/z", "a/\uff5e", "a/\u{1F381}", "a.txt", "b", "empty", "ä"];
  expect(files).toEqual(expected);
  expect(notices).toEqual([]);
});

test("a file is described as it is on disk", async () => {
  const path = put("bin/tool", "#!");
  chmodSync(path, 0o755);
  put("plain", "12345");
  const source = await scan(at(), {}, signal);
  const stats = statSync(path, { bigint: true });
  expect(source.files[0]).toEqual({
    path: ["bin", "tool"],
    absolutePath: path,
    length: 2,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
    device: stats.dev,
    executable: true,
  });
  expect(source.files[1]?.executable).toBe(false);
  expect(source).toMatchObject({ name: "share", root: at(), singleFile: false, totalBytes: 7 });
});

test.each(["share", "share/", "share/.", "share/sub/.."])(
  "%s is named by what it resolves to",
  async (path) => {
    put("sub/x");
    expect((await scan(`${beside()}/${path}`, {}, signal)).name).toBe("share");
  },
);

test("a share has the name that was asked for", async () => {
  put("x");
  expect((await scan(at(), { name: "other" }, signal)).name).toBe("other");
  await expect(scan(at(), { name: "a/b" }, signal)).rejects.toThrow(CreateOptionError);
});

test("the root of the file system needs a name", async () => {
  await expect(scan("/", {}, signal)).rejects.toThrow(/--name/);
});

test("one file is a share of its own, whatever it is called", async () => {
  const path = put(".DS_Store", "data");
  const source = await scan(path, {}, signal);
  expect(source).toMatchObject({ name: ".DS_Store", root: path, singleFile: true, totalBytes: 4 });
  expect(source.files.map((file) => file.path)).toEqual([[".DS_Store"]]);
  expect((await scan(path, { name: "other" }, signal)).files[0]?.path).toEqual(["other"]);
});

test("junk and download state are left out and told; empty folders are kept", async () => {
  put("a/.DS_Store");
  put("Thumbs.db");
  put(".film.boojum");
  put(".film.boojum.lock");
  put("Thumbs.db.txt");
  mkdirSync(at("nothing", "deeper"), { recursive: true });
  mkdirSync(at("a", "b"));
  const { files, notices } = await look();
  expect((await scan(at(), {}, signal)).emptyFolders).toEqual([
    ["a", "b"],
    ["nothing", "deeper"],
  ]);
  expect((await scan(at(), { include: ["*.txt", "a/"] }, signal)).emptyFolders).toEqual([["a", "b"]]);
  expect(files).toEqual(["Thumbs.db.txt"]);
  expect(notices).toEqual([
    "state .film.boojum",
    "state .film.boojum.lock",
    "junk Thumbs.db",
    "junk a/.DS_Store",
  ]);
});

test("FIFOs, sockets and devices are skipped and told", async () => {
  put("x");
  execFileSync("mkfifo", [at("fifo")]);
  symlinkSync("/dev/null", at("null"));
  const server = createServer().listen(at("socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const { files, notices } = await look({ followSymlinks: 2 });
    expect(files).toEqual(["x"]);
    expect(notices).toEqual(["special fifo", "special null", "special socket"]);
    await expect(look({}, at("fifo"))).rejects.toThrow(/neither a file nor a folder/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("symbolic links: none, those inside the share, or all", async () => {
  put("real/x");
  mkdirSync(beside("outside"));
  writeFileSync(beside("outside", "y"), "y");
  symlinkSync("real", at("in"));
  symlinkSync("real/x", at("in-file"));
  symlinkSync("../outside", at("out"));
  symlinkSync("missing", at("dangling"));
  expect(await look()).toEqual({
    files: ["real/x"],
    notices: ["symlink dangling", "symlink in", "symlink in-file", "symlink out"],
  });
  expect(await look({ followSymlinks: 1 })).toEqual({
    files: ["in/x", "in-file", "real/x"],
    notices: ["symlink dangling", "symlink out"],
  });
  expect(await look({ followSymlinks: 2 })).toEqual({
    files: ["in/x", "in-file", "out/y", "real/x"],
    notices: ["symlink dangling"],
  });
});

test("a folder beside the share whose name begins alike is outside", async () => {
  put("x");
  mkdirSync(`${at()}-private`);
  writeFileSync(join(`${at()}-private`, "secret"), "s");
  symlinkSync("../share-private", at("link"));
  expect((await look({ followSymlinks: 1 })).files).toEqual(["x"]);
});

test("circles of links end", async () => {
  put("a/x");
  mkdirSync(at("b"));
  symlinkSync("../b", at("a", "to-b"));
  symlinkSync("../a", at("b", "to-a"));
  symlinkSync("..", at("a", "up"));
  symlinkSync("self", at("self"));
  const { files, notices } = await look({ followSymlinks: 2 });
  expect(files).toEqual(["a/x", "b/to-a/x"]);
  expect(notices).toContain("symlink a/up");
  expect(notices).toContain("symlink a/to-b/to-a");
  expect(notices).toContain("symlink self");
});

test("a link given as the share itself is followed and gives its own name", async () => {
  put("x");
  symlinkSync("share", beside("link"));
  const source = await scan(beside("link"), {}, signal);
  expect(source.name).toBe("link");
  expect(source.files.map((file) => file.path)).toEqual([["x"]]);
});

test("globs choose files and whole folders; exclude is the stronger one", async () => {
  for (const path of ["a.jpg", "a.txt", "raw/b.nef", "raw/deep/c.txt", "tmp/d.jpg"]) put(path);
  const all = ["a.jpg", "a.txt", "raw/b.nef", "raw/deep/c.txt", "tmp/d.jpg"];
  expect((await look({ include: ["*.jpg", "raw"] })).files).toEqual(all.filter((path) => path !== "a.txt"));
  expect((await look({ exclude: ["tmp/"] })).files).toEqual(all.slice(0, 4));
  expect((await look({ include: ["*.jpg"], exclude: ["tmp"] })).files).toEqual(["a.jpg"]);
});

test("an excluded folder isn't looked into, so it need not be readable", async () => {
  put("x");
  put("secret/y");
  await withoutPrivileges(at("secret"), async () => {
    await expect(look()).rejects.toThrow(/Can't read the folder ".*secret".*permission denied/);
    expect((await look({ exclude: ["secret"] })).files).toEqual(["x"]);
  });
});

test("nothing to publish is an error that says so", async () => {
  await expect(look()).rejects.toThrow(/no file to publish/);
  put("x.log");
  await expect(look({ exclude: ["*.log"] })).rejects.toThrow(/no file to publish/);
  await expect(look({ exclude: ["*.log"] }, at("x.log"))).rejects.toThrow(/no file to publish/);
  put("x.log", "");
  await expect(look()).rejects.toThrow(/Only empty files/);
  await expect(look({}, at("missing"))).rejects.toThrow(/does not exist/);
});

test("a name that is not UTF-8 is an error unless it is excluded; a real U+FFFD is a name like any other", async () => {
  put("x\ufffd");
  const bad = Buffer.concat([Buffer.from(`${at()}/caf`), Buffer.from([0xe9])]);
  writeFileSync(bad, "x");
  const failure = await look().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SourceError);
  expect(String(failure)).toContain('"caf\\xe9"');
  expect((await look({ exclude: ["caf*"] })).files).toEqual(["x\ufffd"]);
  rmSync(bad);
  expect((await look()).files).toEqual(["x\ufffd"]);
});

test("names that receivers can't keep are told, with the name they will have", async () => {
  for (const path of ["ok/x", "a:b/c", "con", "dots.", "Same", "same"]) put(path);
  const told = new Map<string, string>();
  const onNotice = (notice: ScanNotice) =>
    told.set(`${notice.code} ${notice.path.join("/")}`, notice.message);
  await scan(at(), { name: "sh:are", onNotice }, signal);
  expect([...told.keys()]).toEqual([
    "renamed a:b/c",
    "renamed con",
    "renamed dots.",
    "renamed same",
    "renamed sh:are",
  ]);
  expect(told.get("renamed sh:are")).toContain('"sh_are"');
  expect(told.get("renamed a:b/c")).toContain('"a_b/c"');
  expect(told.get("renamed same")).toContain('"same (2)"');
});

test("a path that no torrent of ours may hold is an error before anything is hashed", async () => {
  const deep = Array.from({ length: 13 }, () => "d".repeat(250));
  execFileSync("sh", ["-c", deep.map((name) => `mkdir ${name} && cd ${name}`).join(" && "), "sh"], {
    cwd: at(),
  });
  execFileSync("sh", ["-c", `${deep.map((name) => `cd ${name}`).join(" && ")} && echo x > file`], {
    cwd: at(),
  });
  await expect(look()).rejects.toThrow(/longer than 3072 bytes/);
});

test("an aborted scan rejects with the reason", async () => {
  put("x");
  const stop = new AbortController();
  const reason = new Error("enough");
  const running = scan(at(), {}, stop.signal);
  stop.abort(reason);
  await expect(running).rejects.toBe(reason);
});

/** Takes the rights on `path` away, root's own, too, while `work` runs. */
async function withoutPrivileges(path: string, work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(beside(), 0o755);
  chmodSync(path, 0);
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(path, 0o755);
  }
}

test("of ten thousand links twenty are named, and then how many more there are", async () => {
  put("file");
  for (let i = 0; i < 10_000; i++) symlinkSync("/etc/passwd", at(`link${String(i).padStart(5, "0")}`));
  const notices: ScanNotice[] = [];
  await scan(at(), { onNotice: (notice) => notices.push(notice) }, signal);
  expect(notices).toHaveLength(21);
  expect(notices.at(-1)).toEqual({
    code: "symlink",
    path: [],
    message: expect.stringMatching(/^the same holds for 9980 more like "link\d{5}"$/),
  });
});
