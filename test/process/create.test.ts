/** Torrents of real files, hashed by the built worker threads. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { expect, test } from "vitest";
import { createTorrent } from "../../src/create/create-torrent.ts";
import type { CreateOptions } from "../../src/create/created.ts";
import { Crew, type CrewOptions } from "../../src/create/crew.ts";
import { CreateOptionError, OutputError, SourceChangedError, SourceError } from "../../src/create/errors.ts";
import { PieceHasher } from "../../src/create/piece-hasher.ts";
import { planHashing } from "../../src/create/plan.ts";
import { scan } from "../../src/create/scan.ts";
import type { Source } from "../../src/create/source.ts";
import { writeTorrentFile } from "../../src/create/torrent-file.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { noise } from "../support/data.ts";
import { useSourceFolder } from "../support/source-folder.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const { signal } = new AbortController();
const folder = useSourceFolder();
const { at, beside } = folder;

function put(name: string, content: string | Uint8Array): string {
  const file = folder.put(name, content);
  // Whole seconds, so that a test can restore the time exactly.
  utimesSync(file, 1_600_000_000, 1_600_000_000);
  return file;
}

/** More than is hashed without threads. */
function putMuch(): string {
  for (let i = 0; i < 6; i++) put(`much/${i}`, noise(6 * MiB + i, i));
  return at("much", "5");
}

/** The trivial way: everything in memory, on one thread. */
function reference(source: Source, pieceLength: number): string {
  const stream = Buffer.concat(source.files.map((file) => readFileSync(file.absolutePath)));
  let hashes = "";
  for (let at = 0; at < stream.length; at += pieceLength) {
    hashes += createHash("sha1")
      .update(stream.subarray(at, at + pieceLength))
      .digest("hex");
  }
  return hashes;
}

/** With a crew that is gone afterwards. */
async function withCrew<T>(options: CrewOptions, work: (crew: Crew) => Promise<T>): Promise<T> {
  const crew = new Crew(options);
  try {
    return await work(crew);
  } finally {
    await crew.close();
  }
}

function create(
  options: CreateOptions = {},
  crewOptions: CrewOptions = {},
): Promise<{ source: Source; hashes: string }> {
  return withCrew(crewOptions, async (crew) => {
    const source = await scan(at(), { crew }, signal);
    return { source, hashes: toHex((await createTorrent(source, { ...options, crew }, signal)).pieceHashes) };
  });
}

test("pieces across files, empty and tiny files are hashed as one stream", async () => {
  const sizes = [0, 1, 16_383, 16_384, 0, 16_385, 1, 1, 1, 131_071, 131_072, 131_073, 0, 400_000, 0];
  for (const [i, size] of sizes.entries()) put(`${String(i).padStart(2, "0")}`, noise(size, i));
  for (const pieceLength of [16 * KiB, 64 * KiB, MiB]) {
    const { source, hashes } = await create({ pieceLength });
    expect(hashes).toBe(reference(source, pieceLength));
  }
});

test.each([1, 2, 3])("%i threads find the same hashes", async (threads) => {
  putMuch();
  for (let i = 0; i < 200; i++) put(`small/${i % 7}/${i}`, noise((i * 991) % 40_000, i));
  for (const pieceLength of [16 * KiB, 4 * MiB]) {
    const { source, hashes } = await create({ pieceLength }, { threads });
    expect(hashes).toBe(reference(source, pieceLength));
  }
});

test.each([
  [1, true],
  [2, true],
  [3, false],
])(
  "thousands of files are looked at and hashed alike by %i threads (the caller helps: %s)",
  async (threads, helps) => {
    for (let i = 0; i < 3_000; i++) put(`${i % 30}/${i}`, noise((i * 991) % 1_000, i));
    const alone = await scan(at(), {}, signal);
    const { source, hashes } = await create({ pieceLength: 16 * KiB }, { threads, helps });
    expect(source.files).toEqual(alone.files);
    expect(hashes).toBe(reference(source, 16 * KiB));
  },
);

test("pieces become known in order, without gaps, and progress ends at the total", async () => {
  putMuch();
  const progress: number[] = [];
  let known = 0;
  let provisional = "";
  const { source, hashes } = await create({
    onProgress: (bytesDone, bytesTotal) => {
      progress.push(bytesDone);
      expect(bytesTotal).toBe(36 * MiB + 15);
    },
    onPieces: (from, to, soFar) => {
      expect(from).toBe(known);
      expect(to).toBeGreaterThan(from);
      known = to;
      provisional += toHex(soFar.subarray(20 * from, 20 * to));
    },
  });
  expect(provisional).toBe(hashes);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect(progress.at(-1)).toBe(source.totalBytes);
});

test("info holds name, files, executable bits and the private flag, and its SHA-1 is the info hash", async () => {
  put("a/b", "hello");
  chmodSync(put("run", "#!"), 0o755);
  const source = await scan(at(), {}, signal);
  const created = await createTorrent(source, { private: true }, signal);
  const pieces = Buffer.from(reference(source, 16 * KiB), "hex").toString("latin1");
  const expected =
    "d5:filesld6:lengthi5e4:pathl1:a1:beed4:attr1:x6:lengthi2e4:pathl3:runeee4:name5:share" +
    `12:piece lengthi16384e6:pieces20:${pieces}7:privatei1ee`;
  expect(Buffer.from(created.info).toString("latin1")).toBe(expected);
  expect(toHex(created.infoHash)).toBe(createHash("sha1").update(created.info).digest("hex"));
  expect(created).toMatchObject({ name: "share", pieceCount: 1, pieceLength: 16 * KiB, totalBytes: 7 });
});

test("one file makes a torrent with a length of its own", async () => {
  const path = put("film.mkv", "hello");
  const { info } = await createTorrent(await scan(path, { name: "other" }, signal), {}, signal);
  const text = Buffer.from(info).toString("latin1");
  expect(text.startsWith("d6:lengthi5e4:name5:other12:piece lengthi16384e6:pieces20:")).toBe(true);
});

test.each([0, 1_000, 16_385, 2 ** 27])("a piece length of %i is refused", async (pieceLength) => {
  put("x", "x");
  await expect(create({ pieceLength })).rejects.toThrow(CreateOptionError);
});

const changes: readonly [string, (file: string) => void][] = [
  ["grown", (file) => appendFileSync(file, "x")],
  ["truncated", (file) => truncateSync(file, 10)],
  ["rewritten with the same size", (file) => rewrite(file)],
  ["deleted", (file) => unlinkSync(file)],
  ["replaced by a twin", (file) => replaceByTwin(file)],
];

test.each(changes)("a file %s after it was scanned is an error that names it", async (_, change) => {
  put("first", noise(50_000, 1));
  const small = put("second", noise(50_000, 2));
  const source = await scan(at(), {}, signal);
  change(small);
  const failure = await createTorrent(source, {}, signal).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SourceChangedError);
  expect(failure).toMatchObject({ path: small, code: "source-changed" });
});

test.each(changes)("threads notice a file %s, too", async (_, change) => {
  const file = putMuch();
  const source = await scan(at(), {}, signal);
  change(file);
  await expect(createTorrent(source, {}, signal)).rejects.toMatchObject({
    code: "source-changed",
    path: file,
  });
});

test.each(changes)("a file %s between two of its pieces is noticed when it is left", async (_, change) => {
  const file = put("file", noise(64 * KiB, 1));
  const source = await scan(at(), {}, signal);
  const hasher = new PieceHasher(planHashing(source.table, source.totalBytes, 16 * KiB));
  hasher.hash(0);
  change(file);
  const rest = () => {
    for (let piece = 1; piece < 4; piece++) hasher.hash(piece);
    hasher.finish();
  };
  expect(rest).toThrow(SourceChangedError);
  hasher.abandon();
});

test("an empty file that gets content is noticed although no piece holds it", async () => {
  put("a", "content");
  const file = put("b", "");
  const source = await scan(at(), {}, signal);
  appendFileSync(file, "late");
  await expect(createTorrent(source, {}, signal)).rejects.toMatchObject({ path: file });
});

test("a file that changes after it was read is noticed when that was more than a second ago", async () => {
  const file = put("a", noise(4 * MiB, 1));
  put("b", noise(8 * MiB, 2));
  // Another file's piece comes first, so that this one was left when it changes.
  const onProgress = (bytesDone: number) => {
    if (bytesDone !== 8 * MiB) return;
    appendFileSync(file, "late");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_050);
  };
  const creating = create({ pieceLength: MiB, onProgress });
  await expect(creating).rejects.toMatchObject({ code: "source-changed", path: file });
});

test("a file that can't be opened is named, from this thread and from another", async () => {
  const file = put("loop", "content");
  for (const more of [() => undefined, putMuch]) {
    unlinkSync(file);
    writeFileSync(file, "content");
    more();
    const source = await scan(at(), {}, signal);
    unlinkSync(file);
    symlinkSync("loop", file);
    const failure = await createTorrent(source, {}, signal).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceError);
    expect(failure).toMatchObject({ path: file });
  }
});

test("a FIFO in a file's place doesn't hang", async () => {
  const file = put("file", "content");
  const source = await scan(at(), {}, signal);
  unlinkSync(file);
  execFileSync("mkfifo", [file]);
  await expect(createTorrent(source, {}, signal)).rejects.toThrow(SourceChangedError);
});

test.skipIf(process.platform !== "linux")(
  "cancelling in the middle leaves no thread and no open file",
  async () => {
    truncateSync(put("sparse", "x"), 4096 * MiB);
    putMuch();
    const much = await scan(at("much"), {}, signal);
    await withCrew({ threads: 3 }, (crew) => createTorrent(much, { crew }, signal));
    const before = { threads: threads(), files: openFiles() };
    const stop = new AbortController();
    const reason = new Error("enough");
    let last = 0;
    const onProgress = (bytesDone: number) => {
      last = bytesDone;
      if (bytesDone > 0) stop.abort(reason);
    };
    const source = await scan(at(), {}, signal);
    const creating = withCrew({ threads: 3 }, (crew) =>
      createTorrent(source, { crew, onProgress }, stop.signal),
    );
    await expect(creating).rejects.toBe(reason);
    await expectNoMore(before);
    expect(last).toBeLessThan(source.totalBytes);
    await expect(createTorrent(source, {}, stop.signal)).rejects.toBe(reason);
  },
);

test.skipIf(process.platform !== "linux")("a failure leaves no thread and no open file", async () => {
  const file = putMuch();
  const source = await scan(at(), {}, signal);
  const make = () => withCrew({ threads: 3 }, (crew) => createTorrent(source, { crew }, signal));
  await make();
  const before = { threads: threads(), files: openFiles() };
  appendFileSync(file, "x");
  await expect(make()).rejects.toThrow(SourceChangedError);
  await expectNoMore(before);
});

test("a torrent file is written whole, never over another, and nothing is left when it can't be", async () => {
  const target = beside("x.torrent");
  expect(await writeTorrentFile(target, new Uint8Array([1, 2, 3]))).toBe(target);
  await expect(writeTorrentFile(target, new Uint8Array([4]))).rejects.toThrow(/there already/);
  expect([...readFileSync(target)]).toEqual([1, 2, 3]);
  await expect(writeTorrentFile(beside("missing", "x"), new Uint8Array(1))).rejects.toThrow(OutputError);
  symlinkSync("nowhere", beside("link"));
  await expect(writeTorrentFile(beside("link"), new Uint8Array(1))).rejects.toThrow(OutputError);
  expect(readdirSync(beside()).toSorted()).toEqual(["link", "share", "x.torrent"]);
});

function rewrite(file: string): void {
  const { size } = statSync(file);
  writeFileSync(file, noise(size, 99));
  // Explicit, for file systems whose clock is coarse.
  utimesSync(file, 1_700_000_000, 1_700_000_000);
}

/** Same bytes, size and time, but another file. */
function replaceByTwin(file: string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(`${file}.twin`, readFileSync(file));
  utimesSync(`${file}.twin`, atime, mtime);
  renameSync(`${file}.twin`, file);
}

function threads(): number {
  return readdirSync("/proc/self/task").length;
}

/** The system takes a moment to close what a thread had open. */
async function expectNoMore(before: { readonly threads: number; readonly files: number }): Promise<void> {
  await expect.poll(threads, { timeout: 2_000 }).toBeLessThanOrEqual(before.threads);
  await expect.poll(openFiles, { timeout: 2_000 }).toBeLessThanOrEqual(before.files);
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
