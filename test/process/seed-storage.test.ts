import { mkdirSync, readdirSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OpenFiles } from "../../src/client/open-files.ts";
import { openSeedStorage, type SeedFile } from "../../src/client/seed-storage.ts";
import { systemFiles } from "../../src/platform/file-system.ts";
import { Pace } from "../../src/platform/pace.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { scratch } from "../support/data.ts";
import { readPiece, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

/** Writes the files of a torrent to disk, as they are for a publisher. */
function publish(torrent: StoredTorrent): SeedFile[] {
  return torrent.metainfo.files.map((file) => {
    const absolutePath = join(place.dir, ...file.path);
    if (file.pad) return { absolutePath, length: file.length, pad: true };
    mkdirSync(dirname(absolutePath), { recursive: true });
    writeFileSync(absolutePath, torrent.file(file.path.join("/")));
    const { mtimeNs, inode } = systemFiles.lstatSync(absolutePath) ?? {};
    if (mtimeNs === undefined || inode === undefined) throw new Error("not written");
    return { absolutePath, length: file.length, mtimeNs, inode };
  });
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
    const storage = openSeedStorage({ files: publish(torrent), layout: torrent.layout, pace });
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
    const storage = openSeedStorage({ files: publish(torrent), layout: torrent.layout, pace });
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

  it.each<[string, (path: string) => void]>([
    ["truncated", (path) => truncateSync(path, 10)],
    ["grown", (path) => writeFileSync(path, "more", { flag: "a" })],
    ["deleted", (path) => rmSync(path)],
    ["written to", (path) => utimesSync(path, 1, 1)],
    [
      "replaced",
      (path) => {
        writeFileSync(`${path}.new`, new Uint8Array(150));
        utimesSync(`${path}.new`, 1, 1);
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "replaced by a folder",
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])("refuses a file that was %s, whether it was open or not, and serves the others", async (_, change) => {
    const torrent = mixed();
    const files = publish(torrent);
    const f = join(place.dir, "f");
    const opened = openSeedStorage({ files, layout: torrent.layout });
    const last = torrent.layout.pieceCount - 1;
    await readPiece(opened, torrent.layout, last);
    change(f);
    const fresh = openSeedStorage({ files, layout: torrent.layout });
    for (const storage of [opened, fresh]) {
      await expect(readPiece(storage, torrent.layout, last)).rejects.toMatchObject({
        name: "StorageError",
        path: f,
        message: expect.stringContaining(f),
      });
      expect(await readPiece(storage, torrent.layout, 0)).toEqual(torrent.piece(0));
      await storage.close();
    }
  });

  it("goes on when the file is put back", async () => {
    const torrent = mixed();
    const files = publish(torrent).map(({ absolutePath, length, pad }) => ({
      absolutePath,
      length,
      pad: pad ?? false,
    }));
    const storage = openSeedStorage({ files, layout: torrent.layout });
    rmSync(join(place.dir, "a"));
    await expect(readPiece(storage, torrent.layout, 0)).rejects.toMatchObject({ reason: "missing" });
    writeFileSync(join(place.dir, "a"), torrent.file("a"));
    expect(await readPiece(storage, torrent.layout, 0)).toEqual(torrent.piece(0));
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
    const storages = [1, 2].map(() => openSeedStorage({ files, layout: torrent.layout, openFiles }));
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
    const storage = openSeedStorage({ files: publish(torrent), layout: torrent.layout });
    await expect(storage.write(pieceIndex(0), torrent.piece(0))).rejects.toMatchObject({
      name: "StorageError",
    });
  });
});
