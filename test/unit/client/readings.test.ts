import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import type { PickPeer } from "../../../src/client/core/pick-peer.ts";
import type { Picker } from "../../../src/client/core/picker.ts";
import { Readings } from "../../../src/client/core/readings.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { blocksOf, give, makePicker, picked, picking, someOf } from "../../support/picking.ts";

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

describe("Picker, while somebody reads", () => {
  const everything = picking(1, Bitfield.full(64), { suggested: new Set([40]) });

  /** One of 64 pieces, with a reader of `at` and what follows. */
  function readAt(at: number, options: Parameters<typeof makePicker>[1] = {}, end = 64): Picker {
    const picker = makePicker(64, options);
    picker.readings = new Readings(picker.missing, MIB);
    picker.readings.add({ at, end });
    return picker;
  }

  it("asks for what is read, in order, before what is started, suggested or rare", () => {
    const picker = makePicker(64);
    picker.addPieces(everything.have);
    const [started = ""] = picked(picker, { ...everything, suggested: new Set() }, 1);
    picker.readings = new Readings(picker.missing, MIB);
    picker.readings.add({ at: 20, end: 22 });
    expect(picked(picker, everything, 9)).toEqual([
      ...blocksOf(20),
      ...blocksOf(21),
      started.replace(":0", ":1"),
    ]);
  });

  it("asks a choking peer only for what it allows, and nobody for what he hasn't", () => {
    const picker = readAt(20);
    const choking: PickPeer = { ...everything, only: new Set([40, 22]) };
    expect(picked(picker, choking, 4)).toEqual(blocksOf(22));
    expect(picker.activeCount).toBe(1);
    expect(picked(picker, picking(2, someOf(64, [23])), 9)).toEqual(blocksOf(23));
  });

  it("asks for no more than was wanted, and begins nothing that it doesn't ask for", () => {
    const picker = readAt(20);
    expect(picked(picker, everything, 4)).toEqual(blocksOf(20));
    expect(picker.activeCount).toBe(1);
  });

  it("has others help with what a reader needs, if they have it, before it begins more", () => {
    const picker = readAt(20);
    picked(picker, everything, 2);
    expect(picked(picker, picking(2, someOf(64, [21])), 1)).toEqual(["21:0"]);
    expect(picked(picker, picking(3, Bitfield.full(64)), 3)).toEqual(["20:2", "20:3", "21:1"]);
  });

  it("passes over what is being written", () => {
    const picker = readAt(20);
    picked(picker, everything, 4);
    give(picker, 20, everything);
    expect(picked(picker, everything, 1)).toEqual(["21:0"]);
  });

  it("begins no later piece when there is no room for the first, for that would take what comes free", () => {
    const picker = readAt(20, {
      pieceSize: (piece) => (piece === 20 ? 5 : 4) * BLOCK_LENGTH,
      mayStart: (size) => size < 5 * BLOCK_LENGTH,
      rank: (piece) => piece,
    });
    expect(picked(picker, { ...everything, suggested: new Set() }, 4)).toEqual(blocksOf(0));
  });

  it("asks a second peer for what the first one is slow to give, of the piece that is waited for alone", () => {
    const picker = readAt(20);
    picked(picker, everything, 8);
    const again: string[] = [];
    const fast = { ...everything, key: 2 };
    const among = picker.started(picker.readings?.heads() ?? []);
    picker.pickDuplicates(
      fast,
      9,
      (key) => key === 1,
      (active, block) => again.push(`${active.piece}:${block}`),
      among,
    );
    expect(again).toEqual(blocksOf(20).reverse());
  });
});
