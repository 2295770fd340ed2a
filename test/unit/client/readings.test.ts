import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import type { PickPeer } from "../../../src/client/core/pick-peer.ts";
import { Picker } from "../../../src/client/core/picker.ts";
import { Readings } from "../../../src/client/core/readings.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const MIB = 1024 * 1024;

/** Readings of pieces of 1 MiB, all missing: 32 are ahead of a reader, 4 near. */
function readings(missing: Bitfield = Bitfield.full(1_000)) {
  return new Readings(missing, MIB);
}

function order(of: Readings, count = Number.POSITIVE_INFINITY): number[] {
  const pieces: number[] = [];
  of.visit((piece) => pieces.push(piece) < count);
  return pieces;
}

describe("Readings", () => {
  it("has the pieces ahead of a reader in order, and none behind its end", () => {
    const some = readings();
    some.add({ at: 10, end: 13 });
    expect(order(some)).toEqual([10, 11, 12]);
    some.add({ at: 500, end: 1_000 });
    expect(order(some, 8)).toEqual([10, 500, 11, 501, 12, 502, 503, 504]);
    expect(order(some)).toHaveLength(3 + 32);
  });

  it("passes over what is there already", () => {
    const missing = Bitfield.full(1_000);
    for (const piece of [0, 1, 3]) missing.delete(piece);
    const some = readings(missing);
    const reading = { at: 0, end: 1_000 };
    some.add(reading);
    expect(order(some, 3)).toEqual([2, 4, 5]);
    expect([...some.heads()]).toEqual([2]);
    reading.at = 4;
    expect(order(some, 2)).toEqual([4, 5]);
    expect([...some.heads()]).toEqual([4]);
  });

  it("tells what is ahead and what is near, of any reader", () => {
    const some = readings();
    some.add({ at: 100, end: 1_000 });
    some.add({ at: 0, end: 2 });
    expect([0, 1, 2, 99, 100, 131, 132].map((piece) => some.isAhead(piece))).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect([1, 103, 104].map((piece) => some.isNear(piece))).toEqual([true, true, false]);
  });

  it("looks two pieces ahead, however large they are, and at a bounded number, however small", () => {
    const large = new Readings(Bitfield.full(10), 64 * MIB);
    large.add({ at: 3, end: 10 });
    expect(order(large)).toEqual([3, 4]);
    const small = new Readings(Bitfield.full(100_000), 16_384);
    small.add({ at: 0, end: 100_000 });
    expect(order(small)).toHaveLength(1_024);
  });
});

function makePicker(missing = Bitfield.full(64)): Picker {
  const picker = new Picker({
    pieceCount: 64,
    pieceSize: () => 2 * BLOCK_LENGTH,
    missing,
    random: seededRandom(3),
    rank: () => 0,
    mayStart: () => true,
  });
  return picker;
}

const everything: PickPeer = {
  key: 1,
  have: Bitfield.full(64),
  suggested: new Set([40]),
  only: undefined,
};

function picked(picker: Picker, who: PickPeer, count: number): string[] {
  const blocks: string[] = [];
  picker.pick(who, count, (active, block) => blocks.push(`${active.piece}:${block}`));
  return blocks;
}

describe("Picker, while somebody reads", () => {
  it("asks for what is read, in order, before what is started, suggested or rare", () => {
    const picker = makePicker();
    picker.addPieces(everything.have);
    const started = picked(picker, { ...everything, suggested: new Set() }, 1);
    const some = new Readings(picker.missing, MIB);
    some.add({ at: 20, end: 22 });
    picker.readings = some;
    expect(picked(picker, everything, 5)).toEqual([
      "20:0",
      "20:1",
      "21:0",
      "21:1",
      started[0]?.replace(":0", ":1"),
    ]);
  });

  it("asks a choking peer only for what it allows, and nobody for what he hasn't", () => {
    const picker = makePicker();
    const some = new Readings(picker.missing, MIB);
    some.add({ at: 20, end: 64 });
    picker.readings = some;
    const choking = { ...everything, only: new Set([22]) };
    expect(picked(picker, choking, 9)).toEqual(["22:0", "22:1"]);
    const have = new Bitfield(64);
    have.add(23);
    expect(picked(picker, { ...everything, key: 2, have }, 9)).toEqual(["23:0", "23:1"]);
  });

  it("asks a second peer for what the first one is slow to give, of the piece that is waited for alone", () => {
    const picker = makePicker();
    const some = new Readings(picker.missing, MIB);
    some.add({ at: 20, end: 64 });
    picker.readings = some;
    picked(picker, everything, 4);
    const again: string[] = [];
    const fast = { ...everything, key: 2 };
    const among = picker.started(some.heads());
    picker.pickDuplicates(
      fast,
      9,
      (key) => key === 1,
      (active, block) => again.push(`${active.piece}:${block}`),
      among,
    );
    expect(again).toEqual(["20:1", "20:0"]);
  });
});
