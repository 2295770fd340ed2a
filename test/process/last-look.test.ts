/** Files of a download that others change before it is done. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Download, DownloadOptions } from "../../src/client/download.ts";
import { OutputExistsError, StorageError } from "../../src/client/errors.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { type FileSystem, systemFiles } from "../../src/platform/file-system.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { lastLookAt } from "../../src/share/get/last-look.ts";
import { scratch } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { storedTorrent } from "../support/stored-torrent.ts";

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

const never = new AbortController().signal;
/** Pieces 0 to 3 hold `a`; 3 to 6 `sub/b`, the last one whole; 7 to 9 `c`. */
const torrent = storedTorrent(
  [
    { path: "a", length: 3_500 },
    { path: "sub/b", length: 3_500 },
    { path: "c", length: 3_000 },
  ],
  1_000,
);
const a = () => join(place.dir, "share/a");
const b = () => join(place.dir, "share/sub/b");

function open(options: Partial<DownloadOptions> = {}): Promise<Download> {
  const { metainfo } = torrent;
  const base = { metainfo, directory: place.dir, overwrite: false, random: seededRandom(1) };
  return openDownload({ ...base, ...options }, never);
}

async function write(download: Download, pieces: Iterable<number>): Promise<void> {
  for (const piece of pieces) await download.storage.write(pieceIndex(piece), torrent.piece(piece));
}

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** A clock tick later, so that the times of a file tell. */
const later = () => new Promise((resolve) => setTimeout(resolve, 30));

async function editInPlace(path: string, at: number): Promise<void> {
  await later();
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.from([0]), 0, 1, at);
  closeSync(descriptor);
  await later();
}

function expectWhole(): void {
  for (const name of ["a", "sub/b", "c"]) {
    const found = readFileSync(join(place.dir, "share", name));
    expect(Buffer.compare(found, torrent.file(name)), name).toBe(0);
  }
}

/** Fetches again what is lost, and finishes. @returns what was lost. */
async function mend(download: Download): Promise<readonly number[]> {
  const lost = (await download.lookAgain(never))?.pieces ?? [];
  await write(download, lost);
  expect(await download.lookAgain(never)).toBeUndefined();
  await download.finish();
  await download.close();
  expectWhole();
  return lost;
}

describe("a complete download", () => {
  it("that nobody has touched isn't read again", async () => {
    let reads = 0;
    const files: FileSystem = {
      ...systemFiles,
      readv: (...args) => {
        reads++;
        return systemFiles.readv(...args);
      },
      readvSync: (...args) => {
        reads++;
        return systemFiles.readvSync(...args);
      },
    };
    const download = await open({ files });
    await write(download, [5, 0, 9, 3, 1, 2, 4, 8, 7, 6]);
    expect(await mend(download)).toEqual([]);
    // The lock, when it is given back.
    expect(reads).toBeLessThan(3);
  });

  it.each<[string, () => void | Promise<void>, readonly number[]]>([
    ["was deleted", () => unlinkSync(b()), [3, 4, 5, 6]],
    [
      "was deleted with its folder",
      () => rmSync(join(place.dir, "share/sub"), { recursive: true }),
      [3, 4, 5, 6],
    ],
    [
      "was renamed away with its folder",
      () => renameSync(join(place.dir, "share/sub"), join(place.dir, "x")),
      [3, 4, 5, 6],
    ],
    ["was cut", () => truncateSync(b(), 600), [4, 5, 6]],
    [
      "was emptied and filled with zeros",
      () => (truncateSync(b(), 0), truncateSync(b(), 3_500)),
      [3, 4, 5, 6],
    ],
    ["was written to", () => editInPlace(b(), 1_000), [4]],
    [
      "was written to, and its time put back",
      () => editInPlace(b(), 1_000).then(() => utimesSync(b(), 1, 1)),
      [4],
    ],
    [
      "was saved anew by an editor",
      () => (writeFileSync(`${b()}~`, torrent.file("c")), renameSync(`${b()}~`, b())),
      [3, 4, 5, 6],
    ],
    ["got something appended", () => appendFileSync(b(), "x"), []],
    ["was touched", () => later().then(() => utimesSync(b(), 1, 1)), []],
    ["got another name besides", () => linkSync(b(), join(place.dir, "other")), []],
  ])("one file of which %s loses just what isn't right any more", async (_, change, expected) => {
    const download = await open();
    await write(download, from(0, 9));
    await change();
    expect(await mend(download)).toEqual(expected);
  });

  it.each<[string, () => void | Promise<void>]>([
    ["written to", () => editInPlace(a(), 10)],
    ["replaced", () => (writeFileSync(`${a()}~`, Buffer.alloc(1_000)), renameSync(`${a()}~`, a()))],
    ["deleted", () => unlinkSync(a())],
    ["cut", () => truncateSync(a(), 10)],
  ])("is not fooled when a file was %s while pieces of it were still to come", async (_, change) => {
    const download = await open();
    await write(download, [0, 1]);
    await change();
    await write(download, [2, 3, ...from(4, 9)]);
    expect(await mend(download)).toContain(0);
  });

  it("keeps that in mind when it is stopped, and when it is killed after our own write has hidden it", async () => {
    for (const end of ["stop", "kill"]) {
      const download = await open();
      await write(download, [0, 1, 4, 5]);
      await editInPlace(a(), 10);
      await write(download, [2, 3]);
      if (end === "stop") await download.close();
      else {
        // A checkpoint, and no good-bye.
        await new Promise((resolve) => setTimeout(resolve, 5_300));
        rmSync(join(place.dir, ".share.boojum.lock"));
      }
      const again = await open();
      expect([...again.have], end).toEqual([1, 2, 3, 4, 5]);
      await again.close();
      rmSync(join(place.dir, "share"), { recursive: true });
      rmSync(join(place.dir, ".share.boojum"));
    }
  }, 20_000);

  it("doesn't claim what was found to be gone, when it is stopped before that came again", async () => {
    const download = await open();
    await write(download, from(0, 9));
    await editInPlace(a(), 10);
    expect((await download.lookAgain(never))?.pieces).toEqual([0]);
    await download.close();
    const again = await open();
    expect(again.have.has(0)).toBe(false);
    expect(again.have.count).toBe(9);
    await again.close();
  });
});

/**
 * Of a few pieces the sample that is hashed in any case finds every one. Of so many this one misses what was changed:
 * only what was kept in mind helps.
 */
describe("a file of many pieces", () => {
  const long = storedTorrent(
    [
      { path: "long", length: 1_000_000 },
      { path: "z", length: 1_000 },
    ],
    1_000,
  );
  const file = () => join(place.dir, "share/long");
  const pieces = from(0, 999);

  const openLong = () => open({ metainfo: long.metainfo });
  const writeLong = async (download: Download, which: readonly number[]) => {
    for (const piece of which) await download.storage.write(pieceIndex(piece), long.piece(piece));
  };

  it("isn't claimed to be right where somebody wrote to it between our own writes", async () => {
    const download = await openLong();
    await writeLong(download, pieces.slice(0, 900));
    await editInPlace(file(), 700_500);
    await writeLong(download, pieces.slice(900));
    await download.close();
    const again = await openLong();
    expect(pieces.filter((piece) => !again.have.has(pieceIndex(piece)))).toEqual([700]);
    await again.close();
  });

  it.each(["at once", "after a checkpoint"])(
    "isn't claimed where the last look found it to be wrong, when it is stopped %s",
    async (when) => {
      const download = await openLong();
      await writeLong(download, from(0, 1_000));
      if (when === "after a checkpoint") await new Promise((resolve) => setTimeout(resolve, 5_300));
      await editInPlace(file(), 700_500);
      await editInPlace(file(), 800_500);
      expect((await download.lookAgain(never))?.pieces).toEqual([700, 800]);
      // That the other one has come again makes the file one that looks as we left it.
      await writeLong(download, [700]);
      await download.close();
      const again = await openLong();
      expect(pieces.filter((piece) => !again.have.has(pieceIndex(piece)))).toEqual([800]);
      await writeLong(again, [800]);
      expect(await again.lookAgain(never)).toBeUndefined();
      await again.finish();
      await again.close();
      expect(Buffer.compare(readFileSync(file()), long.file("long"))).toBe(0);
    },
    20_000,
  );
});

describe("what took a file's place", () => {
  it.each<[string, () => void, typeof StorageError | typeof OutputExistsError]>([
    ["a link", () => symlinkSync(join(place.dir, "precious"), b()), StorageError],
    ["a folder", () => mkdirSync(b()), StorageError],
    ["another name of somebody's file", () => linkSync(join(place.dir, "precious"), b()), OutputExistsError],
  ])("(%s) is told and not written to", async (_, plant, kind) => {
    const download = await open();
    await write(download, from(0, 9));
    const precious = new Uint8Array(3_500).fill(7);
    writeFileSync(join(place.dir, "precious"), precious);
    unlinkSync(b());
    plant();
    await expect(download.lookAgain(never)).rejects.toThrow(kind);
    // What stands there can't be synced either.
    await download.close().catch(() => {});
    expect(new Uint8Array(readFileSync(join(place.dir, "precious")))).toEqual(precious);
  });

  it("isn't replaced when it was there before and was right: its owner has changed it", async () => {
    mkdirSync(join(place.dir, "share"));
    writeFileSync(join(place.dir, "share/c"), torrent.file("c"));
    const download = await open();
    await write(download, from(0, 6));
    await editInPlace(join(place.dir, "share/c"), 5);
    const edited = readFileSync(join(place.dir, "share/c"));
    await expect(download.lookAgain(never)).rejects.toThrow(OutputExistsError);
    await download.close();
    expect(Buffer.compare(readFileSync(join(place.dir, "share/c")), edited)).toBe(0);
  });
});

it("ends when a file is changed each time that all is there", async () => {
  const told: string[] = [];
  const lost: number[] = [];
  const look = lastLookAt(
    {
      place: { lookAgain: async () => ({ pieces: [pieceIndex(3)], path: "/x/a" }) },
      tell: (event) => told.push(JSON.stringify(event)),
      stopping: new AbortController(),
    },
    (pieces) => lost.push(...pieces),
  );
  for (let i = 0; i < 5; i++) await look();
  await expect(look()).rejects.toThrow("/x/a is changed by another program again and again");
  expect(lost).toEqual([3, 3, 3, 3, 3]);
  expect(told).toHaveLength(5);
  expect(told[0]).toContain(
    "/x/a was changed by another program while it was downloaded. A piece is fetched again.",
  );
  expect(existsSync("/x/a")).toBe(false);
});
