import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PieceChecks } from "../../../src/client/piece-checks.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const good = new Uint8Array(40_000).fill(3);
const bad = good.slice();
bad[20_000] = 4;
const zero = pieceIndex(0);

/** Checks of one piece, by a storage that checks elsewhere when `elsewhere` is given. */
function checks(elsewhere?: (data: Uint8Array) => Promise<boolean>) {
  const told: string[] = [];
  const made = new PieceChecks({
    pieceHashes: sha1(good),
    sha1,
    storage: {
      write: () => {
        told.push("write");
        return Promise.resolve();
      },
      ...(elsewhere && { writeIfRight: (_, data) => elsewhere(data) }),
    },
    stored: () => told.push("stored"),
    corrupt: () => told.push("corrupt"),
    guilty: (key) => told.push(`guilty ${key}`),
    failed: (error) => told.push(`failed: ${error.message}`),
  });
  const check = async (data: Uint8Array, givers: readonly number[]) => {
    made.check(zero, data, givers, () => told.push("done"));
    await made.settled();
    return told.splice(0);
  };
  return { check };
}

const compared = (data: Uint8Array) => Promise.resolve(Buffer.compare(sha1(data), sha1(good)) === 0);

describe.each([
  ["here", undefined],
  ["elsewhere", compared],
])("a whole piece that is checked %s", (where, elsewhere) => {
  it("is told when it is stored, and only then its memory is free", async () => {
    const write = where === "here" ? ["write"] : [];
    expect(await checks(elsewhere).check(good, [1, 1, 1])).toEqual([...write, "stored", "done"]);
  });

  it("is blamed on its one giver when it is wrong", async () => {
    expect(await checks(elsewhere).check(bad, [1, 1, 1])).toEqual(["done", "corrupt", "guilty 1"]);
  });

  it("is blamed on whose blocks differ from the good one that comes later", async () => {
    const { check } = checks(elsewhere);
    expect(await check(bad, [1, 2, 1])).toEqual(["done", "corrupt"]);
    const told = await check(good, [1, 1, 1]);
    expect(told.filter((what) => what !== "write")).toEqual(["guilty 2", "stored", "done"]);
  });
});

describe("a storage that checks elsewhere", () => {
  it("fails the download when it can't write", async () => {
    const full = () => Promise.reject(new Error("the disk is full"));
    expect(await checks(full).check(good, [1, 1, 1])).toEqual(["failed: the disk is full", "done"]);
  });
});
