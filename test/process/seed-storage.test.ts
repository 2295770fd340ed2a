import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { OpenFiles } from "../../src/client/storage/open-files.ts";
import {
  openSeedStorage,
  type PadFile,
  type SeedFile,
  type SeedStorage,
} from "../../src/client/storage/seed-storage.ts";
import { type FileSystem, systemFiles } from "../../src/platform/file-system.ts";
import { Pace } from "../../src/platform/pace.ts";
import type { Clock } from "../../src/protocol/ambient.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { readPiece, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

/** Writes the files of a torrent to disk, as they are for a publisher. */
function publish(torrent: StoredTorrent): (SeedFile | PadFile)[] {
  return torrent.metainfo.files.map((file) => {
    const absolutePath = join(place.dir, ...file.path);
    if (file.pad) return { length: file.length, pad: true };
    mkdirSync(dirname(absolutePath), { recursive: true });
    writeFileSync(absolutePath, torrent.file(file.path.join("/")));
    const stat = systemFiles.lstatSync(absolutePath) ?? expect.fail("not written");
    return { absolutePath, length: file.length, ...stat };
  });
}

/** A minute of it is a second. */
const hastyClock: Clock = {
  now: () => performance.now() * 60,
  after(delay, task) {
    const timer = setTimeout(task, delay / 60);
    return { cancel: () => clearTimeout(timer) };
  },
};

interface Opened {
  readonly storage: SeedStorage;
  /** What was told, in order. */
  readonly told: string[];
  /** The pieces that are lost now. */
  readonly lost: Set<number>;
}

function open(
  torrent: StoredTorrent,
  files: readonly (SeedFile | PadFile)[],
  more: Partial<Parameters<typeof openSeedStorage>[0]> = {},
): Opened {
  const told: string[] = [];
  const lost = new Set<number>();
  const storage = openSeedStorage({
    files,
    layout: torrent.layout,
    pieceHashes: torrent.metainfo.pieceHashes,
    clock: hastyClock,
    watcher: {
      lost: (piece) => lost.add(piece),
      regained: (piece) => lost.delete(piece),
      changed: (path) => told.push(`changed ${path}`),
      restored: (path) => told.push(`restored ${path}`),
      renewed: (versions) => told.push(...[...versions.keys()].map((path) => `renewed ${path}`)),
    },
    ...more,
  });
  return { storage, told, lost };
}

const mixed = () =>
  storedTorrent(
    [
      { path: "a", length: 1 },
      { path: "empty", length: 0 },
      { path: "b/c", length: 99 },
      { path: ".pad/28", length: 28, pad: true },
      { path: "d", length: 64 },
      { path: "e", length: 1 },
      { path: "f", length: 150 },
    ],
    64,
  );

const openDescriptors = () => readdirSync("/proc/self/fd").length;

describe("a seed's storage", () => {
  it("reads every run of bytes, across files, empty files and pad files", async () => {
    const torrent = mixed();
    const pace = new Pace({ now: () => 0, after: () => ({ cancel() {} }) }, () => 0);
    const storage = open(torrent, publish(torrent), { pace }).storage;
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      const size = torrent.layout.pieceSize(piece);
      for (let begin = 0; begin < size; begin++) {
        for (const length of [1, 17, size - begin]) {
          if (begin + length > size) continue;
          const target = new Uint8Array(length).fill(0xee);
          expect(storage.read(pieceIndex(piece), begin, [target])).toBeUndefined();
          expect(target).toEqual(torrent.piece(piece).subarray(begin, begin + length));
        }
      }
      expect(await readPiece(storage, torrent.layout, piece)).toEqual(torrent.piece(piece));
    }
    await storage.close();
  });

  it("gives the same bytes through the thread pool once a read was slow", async () => {
    const torrent = mixed();
    let now = 0;
    const pace = new Pace({ now: () => (now += 6), after: () => ({ cancel() {} }) }, () => now);
    const storage = open(torrent, publish(torrent), { pace }).storage;
    let waited = 0;
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      const target = new Uint8Array(torrent.layout.pieceSize(piece));
      const reading = storage.read(pieceIndex(piece), 0, [target]);
      if (reading !== undefined) waited++;
      await reading;
      expect(target).toEqual(torrent.piece(piece));
    }
    expect(waited).toBeGreaterThan(0);
    await storage.close();
  });

  it("has no more files open than it may, shared among storages, and none after closing", async () => {
    const torrent = storedTorrent(
      Array.from({ length: 100 }, (_, i) => ({ path: `${i}`, length: 10 })),
      64,
    );
    const files = publish(torrent);
    const before = openDescriptors();
    const openFiles = new OpenFiles(8);
    const storages = [1, 2].map(() => open(torrent, files, { openFiles }).storage);
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      for (const storage of storages) {
        expect(await readPiece(storage, torrent.layout, piece)).toEqual(torrent.piece(piece));
        expect(openDescriptors()).toBeLessThanOrEqual(before + 8);
      }
    }
    for (const storage of storages) await storage.close();
    expect(openDescriptors()).toBe(before);
    await expect(readPiece(storages[0] ?? expect.fail(), torrent.layout, 0)).rejects.toThrow(
      "no longer served",
    );
    expect(openDescriptors()).toBe(before);
  });

  it("refuses to be written to", async () => {
    const torrent = mixed();
    const storage = open(torrent, publish(torrent)).storage;
    await expect(storage.write(pieceIndex(0), torrent.piece(0))).rejects.toMatchObject({
      name: "StorageError",
    });
  });
});

/** 20 pieces of `big`, and one file behind them. */
const large = () =>
  storedTorrent(
    [
      { path: "big", length: 20 * 64 },
      { path: "other", length: 100 },
    ],
    64,
  );

describe("a seed's file that isn't what it was", () => {
  const path = () => join(place.dir, "big");
  const read = async ({ storage }: Opened, torrent: StoredTorrent, piece: number): Promise<boolean> => {
    try {
      expect(await readPiece(storage, torrent.layout, piece)).toEqual(torrent.piece(piece));
      return true;
    } catch (error) {
      expect(error).toMatchObject({ name: "StorageError", message: expect.stringContaining(place.dir) });
      return false;
    }
  };
  const damaged = (torrent: StoredTorrent, piece: number) => {
    const data = torrent.file("big").slice();
    data[piece * 64 + 5] = 0;
    return data;
  };
  const replace = (data: Uint8Array) => {
    writeFileSync(`${path()}.new`, data);
    renameSync(`${path()}.new`, path());
  };

  it.each<[string, () => void]>([
    ["touched", () => utimesSync(path(), 1, 1)],
    ["given other permissions", () => chmodSync(path(), 0o600)],
    ["given another name as well", () => linkSync(path(), `${path()}.link`)],
    ["written anew with the same data", () => writeFileSync(path(), readFileSync(path()))],
    ["replaced by one with the same data", () => replace(readFileSync(path()))],
    ["grown", () => writeFileSync(path(), "more", { flag: "a" })],
  ])("and was only %s, is served all the while, and known to be whole soon", async (_, change) => {
    const torrent = large();
    const opened = open(torrent, publish(torrent));
    await read(opened, torrent, 0);
    change();
    for (const piece of [3, 0, 19, 20]) expect(await read(opened, torrent, piece)).toBe(true);
    await vi.waitFor(() => expect(opened.told).toEqual([`renewed ${path()}`]), 5_000);
    expect(opened.lost).toEqual(new Set());
    for (let piece = 0; piece < 21; piece++) expect(await read(opened, torrent, piece)).toBe(true);
    await opened.storage.close();
  });

  it.each<[string, (torrent: StoredTorrent) => void, readonly number[]]>([
    ["written to", (torrent) => writeFileSync(path(), damaged(torrent, 7)), [7]],
    [
      "written to under its old time",
      (torrent) => {
        const { mtimeNs } = systemFiles.lstatSync(path()) ?? expect.fail();
        writeFileSync(path(), damaged(torrent, 7));
        const seconds = Number(mtimeNs) / 1e9;
        utimesSync(path(), seconds, seconds);
      },
      [7],
    ],
    ["replaced", (torrent) => replace(damaged(torrent, 19)), [19]],
    ["truncated", () => truncateSync(path(), 18 * 64 + 1), [18, 19]],
    ["deleted", () => rmSync(path()), Array.from({ length: 20 }, (_, piece) => piece)],
    [
      "replaced by a folder",
      () => {
        rmSync(path());
        mkdirSync(path());
      },
      Array.from({ length: 20 }, (_, piece) => piece),
    ],
    [
      "replaced by a link to the same data",
      () => {
        renameSync(path(), `${path()}.aside`);
        symlinkSync(`${path()}.aside`, path());
      },
      Array.from({ length: 20 }, (_, piece) => piece),
    ],
  ])("and was %s, gives what is right in it, and everything when it is put back", async (_, change, bad) => {
    const torrent = large();
    const files = publish(torrent);
    const opened = open(torrent, files);
    await read(opened, torrent, 0);
    change(torrent);
    expect(await read(opened, torrent, bad[0] ?? 0)).toBe(false);
    await vi.waitFor(() => expect([...opened.lost].sort((a, b) => a - b)).toEqual(bad), 5_000);
    expect(opened.told).toEqual([`changed ${path()}`]);
    for (let piece = 0; piece < 21; piece++)
      expect(await read(opened, torrent, piece), `piece ${piece}`).toBe(!bad.includes(piece));
    rmSync(path(), { recursive: true, force: true });
    writeFileSync(path(), torrent.file("big"));
    await vi.waitFor(() => expect(opened.lost).toEqual(new Set()), 5_000);
    await vi.waitFor(() => expect(opened.told.at(-1)).toBe(`renewed ${path()}`), 5_000);
    expect(opened.told.filter((told) => told !== `renewed ${path()}`)).toEqual([
      `changed ${path()}`,
      `restored ${path()}`,
    ]);
    for (let piece = 0; piece < 21; piece++) expect(await read(opened, torrent, piece)).toBe(true);
    await opened.storage.close();
  });

  it("never gives a wrong byte while somebody writes to it all the time", async () => {
    const torrent = large();
    const opened = open(torrent, publish(torrent));
    let isWrong = false;
    const writer = setInterval(() => {
      isWrong = !isWrong;
      writeFileSync(path(), isWrong ? damaged(torrent, 3) : torrent.file("big"));
    }, 1);
    const given = { yes: 0, no: 0 };
    const end = performance.now() + 1_500;
    // As long as it takes to see both, several times: a busy machine leaves little room in so short a time.
    while (performance.now() < end || Math.min(given.yes, given.no) <= 5) {
      // Or it would be in memory.
      await read(opened, torrent, 5);
      if (await read(opened, torrent, 3)) given.yes++;
      else given.no++;
      await new Promise(setImmediate);
    }
    clearInterval(writer);
    expect(Math.min(given.yes, given.no)).toBeGreaterThan(5);
    await opened.storage.close();
  });

  it("and can't be read now and then is tried again", async () => {
    const torrent = large();
    let isBroken = false;
    const broken = () => Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    const fileSystem: FileSystem = {
      ...systemFiles,
      readv: (descriptor, targets, position) =>
        isBroken && position === 2 * 64
          ? Promise.reject(broken())
          : systemFiles.readv(descriptor, targets, position),
      readvSync: (descriptor, targets, position) => {
        if (isBroken && position === 2 * 64) throw broken();
        return systemFiles.readvSync(descriptor, targets, position);
      },
    };
    const opened = open(torrent, publish(torrent), { fileSystem });
    isBroken = true;
    expect(await read(opened, torrent, 2)).toBe(false);
    expect(await read(opened, torrent, 3)).toBe(true);
    expect(opened.lost).toEqual(new Set([2]));
    isBroken = false;
    await vi.waitFor(
      () => expect(opened.told.slice(0, 2)).toEqual([`changed ${path()}`, `restored ${path()}`]),
      5_000,
    );
    expect(opened.lost).toEqual(new Set());
    expect(await read(opened, torrent, 2)).toBe(true);
    await opened.storage.close();
  });

  it("is looked at when somebody else suspects it, and whoever does so again and again costs nothing", async () => {
    const torrent = large();
    let reads = 0;
    const fileSystem: FileSystem = {
      ...systemFiles,
      readv: (descriptor, targets, position) => {
        reads++;
        return systemFiles.readv(descriptor, targets, position);
      },
    };
    const opened = open(torrent, publish(torrent), { fileSystem });
    writeFileSync(path(), damaged(torrent, 7));
    opened.storage.suspect(path());
    await vi.waitFor(() => expect(opened.lost).toEqual(new Set([7])), 5_000);
    await vi.waitFor(() => expect(reads).toBe(20), 5_000);
    for (let i = 0; i < 20; i++) {
      opened.storage.suspect(path());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(reads).toBe(20);
    await opened.storage.close();
  });

  it("costs no descriptor and keeps nothing running once it is closed", async () => {
    const torrent = large();
    const before = openDescriptors();
    const opened = open(torrent, publish(torrent));
    writeFileSync(path(), damaged(torrent, 7));
    await read(opened, torrent, 7);
    await opened.storage.close();
    const told = opened.told.length;
    writeFileSync(path(), torrent.file("big"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(opened.told).toHaveLength(told);
    expect(openDescriptors()).toBe(before);
  });
});
