/**
 * A disk on which one operation fails, each in turn: whatever a download does about it, it ends whole, and what a power
 * cut leaves after that is whole, too.
 */
import { describe, expect, it } from "vitest";
import type { Download } from "../../src/client/download.ts";
import { StorageError } from "../../src/client/errors.ts";
import { emptyDisk, expectWhole, falseHave, lineOn, openOn, reboot, torrent } from "../support/crash-lab.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { LossyFiles } from "../support/lossy-files.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { put } from "../support/stored-torrent.ts";

/** What failed, and where a download began anew because of it. */
interface Story {
  readonly failed: string;
  readonly starts: number;
}

/**
 * Downloads everything as `get` does: what is lost is fetched again, and after an error that ends it somebody starts it
 * again. The operation `nth` fails.
 */
async function download(disk: LossyFiles, seed: number): Promise<{ readonly starts: number }> {
  for (let starts = 1; starts < 5; starts++) {
    const clock = new FakeClock();
    const lost = new Set<number>();
    let place: Download | undefined;
    try {
      place = await openOn(disk, seed, {
        clock,
        // Half of the downloads have a thread.
        ...(seed % 2 === 0 && { line: lineOn(disk) }),
        onLost: (pieces) => {
          for (const piece of pieces) lost.add(piece);
        },
      });
      expect(await falseHave(place)).toBeUndefined();
      await fetchAll(place, clock, seed, lost);
      await place.finish();
      await place.close();
      return { starts };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      await place?.close().catch((reason: unknown) => {
        if (!(reason instanceof StorageError)) throw reason;
      });
      // Another process does: a lock that could not be removed is a dead one's.
      reboot(disk);
    }
  }
  throw new Error("never ends");
}

async function fetchAll(place: Download, clock: FakeClock, seed: number, lost: Set<number>): Promise<void> {
  const random = seededRandom(seed);
  for (;;) {
    for (const piece of lost) place.have.delete(piece);
    lost.clear();
    const missing = [...place.wanted].filter((piece) => !place.have.has(piece));
    const piece = missing[Math.floor(random.next() * missing.length)];
    if (piece === undefined) return;
    await put(place, torrent, piece);
    place.have.add(piece);
    if (random.next() < 0.3) await clock.advance(2_000);
  }
}

async function failingAt(nth: number, code: string): Promise<Story | undefined> {
  let count = 0;
  let failed: string | undefined;
  const disk = emptyDisk({
    before(operation, path) {
      if (operation === "lstat" || operation === "fstat" || operation === "read") return;
      if (count++ !== nth) return;
      failed = `${operation} ${path}`;
      throw Object.assign(new Error(`${code}, ${failed}`), { code });
    },
  });
  try {
    const { starts } = await download(disk, nth);
    expectWhole(disk);
    expectWhole(disk.after(disk.steps.length, { kind: "lost" }));
    if (failed === undefined) return undefined;
    expect(disk.openCount).toBe(0);
    return { failed, starts };
  } catch (error) {
    throw new Error(`${code} at operation ${nth} (${failed})`, { cause: error });
  }
}

/** Every so-manieth operation of a download, so that each kind of them is met. */
const STRIDE = 4;

describe("a disk that refuses one operation", () => {
  it.each([
    ["EIO", 0],
    ["EIO", 1],
    ["ENOSPC", 2],
    ["EIO", 3],
  ])("(%s, every fourth from %i on) costs at the most a new start, and no data", async (code, first) => {
    const problems: string[] = [];
    let met = 0;
    for (let nth = first; ; nth += STRIDE) {
      try {
        const story = await failingAt(nth, code);
        if (story === undefined) break;
        met++;
      } catch (error) {
        problems.push(`${String(error)}: ${String((error as Error).cause).slice(0, 300)}`);
        if (problems.length > 12) break;
      }
    }
    expect(problems).toEqual([]);
    expect(met).toBeGreaterThan(20);
  });
});
