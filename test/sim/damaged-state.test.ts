/** The state of a download is damaged in every way: what is on the disk is found all the same, and nothing else. */
import { beforeAll, describe, expect, it } from "vitest";
import { OutputExistsError } from "../../src/client/errors.ts";
import { emptyDisk, falseHave, openOn, statePath, writeSome } from "../support/crash-lab.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { LossyFiles, LossyOptions } from "../support/lossy-files.ts";

let disk: LossyFiles;
let state: Uint8Array;
let there: readonly number[];

beforeAll(async () => {
  disk = emptyDisk({});
  const clock = new FakeClock();
  for (const [seed, count] of [
    [1, 12],
    [2, 9],
  ] as const) {
    const place = await openOn(disk, seed, { clock });
    await writeSome(place, clock, seed, count);
    there = [...place.have];
    await place.close();
  }
  state = disk.bytes(statePath)?.slice() ?? new Uint8Array(0);
});

/** What is found with this state. */
async function found(
  damaged: Uint8Array,
  seed: number,
  options: LossyOptions = {},
): Promise<readonly number[]> {
  const copy = disk.after(disk.steps.length, { kind: "synced" }, options);
  copy.put(statePath, damaged);
  const place = await openOn(copy, seed);
  expect(await falseHave(place)).toBeUndefined();
  const pieces = [...place.have];
  await place.close();
  expect(copy.openCount).toBe(0);
  return pieces;
}

const lines = () => Buffer.from(state).toString("latin1").trimEnd().split("\n");
const encoded = (text: readonly string[]) => Buffer.from(text.map((line) => `${line}\n`).join(""), "latin1");

describe("a state", () => {
  it("cut off at any byte costs no piece and gives none", async () => {
    expect(there.length).toBe(21);
    expect(lines().length).toBeGreaterThan(3);
    for (let length = 0; length <= state.length; length++)
      expect(await found(state.subarray(0, length), length), `${length} bytes`).toEqual(there);
  });

  it("with a flipped bit in any byte costs no piece and gives none", async () => {
    for (let at = 0; at < state.length; at++) {
      const damaged = state.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      expect(await found(damaged, at), `bit ${at % 8} of byte ${at}`).toEqual(there);
    }
  });

  it("with records swapped, left out or doubled costs no piece and gives none", async () => {
    const whole = lines();
    for (let i = 0; i < whole.length; i++) {
      const line = whole[i] ?? "";
      const without = whole.toSpliced(i, 1);
      for (let j = 0; j <= without.length; j++)
        expect(await found(encoded(without.toSpliced(j, 0, line)), i), `${i} to ${j}`).toEqual(there);
      expect(await found(encoded(without), i), `without ${i}`).toEqual(there);
      expect(await found(encoded(whole.toSpliced(i, 0, line)), i), `${i} twice`).toEqual(there);
    }
  });

  it("that can't be read any more is as good as damaged", async () => {
    let failures = 0;
    const pieces = await found(state, 1, {
      before(operation, path) {
        if (operation !== "read" || path !== statePath) return;
        failures++;
        throw Object.assign(new Error("EIO"), { code: "EIO" });
      },
    });
    expect(pieces).toEqual(there);
    expect(failures).toBe(1);
  });

  it("that may not be read ends the download with what to do, and changes nothing", async () => {
    const copy = disk.after(
      disk.steps.length,
      { kind: "synced" },
      {
        before(operation, path) {
          if (operation !== "open" || path !== statePath) return;
          throw Object.assign(new Error("EACCES"), { code: "EACCES" });
        },
      },
    );
    await expect(openOn(copy, 1)).rejects.toMatchObject({
      name: "StorageError",
      message: expect.stringContaining("no permission"),
    });
    expect(copy.bytes(statePath)).toEqual(state);
    expect(copy.openCount).toBe(0);
  });

  it("in whose place there is a folder ends the download with what to do", async () => {
    const copy = disk.after(disk.steps.length, { kind: "synced" });
    await copy.unlink(statePath);
    await copy.mkdir(statePath);
    await expect(openOn(copy, 1)).rejects.toThrow(/exists and|something else stands there/);
    expect(copy.openCount).toBe(0);
  });

  it("of another torrent makes files that differ somebody else's, which are left alone", async () => {
    const copy = disk.after(disk.steps.length, { kind: "synced" });
    const other = Buffer.from(state)
      .toString("latin1")
      .replace(/"infoHash":"../, '"infoHash":"zz');
    const { crc32 } = await import("node:zlib");
    const [header = ""] = other.split("\n");
    const json = header.slice(9);
    copy.put(statePath, Buffer.from(`${crc32(json).toString(16).padStart(8, "0")} ${json}\n`));
    const before = copy.paths();
    await expect(openOn(copy, 1)).rejects.toBeInstanceOf(OutputExistsError);
    expect(copy.paths()).toEqual(before);
  });
});
