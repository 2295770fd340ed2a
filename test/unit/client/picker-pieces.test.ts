import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import type { PickPeer } from "../../../src/client/core/pick-peer.ts";
import type { Picker } from "../../../src/client/core/picker.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";
import {
  BLOCKS,
  blocksOf,
  give,
  giveUp,
  makePicker,
  picked,
  picking,
  someOf,
} from "../../support/picking.ts";

const a = picking(1, Bitfield.full(4));
const b = picking(2, Bitfield.full(4));
const c = picking(3, Bitfield.full(4));

/** One with four pieces, of which `a` is asked for these, whole. */
function started(...pieces: readonly number[]): Picker {
  const picker = makePicker(4);
  for (const piece of pieces) picked(picker, picking(a.key, someOf(4, [piece])), BLOCKS);
  return picker;
}

/** What `who` is asked for that others were asked for before. */
function doubled(picker: Picker, who: PickPeer, count = 99, isSlow: (asked: number) => boolean = () => true) {
  const blocks: string[] = [];
  const said = picker.pickDuplicates(who, count, isSlow, (active, block) =>
    blocks.push(`${active.piece}:${block}`),
  );
  expect(said).toBe(blocks.length);
  return blocks;
}

describe("a piece", () => {
  it("is idle, then started, then neither while it's written", () => {
    const picker = makePicker(4);
    expect([picker.isIdle(1), picker.idleCount]).toEqual([true, 4]);
    picked(picker, picking(a.key, someOf(4, [1])), BLOCKS);
    expect([picker.isIdle(1), picker.idleCount, picker.activeCount]).toEqual([false, 3, 1]);
    give(picker, 1, a);
    expect([picker.isIdle(1), picker.active(1), picker.activeCount]).toEqual([false, undefined, 0]);
  });

  it("that turns out to be stored is asked of nobody", () => {
    const picker = makePicker(4);
    expect(picker.adopted(pieceIndex(2))).toBe(true);
    expect([...picker.missing]).toEqual([0, 1, 3]);
    expect(picked(picker, picking(1, someOf(4, [2])), 9)).toEqual([]);
  });

  it("that is being fetched is fetched to its end, whatever turns out to be stored", () => {
    const picker = started(2);
    expect(picker.adopted(pieceIndex(2))).toBe(false);
    expect(picker.missing.count).toBe(4);
  });

  it("that was stored and is lost is missing and idle again", () => {
    const picker = makePicker(4, { missing: someOf(4, [0]) });
    picker.lost(pieceIndex(3));
    expect([...picker.missing]).toEqual([0, 3]);
    expect(picked(picker, picking(1, someOf(4, [3])), 9)).toEqual(blocksOf(3));
  });

  it("that was good after it had failed may be fetched from several when it's lost", () => {
    const picker = started(0);
    give(picker, 0, a);
    picker.failed(pieceIndex(0));
    picked(picker, picking(1, someOf(4, [0])), BLOCKS);
    give(picker, 0, a);
    picker.stored(pieceIndex(0));
    picker.lost(pieceIndex(0));
    const some = picking(2, someOf(4, [0]));
    picked(picker, { ...some, key: 1 }, 1);
    expect(picked(picker, some, 9)).toEqual(blocksOf(0, 1));
  });

  it("of which nothing came is idle again when it's abandoned, and started anew by whoever is asked next", () => {
    const picker = started(0, 1);
    expect(picker.abandon(0)).toBeUndefined();
    giveUp(picker, 0, a);
    expect(picker.abandon(0)?.piece).toBe(0);
    expect([picker.isIdle(0), picker.active(0), picker.abandon(0)]).toEqual([true, undefined, undefined]);
    expect(picked(picker, picking(2, someOf(4, [0])), 9)).toEqual(blocksOf(0));
  });

  it("of which something came isn't abandoned", () => {
    const picker = started(0);
    give(picker, 0, a, [2]);
    giveUp(picker, 0, a, [0, 1, 3]);
    expect(picker.abandon(0)).toBeUndefined();
    expect(picked(picker, b, 3)).toEqual(["0:0", "0:1", "0:3"]);
  });

  it("of which blocks came unasked is open for the others", () => {
    const picker = makePicker(1);
    picked(picker, a, 1);
    give(picker, 0, b, [2]);
    expect(picker.activeCount).toBe(1);
    expect(picked(picker, c, 9)).toEqual(["0:1", "0:3"]);
  });

  it("of which the last free block came unasked has nothing to ask for", () => {
    const picker = makePicker(1);
    picked(picker, a, 3);
    give(picker, 0, b, [3]);
    expect(picker.endgame).toBe(true);
  });
});

describe("the end", () => {
  it("hasn't come while pieces are idle, or blocks are free, or when there's nothing to do", () => {
    const picker = makePicker(2);
    expect(picker.endgame).toBe(false);
    picked(picker, a, BLOCKS);
    expect(picker.endgame).toBe(false);
    picked(picker, a, BLOCKS - 1);
    expect(picker.endgame).toBe(false);
    picked(picker, a, 1);
    expect(picker.endgame).toBe(true);
    expect(makePicker(2, { missing: new Bitfield(2) }).endgame).toBe(false);
  });

  it("isn't over when one of two that were asked for a block lets it go", () => {
    const picker = makePicker(1);
    picked(picker, a, BLOCKS);
    doubled(picker, b);
    picker.release(0, 0, a.key);
    expect(picker.endgame).toBe(true);
    picker.release(0, 0, b.key);
    expect(picker.endgame).toBe(false);
  });

  it("doubles what is slow, from the end of a piece, and no more than wanted", () => {
    const picker = started(0, 1);
    expect(doubled(picker, b, 99, (key) => key !== a.key)).toEqual([]);
    expect(doubled(picker, b, 2)).toEqual(["0:3", "0:2"]);
    expect(doubled(picker, b, 3)).toEqual(["0:1", "0:0", "1:3"]);
  });

  it("doubles what the fewest were asked for first, and nothing that came", () => {
    const picker = started(0);
    give(picker, 0, a, [3]);
    doubled(picker, b, 1);
    expect(doubled(picker, c)).toEqual(["0:1", "0:0", "0:2"]);
  });

  it("doubles only what a peer has, and what a choking one allows", () => {
    const picker = started(0, 1);
    expect(doubled(picker, picking(2, someOf(4, [1, 2])))).toEqual(["1:3", "1:2", "1:1", "1:0"]);
    expect(doubled(picker, { ...c, only: new Set([0]) })).toEqual(["0:3", "0:2", "0:1", "0:0"]);
  });

  it("doubles nothing of a piece that one peer alone is to give", () => {
    const picker = started(0);
    give(picker, 0, a);
    picker.failed(pieceIndex(0));
    picked(picker, picking(1, someOf(4, [0])), BLOCKS);
    expect(doubled(picker, b)).toEqual([]);
  });
});

describe("a piece that failed", () => {
  function failed(): Picker {
    const picker = started(0);
    give(picker, 0, a);
    picker.failed(pieceIndex(0));
    picked(picker, picking(b.key, someOf(4, [0])), 1);
    return picker;
  }
  const only = (who: PickPeer) => picking(who.key, someOf(4, [0]));

  it("goes on with the peer that has begun it", () => {
    expect(picked(failed(), only(b), 9)).toEqual(blocksOf(0, 1));
  });

  it("is for others only when that one gives it back or is gone", () => {
    const picker = failed();
    picker.release(0, 0, a.key);
    picker.forget(a.key);
    expect(picked(picker, only(c), 9)).toEqual([]);
    picker.forget(b.key);
    expect(picked(picker, only(c), 9)).toEqual(blocksOf(0, 1));
  });
});

describe("a peer that is gone", () => {
  it("isn't remembered: whoever comes begins with the oldest piece that is started", () => {
    const picker = started(0, 1);
    for (const piece of [0, 1]) giveUp(picker, piece, a);
    picker.forget(a.key);
    expect(picked(picker, a, 1)).toEqual(["0:0"]);
  });

  it("may let go of a piece that is no longer fetched", () => {
    const picker = started(0);
    give(picker, 0, b);
    picker.release(0, 0, a.key);
    expect(picker.active(0)).toBeUndefined();
  });
});

describe("without room", () => {
  it("the piece that lost least goes, of those of which nothing is on the way", () => {
    const picker = started(0, 1, 2, 3);
    give(picker, 0, a, [0, 1, 2]);
    give(picker, 1, a, [0]);
    give(picker, 2, a, [0, 1]);
    for (const piece of [0, 1, 2]) giveUp(picker, piece, a);
    give(picker, 3, a, [0, 1, 2]);
    picked(picker, picking(b.key, someOf(4, [1])), 1);
    expect(picker.evict()?.piece).toBe(2);
    expect([picker.isIdle(2), picker.active(2)]).toEqual([true, undefined]);
    giveUp(picker, 1, b);
    expect(picker.evict()?.piece).toBe(1);
    expect(picker.evict()?.piece).toBe(0);
    expect(picker.evict()).toBeUndefined();
  });

  it("a peer whose piece went is asked for it anew", () => {
    const picker = started(0, 1);
    giveUp(picker, 1, a);
    const old = picker.evict();
    expect(picked(picker, picking(a.key, someOf(4, [1])), BLOCKS)).toEqual(blocksOf(1));
    expect(picker.active(1)).not.toBe(old);
  });

  it("a peer whose piece stays goes on with it", () => {
    const picker = started(0, 1);
    giveUp(picker, 0, a);
    giveUp(picker, 1, a, [0]);
    picked(picker, picking(b.key, someOf(4, [2])), 1);
    picker.evict();
    expect(picked(picker, b, 1)).toEqual(["2:1"]);
  });
});

describe("whole pieces, as web servers send them", () => {
  it("are booked in one go, when they're idle", () => {
    const picker = makePicker(4);
    const active = picker.pickWhole(2, 7);
    expect([active?.piece, active?.requestedCount, active?.isRequestedFrom(3, 7)]).toEqual([2, BLOCKS, true]);
    expect(picker.pickWhole(2, 8)).toBeUndefined();
    expect(picked(picker, picking(1, someOf(4, [2])), 9)).toEqual([]);
  });

  it("leave nothing to ask for when they're the last", () => {
    const picker = makePicker(1);
    picker.pickWhole(0, 7);
    expect(picker.endgame).toBe(true);
  });

  it("aren't begun without room", () => {
    const picker = makePicker(4, { mayStart: (size) => size < BLOCKS * BLOCK_LENGTH });
    expect(picker.pickWhole(0, 7)).toBeUndefined();
    expect(picker.isIdle(0)).toBe(true);
  });

  it("are completed by blocks that follow each other, of a piece that's wanted", () => {
    const picker = started(0, 1);
    giveUp(picker, 0, a, [1]);
    giveUp(picker, 1, a, [1, 2]);
    const wanted = new Set([1]);
    const rest = picker.pickRest({ key: 7, have: Bitfield.full(4) }, (piece) => wanted.has(piece));
    expect([rest?.active.piece, rest?.first, rest?.count]).toEqual([1, 1, 2]);
    expect(picker.active(1)?.freeCount).toBe(0);
    expect(picker.active(1)?.isRequestedFrom(2, 7)).toBe(true);
    expect(picker.pickRest({ key: 7, have: Bitfield.full(4) }, (piece) => wanted.has(piece))).toBeUndefined();
    expect(picker.pickRest({ key: 7, have: someOf(4, [1, 2, 3]) }, () => true)).toBeUndefined();
  });

  it("leave the other free blocks of a piece to others", () => {
    const picker = started(0);
    giveUp(picker, 0, a, [0, 2]);
    const rest = picker.pickRest({ key: 7, have: Bitfield.full(4) }, () => true);
    expect([rest?.first, rest?.count, rest?.active.requesterCount(1)]).toEqual([0, 1, 1]);
    expect(picked(picker, b, 1)).toEqual(["0:2"]);
  });
});

it("tells which of some pieces are started", () => {
  const picker = started(1, 3);
  expect(picker.started([0, 1, 2, 3]).map(({ piece }) => piece)).toEqual([1, 3]);
  expect(picker.started([])).toEqual([]);
});
