import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Download, DownloadOptions } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { decodeState } from "../../src/client/storage/resume.ts";
import { type FileSystem, systemFiles } from "../../src/platform/file-system.ts";
import { currentProcess } from "../../src/platform/process-id.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { Child } from "../support/child.ts";
import { scratch } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { crashTorrent } from "../support/storage-child.ts";
import { readPiece, storedTorrent } from "../support/stored-torrent.ts";

const torrent = crashTorrent();
const thread = fileURLToPath(new URL("../../dist/piece-worker.cjs", import.meta.url));
const never = new AbortController().signal;
let tools: ReturnType<typeof scratch>;
let program: string;
let place: ReturnType<typeof scratch>;

beforeAll(async () => {
  tools = scratch();
  program = join(tools.dir, "child.mjs");
  await build({
    entryPoints: ["test/support/storage-child.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: program,
    logLevel: "warning",
  });
});
afterAll(() => tools.remove());
beforeEach(() => {
  // In memory where there is such a place: what a kill leaves behind is the same, and syncing is tested by its own.
  place = scratch(existsSync("/dev/shm") ? "/dev/shm" : undefined);
});
afterEach(() => place.remove());

const at = (...path: string[]) => join(place.dir, ...path);
const statePath = () => at(".share.boojum");
const lockPath = () => at(".share.boojum.lock");

function open(options: Partial<DownloadOptions> = {}): Promise<Download> {
  return openDownload(
    {
      metainfo: torrent.metainfo,
      directory: place.dir,
      overwrite: false,
      random: seededRandom(2),
      ...options,
    },
    never,
  );
}

function child(...args: string[]): Child {
  return new Child(process.execPath, [program, "run", place.dir, ...args]);
}

async function writePieces(download: Download, pieces: Iterable<number>): Promise<void> {
  for (const piece of pieces) await download.storage.write(pieceIndex(piece), torrent.piece(piece));
}

/** Every piece that is claimed is really there. */
async function expectHonest(download: Download): Promise<void> {
  for (const piece of download.have) {
    expect(await readPiece(download.storage, torrent.layout, piece), `piece ${piece}`).toEqual(
      torrent.piece(piece),
    );
  }
}

async function expectFinishes(download: Download): Promise<void> {
  await writePieces(
    download,
    [...download.wanted].filter((piece) => !download.have.has(piece)),
  );
  await download.finish();
  await download.close();
  for (const file of torrent.metainfo.files) {
    expect(new Uint8Array(readFileSync(at("share", ...file.path)))).toEqual(
      torrent.file(file.path.join("/")).slice(),
    );
  }
  expect(readdirSync(place.dir)).toEqual(["share"]);
}

/** Moments at which a download is killed, and killed again: `npm run kills` tries a hundred. */
const seeds = Array.from({ length: Number(process.env["BOOJUM_KILLS"] ?? 12) }, (_, i) => i + 1);

describe("a killed download", () => {
  it.each(seeds)("loses no piece that was written, and claims no other (moment %i)", async (seed) => {
    const written = new Set<number>();
    // Twice, so that a resumed download is killed, too.
    for (const round of [0, 1]) {
      const goal = 1 + Math.floor(seededRandom(seed * 2 + round).next() * 28);
      // Of every other one the pieces are checked and written by a thread.
      const victim = seed % 2 === 0 ? child("write", thread) : child();
      await victim.until(() => (victim.stdout.length > goal ? true : undefined));
      victim.process.kill("SIGKILL");
      await victim.exited;
      for (const line of victim.stdout) if (/^\d+$/.test(line)) written.add(Number(line));
    }
    const download = await open();
    for (const piece of written) expect(download.have.has(piece), `piece ${piece}`).toBe(true);
    expect(download.have.count).toBeLessThanOrEqual(written.size + 2);
    await expectHonest(download);
    await expectFinishes(download);
  });
});

describe("a damaged state", () => {
  it("never makes a piece count that isn't there, nor stops the download, however damaged (500 seeded cases)", async () => {
    const first = await open();
    await writePieces(first, [0, 1, 2, 10, 11, 12, 13, 30, 50]);
    await first.close();
    const second = await open();
    await writePieces(second, [20, 21]);
    await second.close();
    const truth = [0, 1, 2, 10, 11, 12, 13, 20, 21, 30, 50];
    const whole = readFileSync(statePath());
    for (let seed = 1; seed <= 500; seed++) {
      writeFileSync(statePath(), damaged(whole, seed));
      const download = await open({ random: seededRandom(seed) });
      expect([...download.have], `seed ${seed}`).toEqual(truth);
      await download.close();
    }
  });

  it("of another version is no obstacle", async () => {
    const first = await open();
    await writePieces(first, [3, 4, 5]);
    await first.close();
    writeFileSync(
      statePath(),
      readFileSync(statePath(), "latin1").replace('"boojum":1', '"boojum":0'),
      "latin1",
    );
    const second = await open();
    expect([...second.have]).toEqual([3, 4, 5]);
    await expectFinishes(second);
  });
});

/** Cut off, emptied, zeroed in part, bits flipped, bytes put in or noise. */
function damaged(whole: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const pick = (below: number) => Math.floor(random.next() * below);
  const bytes = whole.slice();
  switch (seed % 5) {
    case 0:
      return bytes.subarray(0, pick(bytes.length));
    case 1:
      return bytes.fill(0, pick(bytes.length));
    case 2: {
      for (let i = 0; i <= pick(4); i++) bytes[pick(bytes.length)] = pick(256);
      return bytes;
    }
    case 3: {
      const where = pick(bytes.length);
      bytes[where] = (bytes[where] ?? 0) ^ (1 << pick(8));
      return bytes;
    }
    default: {
      const where = pick(bytes.length);
      return Buffer.concat([bytes.subarray(0, where), random.bytes(1 + pick(50)), bytes.subarray(where)]);
    }
  }
}

describe("the lock", () => {
  it("refuses a second download to the same place, in this process and in others, naming the pid", async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ name: "OutputLockedError", pid: process.pid });
    const other = child();
    expect(await other.exited).toBe(1);
    expect(other.stdout.join()).toMatch(new RegExp(`OutputLockedError.*process ${process.pid}\\b`));
    await first.close();
    const third = child();
    expect(await third.exited, third.describe()).toBe(0);
  });

  it("is taken over from a process that was killed", async () => {
    const holder = child("hold");
    await holder.until(() => (holder.stdout.includes("open") ? true : undefined));
    await expect(open()).rejects.toMatchObject({ name: "OutputLockedError", pid: holder.process.pid });
    holder.process.kill("SIGKILL");
    await holder.exited;
    await expectFinishes(await open());
  });

  it.each<[string, () => string]>([
    ["of another start of this pid", () => JSON.stringify({ ...currentProcess(), start: "1" })],
    ["of another boot", () => JSON.stringify({ ...currentProcess(), boot: "another" })],
    ["that is empty", () => ""],
    ["of no process at all", () => JSON.stringify({ pid: -5 })],
  ])("is taken over when it is one %s", async (_, text) => {
    writeFileSync(lockPath(), text());
    await expectFinishes(await open());
  });

  it("leaves no drafts behind of those that were killed while they claimed it", async () => {
    const draft = (name: string, owner: object) =>
      writeFileSync(`${lockPath()}.${name}`, JSON.stringify(owner));
    draft("11111111-2222-4333-8444-555555555555", { ...currentProcess(), start: "1" });
    draft("takeover", { ...currentProcess(), start: "1" });
    draft("of-the-living", currentProcess());
    const download = await open();
    const left = readdirSync(place.dir).filter((name) => name.startsWith(`${basename(lockPath())}.`));
    expect(left.map((name) => name.slice(basename(lockPath()).length))).toEqual([".of-the-living"]);
    await download.close();
  });

  it("that is stale goes to exactly one of many who want it", async () => {
    writeFileSync(lockPath(), JSON.stringify({ ...currentProcess(), start: "1" }));
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => open()));
    const won = results.filter((result) => result.status === "fulfilled");
    expect(won.length).toBe(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ name: "OutputLockedError" });
      else await result.value.close();
    }
    expect(readdirSync(place.dir)).toEqual([]);
  });
});

describe("a disk that refuses", () => {
  it("is told apart when it is full, and the download goes on when there is room again", async () => {
    const disk = at("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "boojum-test", disk]);
    try {
      const first = await open({ directory: disk });
      const done: number[] = [];
      const fill = async () => {
        for (const piece of first.wanted) {
          await first.storage.write(pieceIndex(piece), torrent.piece(piece));
          done.push(piece);
        }
      };
      await expect(fill()).rejects.toMatchObject({
        name: "StorageError",
        reason: "full",
        message: expect.stringContaining("disk is full"),
      });
      expect(done.length).toBeGreaterThan(5);
      await first.close().catch(() => {});
      execFileSync("mount", ["-o", "remount,size=2m", disk]);
      const second = await open({ directory: disk });
      for (const piece of done) expect(second.have.has(piece)).toBe(true);
      await expectHonest(second);
      await writePieces(
        second,
        [...second.wanted].filter((piece) => !second.have.has(piece)),
      );
      await second.finish();
      await second.close();
      expect(readdirSync(disk)).toEqual(["share"]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("is told apart when it is read-only", async () => {
    const disk = at("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "boojum-test", disk]);
    try {
      await expect(open({ directory: disk })).rejects.toMatchObject({ reason: "unwritable" });
      await expect(open({ directory: join(disk, "deeper") })).rejects.toMatchObject({ reason: "unwritable" });
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("is told apart when there is a file in the folder's place", async () => {
    writeFileSync(at("file"), "");
    await expect(open({ directory: at("file") })).rejects.toMatchObject({
      reason: "unwritable",
      path: expect.stringContaining(at("file")),
    });
  });

  it("may take less than it was given, and still every byte arrives", async () => {
    const fs: FileSystem = {
      ...systemFiles,
      write: (fd, data, position) => systemFiles.write(fd, data.subarray(0, 100), position),
      writeSync: (fd, data, position) => systemFiles.writeSync(fd, data.subarray(0, 7), position),
      readv: (fd, [first], position) => systemFiles.readv(fd, first ? [first.subarray(0, 9)] : [], position),
      readvSync: (fd, [first], position) =>
        systemFiles.readvSync(fd, first ? [first.subarray(0, 9)] : [], position),
    };
    const download = await open({ files: fs });
    await writePieces(download, [...download.wanted].slice(0, -1));
    await expect(readPiece(download.storage, torrent.layout, 3)).resolves.toEqual(torrent.piece(3));
    await download.close();
    await expectFinishes(await open());
  });

  it("may take less of large pieces, too, which go through the thread pool, or nothing any more", async () => {
    const large = storedTorrent([{ path: "share", length: 700 * 1024 }], 300 * 1024);
    let room = Number.POSITIVE_INFINITY;
    const files: FileSystem = {
      ...systemFiles,
      async write(fd, data, position) {
        if (room < 1) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        room -= 100_000;
        return await systemFiles.write(fd, data.subarray(0, 100_000), position);
      },
    };
    const download = await open({ metainfo: large.metainfo, files });
    await download.storage.write(pieceIndex(0), large.piece(0));
    room = 150_000;
    await expect(download.storage.write(pieceIndex(1), large.piece(1))).rejects.toMatchObject({
      reason: "full",
    });
    room = Number.POSITIVE_INFINITY;
    for (const piece of [1, 2]) await download.storage.write(pieceIndex(piece), large.piece(piece));
    await download.finish();
    await download.close();
    expect(Buffer.compare(readFileSync(at("share")), large.file("share"))).toBe(0);
  });
});

describe("durability", () => {
  /** The real file system, with a log of what makes things durable, that can be told to fail. */
  function watched() {
    const log: string[] = [];
    const names = new Map<number, string>();
    const failing = new Set<string>();
    const named = (fd: number, path: string) => {
      names.set(fd, path.slice(path.lastIndexOf("/") + 1));
      return fd;
    };
    const sync = (what: "fdatasync" | "fsync") => async (fd: number) => {
      const name = names.get(fd) ?? "?";
      log.push(`${what} ${name}`);
      if (failing.has(name)) throw Object.assign(new Error("i/o error"), { code: "EIO" });
      await systemFiles[what](fd);
    };
    const fs: FileSystem = {
      ...systemFiles,
      open: async (path, mode) => named(await systemFiles.open(path, mode), path),
      openSync: (path, mode) => named(systemFiles.openSync(path, mode), path),
      write(fd, data, position) {
        log.push(`write ${names.get(fd)}`);
        return systemFiles.write(fd, data, position);
      },
      fdatasync: sync("fdatasync"),
      fsync: sync("fsync"),
      isVolatile: async () => false,
    };
    return { fs, log, failing };
  }

  it("comes before the claim: data, then names, then the record", async () => {
    const { fs, log } = watched();
    const download = await open({ files: fs });
    await writePieces(download, [59]);
    const mark = log.length;
    await download.close();
    const closing = log.slice(mark);
    expect(closing).toEqual([
      "fdatasync large",
      expect.stringMatching(/^fsync /),
      "fsync share",
      "write .share.boojum.new",
      "fsync .share.boojum.new",
    ]);
  });

  it("that failed makes the pieces since the last checkpoint count as lost, and they are not claimed", async () => {
    const { fs, failing } = watched();
    const lost: number[] = [];
    const download = await open({ files: fs, onLost: (pieces) => lost.push(...pieces) });
    await writePieces(download, [58, 59]);
    failing.add("large");
    await expect(download.close()).rejects.toMatchObject({ name: "StorageError", path: at("share/large") });
    expect(lost).toEqual([58, 59]);
    expect(existsSync(lockPath())).toBe(false);
    const state = decodeState(readFileSync(statePath()));
    expect(state?.durable.count).toBe(0);
    expect([...(state?.lost ?? [])]).toEqual([58, 59]);
    await expectFinishes(await open());
  });

  it("is done for everything before the state goes", async () => {
    const { fs, log } = watched();
    const gone: string[] = [];
    const download = await open({
      files: {
        ...fs,
        unlink: async (path) => {
          if (path === statePath()) gone.push(...log);
          await systemFiles.unlink(path);
        },
      },
    });
    await expectFinishes(download);
    for (const file of torrent.metainfo.files)
      expect(gone).toContain(`fdatasync ${file.path[file.path.length - 1]}`);
    for (const folder of ["share", "d0", "d1", "d2"]) expect(gone).toContain(`fsync ${folder}`);
  });
});

describe("with few descriptors", () => {
  it("a download of more files than that completes", async () => {
    // Node itself takes about 20.
    const script = `ulimit -n 40 && exec "$0" "$@"`;
    const poor = new Child("sh", ["-c", script, process.execPath, program, "run", place.dir]);
    expect(await poor.exited, poor.describe()).toBe(0);
    expect(statSync(at("share/large")).size).toBe(180 * 1024);
    rmSync(at("share"), { recursive: true });
  });
});

describe("storage", () => {
  it("makes a thousand empty files and folders deep down", async () => {
    const many = storedTorrent(
      [
        { path: "one", length: 1 },
        ...Array.from({ length: 1000 }, (_, i) => ({ path: `d${i % 7}/e/${i}`, length: 0 })),
      ],
      1024,
    );
    const download = await open({ metainfo: many.metainfo });
    await download.storage.write(pieceIndex(0), many.piece(0));
    await download.finish();
    await download.close();
    expect(readdirSync(at("share"), { recursive: true }).length).toBe(1 + 1000 + 14);
  });
});
