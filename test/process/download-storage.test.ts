import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Download, DownloadOptions } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { OpenFiles } from "../../src/client/storage/open-files.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { readPiece, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

const never = new AbortController().signal;

function open(
  torrent: StoredTorrent,
  options: Partial<DownloadOptions> = {},
  signal = never,
): Promise<Download> {
  return openDownload(
    {
      metainfo: torrent.metainfo,
      directory: place.dir,
      overwrite: false,
      random: seededRandom(1),
      ...options,
    },
    signal,
  );
}

/** Pieces of everything awkward: bytes shared by many files, empty files, pad files, a short last piece. */
const mixed = () =>
  storedTorrent(
    [
      { path: "a", length: 1 },
      { path: "empty/first", length: 0 },
      { path: "b/c", length: 99, executable: true },
      { path: ".pad/28", length: 28, pad: true },
      { path: "d", length: 64 },
      { path: "e", length: 1 },
      { path: "b/deep/f", length: 300 },
      { path: "g", length: 7 },
      { path: "empty/last", length: 0 },
    ],
    64,
  );

const large = () => storedTorrent([{ path: "share", length: 40 * 1024 + 5 }], 1024);

async function writePieces(
  download: Download,
  torrent: StoredTorrent,
  pieces: Iterable<number>,
): Promise<void> {
  for (const piece of pieces) await download.storage.write(pieceIndex(piece), torrent.piece(piece));
}

/** Every missing piece, in an order that a seed decides, several at once. */
async function writeRest(download: Download, torrent: StoredTorrent, seed = 1): Promise<void> {
  const random = seededRandom(seed);
  const missing = [...download.wanted].filter((piece) => !download.have.has(piece));
  const order = missing.map((piece) => ({ piece, key: random.next() })).sort((a, b) => a.key - b.key);
  await Promise.all(
    order.map(({ piece }) => download.storage.write(pieceIndex(piece), torrent.piece(piece))),
  );
}

const at = (...path: string[]) => join(place.dir, ...path);
const stateLeft = () => readdirSync(place.dir).filter((name) => name.startsWith("."));
const openDescriptors = () => readdirSync("/proc/self/fd").length;

function expectTree(torrent: StoredTorrent): void {
  for (const file of torrent.metainfo.files) {
    const path = torrent.metainfo.singleFile ? at("share") : at("share", ...file.path);
    if (file.pad) expect(existsSync(path)).toBe(false);
    else expect(new Uint8Array(readFileSync(path)), path).toEqual(torrent.file(file.path.join("/")).slice());
  }
}

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

function putAll(torrent: StoredTorrent): void {
  for (const file of torrent.metainfo.files) {
    if (!file.pad) put(at("share", ...file.path), torrent.file(file.path.join("/")));
  }
}

describe("a download", () => {
  it.each([
    ["plain", "n".repeat(255)],
    ["in letters of several bytes", `${"日本語".repeat(28)}.b`],
    ["as long as a plain state can have", "n".repeat(196)],
  ])("of a name as long as a file's can be, %s, is kept, locked and continued", async (_, name) => {
    const torrent = storedTorrent([{ path: "f", length: 3000 }], 64, name);
    const first = await open(torrent);
    await expect(open(torrent)).rejects.toThrow(/is being downloaded by process/);
    await writePieces(first, torrent, [0, 5, 6]);
    await first.close();
    expect(stateLeft()).toHaveLength(1);
    const second = await open(torrent);
    expect(second.have.count).toBe(3);
    await writeRest(second, torrent);
    await second.finish();
    await second.close();
    expect(readFileSync(at(name, "f"))).toEqual(Buffer.from(torrent.file("f")));
    expect(stateLeft()).toEqual([]);
  });

  it("is not taken for another one whose long name begins the same way", async () => {
    const [one, other] = ["1", "2"].map((end) =>
      storedTorrent([{ path: "f", length: 100 }], 64, `${"n".repeat(254)}${end}`),
    );
    if (one === undefined || other === undefined) throw new Error("there are two");
    const places = await Promise.all([open(one), open(other)]);
    for (const each of places) await each.close();
    expect(stateLeft()).toEqual([]);
  });

  it.each([1, 2, 3])("puts every byte where it belongs, whatever comes first (seed %i)", async (seed) => {
    const torrent = mixed();
    const before = openDescriptors();
    const download = await open(torrent);
    expect(download).toMatchObject({ resumedBytes: 0, selectedBytes: 472, path: at("share") });
    await writeRest(download, torrent, seed);
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      expect(await readPiece(download.storage, torrent.layout, piece)).toEqual(torrent.piece(piece));
    }
    await download.finish();
    expectTree(torrent);
    expect(stateLeft()).toEqual([]);
    expect(statSync(at("share/b/c")).mode & 0o111).not.toBe(0);
    expect(statSync(at("share/d")).mode & 0o111).toBe(0);
    expect(await readPiece(download.storage, torrent.layout, 2)).toEqual(torrent.piece(2));
    await download.close();
    expect(openDescriptors()).toBe(before);
  });

  it("makes nothing before the first piece, and each file with its first piece", async () => {
    const torrent = mixed();
    const download = await open(torrent);
    expect(existsSync(at("share"))).toBe(false);
    await writePieces(download, torrent, [2]);
    expect(readdirSync(at("share"))).toEqual(["d"]);
    await download.close();
  });

  it("leaves nothing behind when it is stopped before the first piece", async () => {
    const download = await open(mixed());
    await download.close();
    expect(readdirSync(place.dir)).toEqual([]);
  });

  it("continues after a stop without hashing more than a sample", async () => {
    const torrent = large();
    const first = await open(torrent);
    await writePieces(first, torrent, [0, 5, 6, 7, 40]);
    await first.close();
    let checked = 0;
    const second = await open(torrent, {
      onProgress: (_, total) => {
        checked = total;
      },
    });
    expect([...second.have]).toEqual([0, 5, 6, 7, 40]);
    expect(second.resumedBytes).toBe(4 * 1024 + 5);
    expect(checked).toBe(0);
    await writeRest(second, torrent);
    await second.finish();
    expectTree(torrent);
    await second.close();
  });

  it("can be stopped and continued at every piece", async () => {
    const torrent = mixed();
    for (let piece = 0; piece < torrent.layout.pieceCount; piece++) {
      const download = await open(torrent);
      expect(download.have.count).toBe(piece);
      await writePieces(download, torrent, [piece]);
      await download.close();
    }
    const download = await open(torrent);
    expect(download.have.isComplete).toBe(true);
    await download.finish();
    await download.close();
    expectTree(torrent);
    expect(stateLeft()).toEqual([]);
  });

  it("hashes everything again when a file was changed meanwhile, and claims nothing that is wrong", async () => {
    const torrent = large();
    const first = await open(torrent);
    await writePieces(
      first,
      torrent,
      Array.from({ length: 30 }, (_, i) => i),
    );
    await first.close();
    const bytes = readFileSync(at("share"));
    bytes[3 * 1024] = (bytes[3 * 1024] ?? 0) ^ 1;
    writeFileSync(at("share"), bytes);
    const second = await open(torrent);
    expect([...second.have]).toEqual(Array.from({ length: 30 }, (_, i) => i).filter((piece) => piece !== 3));
    await second.close();
  });

  it("finds by its sample what a file's size and date don't show, and then hashes everything", async () => {
    const torrent = large();
    const first = await open(torrent);
    await writePieces(first, torrent, Array.from({ length: 41 }, (_, i) => i).slice(0, 40));
    await first.close();
    const { mtimeMs, size } = statSync(at("share"));
    execFileSync("cp", ["-p", at("share"), at("kept")]);
    writeFileSync(at("share"), new Uint8Array(size));
    execFileSync("touch", ["-r", at("kept"), at("share")]);
    expect(statSync(at("share"))).toMatchObject({ mtimeMs, size });
    const second = await open(torrent);
    expect(second.have.count).toBe(0);
    await second.close();
  });

  it("gives back the place when it is cancelled while it checks", async () => {
    const torrent = large();
    put(at("share"), torrent.data);
    const stop = new AbortController();
    const before = openDescriptors();
    await expect(open(torrent, { onProgress: () => stop.abort() }, stop.signal)).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(stateLeft()).toEqual([]);
    expect(openDescriptors()).toBe(before);
  });

  it("writes no piece after it was closed or finished, nor one of files that aren't wanted", async () => {
    const torrent = mixed();
    const download = await open(torrent, { select: (path) => path[0] === "a" });
    await expect(writePieces(download, torrent, [5])).rejects.toMatchObject({ name: "StorageError" });
    await download.close();
    await expect(writePieces(download, torrent, [0])).rejects.toMatchObject({ name: "StorageError" });
  });
});

describe("selected files", () => {
  const select = (path: readonly string[]) => path.join("/") === "d" || path.join("/") === "g";

  it("are the only ones that come into being, though pieces reach into others", async () => {
    const torrent = mixed();
    const first = await open(torrent, { select });
    expect([...first.wanted]).toEqual([2, 7]);
    expect(first.selectedBytes).toBe(71);
    expect(first.bytesIn(7)).toBe(7);
    await writePieces(first, torrent, [7]);
    await first.close();
    const second = await open(torrent, { select });
    expect([...second.have]).toEqual([7]);
    expect(await readPiece(second.storage, torrent.layout, 7)).toEqual(torrent.piece(7));
    await writePieces(second, torrent, [2]);
    await second.finish();
    expect(readdirSync(at("share"))).toEqual(["d", "g"]);
    expect(new Uint8Array(readFileSync(at("share/g")))).toEqual(torrent.file("g").slice());
    expect(stateLeft()).toEqual([]);
    // Still whole for those who ask for it, bytes of unselected files included.
    expect(await readPiece(second.storage, torrent.layout, 7)).toEqual(torrent.piece(7));
    await second.close();
  });

  it("may be others the next time", async () => {
    const torrent = mixed();
    const first = await open(torrent, { select });
    await writePieces(first, torrent, [2, 7]);
    await first.close();
    const second = await open(torrent);
    // Piece 7 holds the end of a file whose bytes were put aside: it comes again.
    expect([...second.have]).toEqual([2]);
    await writeRest(second, torrent);
    await second.close();
    const third = await open(torrent, { select });
    expect(third.have.has(2)).toBe(true);
    await third.close();
    const fourth = await open(torrent);
    await writeRest(fourth, torrent);
    await fourth.finish();
    await fourth.close();
    expectTree(torrent);
  });

  it("leave alone what is there under the names of the others", async () => {
    const torrent = mixed();
    put(at("share/a"), "my own file");
    const download = await open(torrent, { select });
    await writeRest(download, torrent);
    await download.finish();
    await download.close();
    expect(readFileSync(at("share/a"), "utf8")).toBe("my own file");
  });
});

describe("files that were there before", () => {
  it("are adopted when they are all right, without a byte written", async () => {
    const torrent = mixed();
    putAll(torrent);
    const download = await open(torrent);
    expect(download.have.isComplete).toBe(true);
    expect(download.resumedBytes).toBe(download.selectedBytes);
    await download.finish();
    await download.close();
    expectTree(torrent);
    expect(stateLeft()).toEqual([]);
  });

  it("are completed when some are missing", async () => {
    const torrent = mixed();
    putAll(torrent);
    rmSync(at("share/e"));
    rmSync(at("share/empty/first"));
    const download = await open(torrent);
    // Pad zeros are known: only the piece with `e` and those it shares with neighbours are missing.
    expect([...download.wanted].filter((piece) => !download.have.has(piece))).toEqual([3]);
    await writeRest(download, torrent);
    await download.finish();
    await download.close();
    expectTree(torrent);
  });

  it.each([
    ["shorter", "b/deep/f", (bytes: Uint8Array) => bytes.subarray(1)],
    ["longer", "b/deep/f", (bytes: Uint8Array) => Buffer.concat([bytes, new Uint8Array(1)])],
    [
      "of other bytes",
      "b/deep/f",
      (bytes: Uint8Array) => bytes.map((byte, i) => (i === 150 ? byte ^ 1 : byte)),
    ],
    ["not empty as they should be", "empty/first", () => Buffer.from("x")],
  ])("are left exactly as they were when they are %s", async (_, path, change) => {
    const torrent = mixed();
    putAll(torrent);
    const other = Uint8Array.from(change(torrent.file(path)));
    put(at("share", path), other);
    rmSync(at("share/a"));
    await expect(open(torrent)).rejects.toMatchObject({
      name: "OutputExistsError",
      path: at("share", path),
      message: expect.stringMatching(/--overwrite.*-o DIR/),
    });
    expect(new Uint8Array(readFileSync(at("share", path)))).toEqual(other);
    expect(existsSync(at("share/a"))).toBe(false);
    expect(stateLeft()).toEqual([]);
  });

  it("are compared when the piece comes that they share with a missing file, and then refused", async () => {
    const torrent = mixed();
    put(at("share/a"), "x");
    const download = await open(torrent);
    await expect(writePieces(download, torrent, [0])).rejects.toMatchObject({
      name: "OutputExistsError",
      path: at("share/a"),
    });
    await download.close();
    expect(readFileSync(at("share/a"), "utf8")).toBe("x");
    await expect(
      open(torrent).then((again) => writePieces(again, torrent, [0]).finally(() => again.close())),
    ).rejects.toThrow("--overwrite");
  });

  it("are compared when the piece comes, and kept when they match", async () => {
    const torrent = mixed();
    put(at("share/a"), torrent.file("a"));
    const inode = statSync(at("share/a")).ino;
    const download = await open(torrent);
    await writeRest(download, torrent);
    await download.finish();
    await download.close();
    expectTree(torrent);
    expect(statSync(at("share/a")).ino).toBe(inode);
  });

  it("are replaced with --overwrite, pieces that match kept, length and all", async () => {
    const torrent = large();
    const other = Buffer.concat([torrent.data, new Uint8Array(3000)]);
    other[10 * 1024] = (other[10 * 1024] ?? 0) ^ 1;
    put(at("share"), other);
    const download = await open(torrent, { overwrite: true });
    expect([...download.wanted].filter((piece) => !download.have.has(piece))).toEqual([10]);
    await writeRest(download, torrent);
    await download.finish();
    await download.close();
    expectTree(torrent);
  });

  it.each([100, 40 * 1024 + 5, 50 * 1024])(
    "are ours after --overwrite was given once (%i bytes)",
    async (length) => {
      const torrent = large();
      put(at("share"), new Uint8Array(length).fill(1));
      const first = await open(torrent, { overwrite: true });
      await writePieces(first, torrent, [0, 1]);
      await first.close();
      const second = await open(torrent);
      expect([...second.have]).toEqual([0, 1]);
      await second.close();
    },
  );

  it("are not taken for ours because another torrent of that name was begun", async () => {
    const other = storedTorrent([{ path: "share", length: 5000 }], 1024);
    const begun = await open(other);
    await writePieces(begun, other, [0]);
    await begun.close();
    const torrent = large();
    await expect(open(torrent)).rejects.toMatchObject({ name: "OutputExistsError" });
    const again = await open(other);
    expect([...again.have]).toEqual([0]);
    await again.close();
  });

  it("with other names elsewhere are not written through, even with --overwrite", async () => {
    const torrent = large();
    put(at("victim"), "precious");
    execFileSync("ln", [at("victim"), at("share")]);
    await expect(open(torrent, { overwrite: true })).rejects.toThrow("hard links");
    expect(readFileSync(at("victim"), "utf8")).toBe("precious");
  });
});

describe("what stands in the way", () => {
  const outside = () => {
    const dir = at("outside");
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "victim"), "precious");
    return dir;
  };

  it.each<[string, () => void]>([
    ["a link in a file's place", () => symlinkSync(join(outside(), "victim"), at("share/d"))],
    ["a link to nowhere in a file's place", () => symlinkSync(at("outside/new"), at("share/d"))],
    ["a link in a folder's place", () => symlinkSync(outside(), at("share/b"))],
    [
      "a link in the share's own place",
      () => {
        rmSync(at("share"), { recursive: true });
        symlinkSync(outside(), at("share"));
      },
    ],
    ["a FIFO", () => execFileSync("mkfifo", [at("share/d")])],
    ["a folder in a file's place", () => mkdirSync(at("share/d"))],
    ["a file in a folder's place", () => writeFileSync(at("share/b"), "mine")],
  ])("is refused before anything is written, with or without --overwrite: %s", async (_, plant) => {
    const torrent = mixed();
    outside();
    mkdirSync(at("share"));
    plant();
    const before = openDescriptors();
    for (const overwrite of [false, true]) {
      await expect(open(torrent, { overwrite })).rejects.toMatchObject({ name: "StorageError" });
    }
    expect(readFileSync(at("outside/victim"), "utf8")).toBe("precious");
    expect(readdirSync(at("outside"))).toEqual(["victim"]);
    expect(stateLeft()).toEqual([]);
    expect(openDescriptors()).toBe(before);
  });

  it.each(["share", "share/b", "share/b/deep"])(
    "never leads out, when %s becomes a link halfway",
    async (swapped) => {
      const torrent = mixed();
      const dir = outside();
      mkdirSync(join(dir, "deep"));
      const download = await open(torrent, { select: (path) => path[0] === "b" });
      await writePieces(download, torrent, [0, 4]);
      renameSync(at(swapped), at("moved"));
      symlinkSync(dir, at(swapped));
      // To the folder that was opened, or not at all.
      await Promise.allSettled([writePieces(download, torrent, [1]), writePieces(download, torrent, [5, 6])]);
      await download.close().catch(() => {});
      expect(readFileSync(join(dir, "victim"), "utf8")).toBe("precious");
      expect(readdirSync(dir).sort()).toEqual(["deep", "victim"]);
      expect(readdirSync(join(dir, "deep"))).toEqual([]);
      await expect(open(torrent)).rejects.toMatchObject({ name: "StorageError", reason: "unsafe" });
    },
  );

  it("is not written to when a file appears after the look around", async () => {
    const torrent = mixed();
    const download = await open(torrent);
    put(at("share/d"), "mine");
    await expect(writePieces(download, torrent, [2])).rejects.toMatchObject({ name: "StorageError" });
    expect(readFileSync(at("share/d"), "utf8")).toBe("mine");
    await download.close();
  });

  it("is not written to when a link takes the place of a file that was begun", async () => {
    const torrent = large();
    const victim = join(outside(), "victim");
    const begun = () => at("share");
    // One descriptor: the folder's, so that the file is opened again for each piece.
    const openFiles = new OpenFiles(1);
    const download = await open(torrent, { openFiles });
    await writePieces(download, torrent, [0]);
    openFiles
      .borrowSync({
        openSync: () => openSync("/dev/null", "r"),
        open: () => Promise.reject(new Error("not asked for")),
      })
      .release();
    rmSync(begun());
    symlinkSync(victim, begun());
    await expect(writePieces(download, torrent, [1])).rejects.toMatchObject({ reason: "unsafe" });
    expect(readFileSync(victim, "utf8")).toBe("precious");
    await download.close().catch(() => {});
  });

  it("does not follow links planted for the state, its draft, the parts or the lock", async () => {
    const torrent = mixed();
    const victim = join(outside(), "victim");
    for (const suffix of ["", ".new", ".parts"]) symlinkSync(victim, at(`.share.boojum${suffix}`));
    const attempt = open(torrent, { select: (path) => path[0] === "g" });
    await expect(attempt).rejects.toMatchObject({ name: "StorageError", reason: "unsafe" });
    rmSync(at(".share.boojum.parts"));
    const download = await open(torrent, { select: (path) => path[0] === "g" });
    await writeRest(download, torrent);
    await download.close();
    symlinkSync(victim, at(".share.boojum.lock"));
    await expect(open(torrent)).rejects.toMatchObject({ name: "StorageError", reason: "unsafe" });
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });
});
