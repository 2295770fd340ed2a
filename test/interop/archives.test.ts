/** What unpackers that aren't ours make of a share as one file. */
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statfsSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { freemem, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Child, run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, makeFolder, noise, scratch } from "../support/data.ts";

const GiB = 2 ** 30;
const env = { LC_ALL: "C.UTF-8" };
const python = "/usr/bin/python3";
const pythonZip = `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
archive.extractall(sys.argv[2])`;
const pythonTar = `
import sys, tarfile
tarfile.open(sys.argv[1]).extractall(sys.argv[2])`;

type Unpacker = readonly [
  name: string,
  format: "zip" | "tar",
  restoresModes: boolean,
  command: (archive: string, to: string) => readonly [string, readonly string[]],
];
const unpackers: readonly Unpacker[] = [
  ["unzip", "zip", true, (archive, to) => ["unzip", ["-q", archive, "-d", to]]],
  ["7z", "zip", false, (archive, to) => ["7z", ["x", "-y", `-o${to}`, archive]]],
  ["bsdtar", "zip", true, (archive, to) => ["bsdtar", ["-xpf", archive, "-C", to]]],
  ["Python's zipfile", "zip", false, (archive, to) => [python, ["-c", pythonZip, archive, to]]],
  ["tar", "tar", true, (archive, to) => ["tar", ["-xpf", archive, "-C", to]]],
  ["bsdtar", "tar", true, (archive, to) => ["bsdtar", ["-xpf", archive, "-C", to]]],
  ["7z", "tar", false, (archive, to) => ["7z", ["x", "-y", `-o${to}`, archive]]],
  ["Python's tarfile", "tar", true, (archive, to) => [python, ["-c", pythonTar, archive, to]]],
];

const publishers: ShareProcess[] = [];
function publish(folder: string, cache: string): ShareProcess {
  const publisher = new ShareProcess([folder, "--no-lan", "--cache-dir", cache]);
  publishers.push(publisher);
  return publisher;
}

describe("a folder with everything awkward", () => {
  const place = scratch();
  const folder = path.join(place.dir, "a folder ü");

  beforeAll(async () => {
    mkdirSync(folder);
    makeFolder(folder, 300);
    const deep = path.join(folder, "n".repeat(120), "日".repeat(60));
    mkdirSync(deep, { recursive: true });
    writeFileSync(path.join(deep, "long way down"), "found");
    const tool = path.join(folder, "tool");
    writeFileSync(tool, "#!/bin/sh\n");
    chmodSync(tool, 0o755);
    utimesSync(tool, 981_173_106, 981_173_106);
    const { url } = await publish(folder, path.join(place.dir, "cache")).event("ready");
    for (const format of ["zip", "tar"]) {
      await run("curl", ["-sf", "-o", path.join(place.dir, `all.${format}`), `${String(url)}.${format}`]);
    }
  });
  afterAll(async () => {
    for (const publisher of publishers.splice(0)) await publisher.stop();
    place.remove();
  });

  it.each(unpackers)("is unpacked by %s from %s as it was", async (name, format, restoresModes, command) => {
    const to = path.join(place.dir, `${name}-${format}`);
    mkdirSync(to);
    const [program, args] = command(path.join(place.dir, `all.${format}`), to);
    await run(program, args, { env });
    const copy = path.join(to, path.basename(folder));
    expect(await digestTree(copy)).toEqual(await digestTree(folder));
    const tool = lstatSync(path.join(copy, "tool"));
    // Python's zipfile restores neither, 7z restores times only.
    if (name !== "Python's zipfile") expect(Math.floor(tool.mtimeMs / 1000)).toBe(981_173_106);
    if (restoresModes) {
      expect(tool.mode & 0o777).toBe(0o755);
      expect(lstatSync(path.join(copy, ".hidden")).mode & 0o777).toBe(0o644);
    }
  });

  it.each([
    ["unzip", ["-tqq"], "zip"],
    ["7z", ["t"], "zip"],
    ["bsdtar", ["-tf"], "zip"],
    ["bsdtar", ["-tf"], "tar"],
  ])("passes %s %j of the %s", async (program, args, format) => {
    await run(program, [...args, path.join(place.dir, `all.${format}`)], { env });
  });
});

describe("a folder of 5 GiB", () => {
  /** In memory where there is plenty. */
  const isRoomy = freemem() > 14 * GiB && freeBytes("/dev/shm") > 8 * GiB;
  const place = scratch(isRoomy ? "/dev/shm" : tmpdir());
  const folder = path.join(place.dir, "large");
  const zip = path.join(place.dir, "large.zip");

  beforeAll(() => {
    mkdirSync(folder);
    writeFileSync(path.join(folder, "a"), "before");
    // Its sizes need 64 bits, and so do the offsets of what follows.
    const large = path.join(folder, "b");
    writeFileSync(large, noise(1 << 20, 1));
    truncateSync(large, 4.25 * GiB);
    appendFileSync(large, noise(1 << 20, 2));
    writeFileSync(path.join(folder, "c"), noise(1 << 20, 3));
    truncateSync(path.join(folder, "c"), 0.75 * GiB);
    writeFileSync(path.join(folder, "d"), "after");
  });
  afterEach(async () => {
    for (const publisher of publishers.splice(0)) await publisher.stop();
    place.remove();
  });

  it("has its size up front, is continued by curl -C -, and opened by others; the publisher stays small", async () => {
    const publisher = publish(folder, path.join(place.dir, "cache"));
    const { url } = await publisher.event("ready", 120_000);
    const address = `${String(url)}.zip`;
    const head = await fetch(address, { method: "HEAD" });
    const size = Number(head.headers.get("content-length"));
    expect(size).toBeGreaterThan(5 * GiB);

    const first = new Child("curl", ["-sf", "-o", zip, address]);
    await expect
      .poll(() => statSync(zip, { throwIfNoEntry: false })?.size ?? 0, { timeout: 60_000 })
      .toBeGreaterThan(2 * GiB);
    await first.stop("SIGKILL");
    const done = statSync(zip).size;
    expect(done).toBeLessThan(size);
    await run("curl", ["-sf", "-C", "-", "-o", zip, address]);
    expect(statSync(zip).size).toBe(size);

    const peak = Number(
      /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${publisher.process.pid}/status`, "utf8"))?.[1],
    );
    expect(peak).toBeGreaterThan(0);
    expect(peak * 1024).toBeLessThan(150_000_000);
    await run("7z", ["t", zip], { env });
    // It sums a gigabyte in four seconds: what lies far behind must do.
    await run("unzip", ["-tqq", zip, "large/a", "large/d"], { env });
    const names = await run(python, [
      "-c",
      "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist())",
      zip,
    ]);
    expect(names).toBe("large/a large/b large/c large/d");
  });
});

describe("a folder of 100,000 files", () => {
  // 200,000 files take minutes on a busy disk.
  const place = scratch(freeBytes("/dev/shm") > 3 * GiB ? "/dev/shm" : tmpdir());
  const folder = path.join(place.dir, "many");

  beforeAll(() => {
    for (let i = 0; i < 100; i++) {
      mkdirSync(path.join(folder, `${i}`), { recursive: true });
      for (let j = 0; j < 1_000; j++) writeFileSync(path.join(folder, `${i}`, `${j}.txt`), `${i} ${j}`);
    }
  });
  afterAll(async () => {
    for (const publisher of publishers.splice(0)) await publisher.stop();
    place.remove();
  });

  it("is one ZIP with an index of 64 bits, opened by others", async () => {
    const publisher = publish(folder, path.join(place.dir, "cache"));
    const address = `${String((await publisher.event("ready", 120_000))["url"])}.zip`;
    const zip = path.join(place.dir, "many.zip");
    const size = Number((await fetch(address, { method: "HEAD" })).headers.get("content-length"));
    // More than 65,535 entries don't fit into what ZIP had at first.
    await run("curl", ["-sf", "-o", zip, address]);
    expect(statSync(zip).size).toBe(size);
    await run("7z", ["t", zip], { env });
    expect(await run("unzip", ["-p", zip, "many/99/999.txt"], { env })).toBe("99 999");
    await run("bsdtar", ["-tf", zip], { env });
    const count = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
    expect(await run(python, ["-c", count, zip])).toBe("100000");
    // A tenth of it, continued in its middle by who has the beginning.
    const some = `${address}?${new URLSearchParams(Array.from({ length: 10 }, (_, i): [string, string] => ["select", `${i}`]))}`;
    const part = path.join(place.dir, "part.zip");
    const whole = new Uint8Array(await (await fetch(some)).arrayBuffer());
    writeFileSync(part, whole.subarray(0, whole.length >> 1));
    await run("curl", ["-sf", "-C", "-", "-o", part, some]);
    expect(await run(python, ["-c", count, part])).toBe("10000");
    await run("unzip", ["-tqq", part], { env });
  });
});

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
