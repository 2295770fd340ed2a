/** What isn't read again, and what must be. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { decodeRecords, encodeRecords } from "../../src/create/core/hash-records.ts";
import { createTorrent } from "../../src/create/create-torrent.ts";
import { scan } from "../../src/create/scan.ts";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { useSourceFolder } from "../support/source-folder.ts";

const KiB = 1024;
const PIECE = 16 * KiB;
const { signal } = new AbortController();
const { at, beside, put: putBytes } = useSourceFolder();
let cacheDir: string;

beforeEach(() => {
  cacheDir = beside("cache");
});

const put = (name: string, length: number, seed: number) => putBytes(name, noise(length, seed));

interface Made {
  readonly infoHash: string;
  /** Bytes whose hashes were known before anything was read. */
  readonly known: number;
  readonly total: number;
  readonly troubles: readonly string[];
}

/** @param settledFor pretends that the files have been at rest for so many milliseconds. */
async function make(folder = at(), settledFor = 10_000, threads?: number): Promise<Made> {
  const source = await scan(folder, {}, signal);
  let known: number | undefined;
  const troubles: string[] = [];
  const created = await createTorrent(
    { ...source, lookedAt: source.lookedAt + settledFor },
    {
      pieceLength: PIECE,
      cacheDir,
      onCacheTrouble: (message) => troubles.push(message),
      onProgress: (done) => (known ??= done),
      ...(threads !== undefined && { threads }),
    },
    signal,
  );
  return { infoHash: toHex(created.infoHash), known: known ?? 0, total: created.totalBytes, troubles };
}

async function withoutCache(folder = at()): Promise<string> {
  const created = await createTorrent(await scan(folder, {}, signal), { pieceLength: PIECE }, signal);
  return toHex(created.infoHash);
}

function onlyCacheFile(): string {
  const names = readdirSync(path.join(cacheDir, "hashes"));
  expect(names).toHaveLength(1);
  return path.join(cacheDir, "hashes", names[0] ?? "");
}

/** Nobody can set the time of the last change of the inode. */
function setTime(file: string): void {
  utimesSync(file, 1_600_000_000, 1_600_000_000);
}

/** Ten files over some 30 pieces. */
function putTen(): void {
  for (let i = 0; i < 10; i++) put(`${i % 3}/${i}.bin`, 50_000 + i, i);
}

describe("what didn't change", () => {
  it("is not read again, and makes the same torrent", async () => {
    putTen();
    const first = await make();
    expect(first.known).toBe(0);
    const second = await make();
    expect(second).toEqual({ ...first, known: first.total });
    expect(second.infoHash).toBe(await withoutCache());
  });

  it("is found by threads, too: they read what is missing alone", async () => {
    for (let i = 0; i < 6; i++) put(`${i}`, 6 * 1024 * KiB + i, i);
    const { total, infoHash } = await make();
    const file = put("5", 6 * 1024 * KiB + 5, 99);
    const after = await make(at(), 10_000, 2);
    expect(after.known).toBeGreaterThan(0.8 * total);
    expect(after.known).toBeLessThan(total);
    expect(after.infoHash).not.toBe(infoHash);
    expect(after.infoHash).toBe(await withoutCache());
    // A file whose pieces are all known isn't opened.
    expect((await make(path.dirname(file))).known).toBe(total);
  });

  it("stays known when the folder is moved, and when files are added behind", async () => {
    putTen();
    const { total, infoHash } = await make();
    const moved = beside("moved");
    renameSync(at(), moved);
    expect((await make(moved)).known).toBe(total);
    writeFileSync(path.join(moved, "z"), noise(40_000, 40));
    const after = await make(moved);
    expect(after.known).toBeGreaterThan(total - PIECE - 1);
    expect(after.known).toBeLessThan(after.total);
    expect(after.infoHash).toBe(await withoutCache(moved));
    expect(after.infoHash).not.toBe(infoHash);
  });

  it("stays known when hashing is stopped in the middle", async () => {
    put("large", 64 * 1024 * KiB, 3);
    const stop = new AbortController();
    const source = await scan(at(), {}, signal);
    const making = createTorrent(
      { ...source, lookedAt: source.lookedAt + 10_000 },
      { pieceLength: PIECE, cacheDir, onProgress: (done) => done > 0 && stop.abort() },
      stop.signal,
    );
    await expect(making).rejects.toThrow("aborted");
    const after = await make();
    expect(after.known).toBeGreaterThan(0);
    expect(after.infoHash).toBe(await withoutCache());
  });
});

describe("what changed", () => {
  const changes: readonly [string, () => void][] = [
    [
      "is written anew with the same size and time",
      () => {
        setTime(put("1/4.bin", 50_004, 999));
      },
    ],
    [
      "takes another's place, which has the same size and time",
      () => {
        const other = put("../other", 50_004, 998);
        setTime(other);
        renameSync(other, at("1/4.bin"));
      },
    ],
    ["grows", () => appendFileSync(at("1/4.bin"), "x")],
    ["shrinks", () => truncateSync(at("1/4.bin"), 10)],
    ["goes", () => unlinkSync(at("1/4.bin"))],
    [
      "changes names with another",
      () => {
        renameSync(at("0/3.bin"), at("tmp"));
        renameSync(at("0/6.bin"), at("0/3.bin"));
        renameSync(at("tmp"), at("0/6.bin"));
      },
    ],
  ];
  it.each(changes)("is read again when a file %s", async (_what, change) => {
    putTen();
    setTime(at("1/4.bin"));
    const { total } = await make();
    change();
    const after = await make();
    expect(after.known).toBeLessThan(total);
    expect(after.known).toBeGreaterThan(0);
    expect(after.infoHash).toBe(await withoutCache());
  });

  it("is not remembered while it may still change without a trace", async () => {
    put("resting", 100_000, 1);
    await sleep(200);
    put("z-fresh", 100_000, 2);
    const first = await make(at(), 0);
    const second = await make(at(), 0);
    expect(second.known).toBe(6 * PIECE);
    expect(second.infoHash).toBe(first.infoHash);
  });

  it("never makes another torrent than reading everything, whatever happens to a folder", async () => {
    const random = seededRandom(4);
    const below = (n: number) => Math.floor(random.next() * n);
    putTen();
    let hits = 0;
    for (let step = 0; step < 30; step++) {
      const names = readdirSync(at(), { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith(".bin"),
      );
      const name = names[below(names.length)] ?? "0/0.bin";
      const action = below(6);
      if (action === 0) put(name, statSync(at(name)).size, 100 + step);
      else if (action === 1) appendFileSync(at(name), noise(below(30_000), step));
      else if (action === 2) renameSync(at(name), at(`${below(3)}/${step}.bin`));
      else if (action === 3) put(`${below(3)}/${step}.bin`, below(60_000), step);
      else if (action === 4 && names.length > 2) unlinkSync(at(name));
      else await sleep(110);
      const made = await make(at(), 0);
      expect(made.infoHash, `step ${step}`).toBe(await withoutCache());
      hits += made.known;
    }
    expect(hits).toBeGreaterThan(0);
  });
});

describe("the cache", () => {
  it("that is damaged is ignored, with a word, and made anew", async () => {
    putTen();
    const { infoHash, total } = await make();
    const file = onlyCacheFile();
    const bytes = readFileSync(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const after = await make();
    expect(after).toMatchObject({ infoHash, known: 0, troubles: [expect.stringContaining("damaged")] });
    expect(await make()).toMatchObject({ infoHash, known: total, troubles: [] });
  });

  it("that can't be written is told, and is no failure", async () => {
    putTen();
    writeFileSync(cacheDir, "a file where a folder should be");
    const made = await make();
    expect(made.infoHash).toBe(await withoutCache());
    expect(made.troubles.at(-1)).toContain("--cache-dir");
  });

  it("is whole whoever reads it while two write it", async () => {
    putTen();
    const { infoHash } = await make();
    const rounds = Array.from({ length: 12 }, async (_, i) => {
      if (i % 3 === 0) put("1/4.bin", 50_004, 4);
      return await make();
    });
    const all = await Promise.allSettled(rounds);
    for (const one of all) {
      if (one.status === "fulfilled") expect(one.value).toMatchObject({ infoHash, troubles: [] });
    }
    expect((await make()).infoHash).toBe(infoHash);
    expect(readdirSync(path.join(cacheDir, "hashes"))).toHaveLength(1);
  });

  it("keeps to its bounds: what wasn't used for longest goes, and what a crash left", async () => {
    const hashes = path.join(cacheDir, "hashes");
    mkdirSync(hashes, { recursive: true });
    const old = (name: string, bytes: number, minutes: number) => {
      writeFileSync(path.join(hashes, name), "");
      truncateSync(path.join(hashes, name), bytes);
      const time = Date.now() / 1_000 - minutes * 60;
      utimesSync(path.join(hashes, name), time, time);
    };
    old("a1", 30 << 20, 30);
    old("a2", 30 << 20, 20);
    old("a3", 30 << 20, 10);
    old("a4.0123.tmp", 10, 120);
    old("a5.4567.tmp", 10, 1);
    putTen();
    await make();
    const left = readdirSync(hashes);
    expect(left).toHaveLength(4);
    expect(left).toEqual(expect.arrayContaining(["a2", "a3", "a5.4567.tmp"]));
  });

  it("keeps to its bounds without a look at everything for each share", async () => {
    const hashes = path.join(cacheDir, "hashes");
    mkdirSync(hashes, { recursive: true });
    for (let i = 0; i < 79; i++) writeFileSync(path.join(hashes, `b${i}`), "");
    put("first", 20_000, 0);
    await make();
    const crashed = path.join(hashes, "a4.0123.tmp");
    writeFileSync(crashed, "");
    setTime(crashed);
    // Eighty are there: a tenth more is no reason to look, an eighth is.
    for (let added = 1; added <= 11; added++) {
      put(`more ${added}`, 20_000, added);
      await make();
      expect(existsSync(crashed)).toBe(added < 11);
    }
  });
});

describe("the command", () => {
  it("makes a torrent of 1,000 files again without a look into one of them", async () => {
    for (let i = 0; i < 1_000; i++) put(`${i % 10}/${i}`, 20_000, i);
    await sleep(200);
    const run = async (name: string) => {
      const out = beside(`${name}.torrent`);
      const child = new ShareProcess(["create", at(), "-o", out, "--cache-dir", cacheDir]);
      const created = await child.event("created");
      expect(await child.exited).toBe(0);
      return created["infoHash"];
    };
    const first = await run("first");
    expect(await run("second")).toBe(first);
    // Nobody who had read the files would believe these hashes.
    const file = onlyCacheFile();
    const records = decodeRecords(readFileSync(file), nodeHashes.sha256);
    const forged = {
      keys: records?.keys ?? new Uint8Array(0),
      hashes: new Uint8Array(records?.hashes.length ?? 0),
    };
    writeFileSync(file, encodeRecords(forged, nodeHashes.sha256));
    expect(await run("third")).not.toBe(first);
    rmSync(cacheDir, { recursive: true });
    expect(await run("fourth")).toBe(first);
  });

  it("is ready again with what it hashed before", async () => {
    put("large", 40 * 1024 * KiB, 1);
    await sleep(200);
    const hashing = async () => {
      const child = new ShareProcess([at(), "--bind", "127.0.0.1", "--cache-dir", cacheDir]);
      await child.event("ready");
      await child.stop("SIGINT");
      return child.events.filter(({ event }) => event === "hashing").map((event) => event["bytesDone"]);
    };
    await hashing();
    expect(await hashing()).toEqual([0, 40 * 1024 * KiB]);
  });
});
