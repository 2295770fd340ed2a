import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import type { PickPeer } from "../../../src/client/core/pick-peer.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";
import { cpuMillis } from "../../support/cpu-time.ts";
import {
  BLOCKS,
  blocksOf,
  give,
  giveUp,
  makePicker,
  picked,
  picking,
  someOf,
  sources,
} from "../../support/picking.ts";
import { seededRandom } from "../../support/seeded-random.ts";

describe("Picker", () => {
  it("starts with the piece that the fewest peers have", () => {
    const picker = makePicker(4);
    const whole = Bitfield.full(4);
    picker.addPieces(whole);
    picker.addPieces(someOf(4, [0, 1, 3]));
    picker.addPieces(someOf(4, [0, 1]));
    expect(picked(picker, picking(1, whole), 1)).toEqual(["2:0"]);
    expect(picked(picker, picking(1, whole), 4)).toEqual(["2:1", "2:2", "2:3", "3:0"]);
  });

  it("follows availability as peers announce, come and go", () => {
    const picker = makePicker(3);
    const a = someOf(3, [0, 1]);
    picker.addPieces(Bitfield.full(3));
    picker.addPieces(a);
    picker.addPieces(someOf(3, [1, 2]));
    picker.addHave(0);
    a.add(2);
    picker.addHave(2);
    picker.removePieces(someOf(3, [1, 2]), false);
    expect([0, 1, 2].map((piece) => picker.availability(piece))).toEqual([3, 2, 2]);
    picker.removePieces(Bitfield.full(3), true);
    expect([0, 1, 2].map((piece) => picker.availability(piece))).toEqual([2, 1, 1]);
  });

  it("leaves started pieces that others have to them while the seeder has some that nobody else has", () => {
    const picker = makePicker(3);
    const seed = picking(1, Bitfield.full(3));
    const other = picking(2, someOf(3, [1]));
    picker.addPieces(seed.have);
    picker.addPieces(other.have);
    expect(picked(picker, other, 2)).toEqual(["1:0", "1:1"]);
    expect(picked(picker, seed, 8).sort()).toEqual([...blocksOf(0), ...blocksOf(2)]);
    // Nothing else is left: now it helps.
    expect(picked(picker, seed, 8)).toEqual(["1:2", "1:3"]);
  });

  it("finishes a started piece at another seeder, when no one else has it", () => {
    const picker = makePicker(3);
    const seeds = [picking(1, Bitfield.full(3)), picking(2, Bitfield.full(3))];
    for (const seed of seeds) picker.addPieces(seed.have);
    const [start] = picked(picker, picking(1, Bitfield.full(3)), 1);
    const piece = Number.parseInt(start ?? "", 10);
    expect(picked(picker, picking(2, Bitfield.full(3)), 3)).toEqual(blocksOf(piece, 1));
  });

  it("breaks ties at random, and the same way for the same seed", () => {
    const first = (seed: number): string | undefined => {
      const picker = makePicker(1000, { random: seededRandom(seed) });
      const whole = Bitfield.full(1000);
      picker.addPieces(whole);
      picker.addPieces(whole);
      return picked(picker, picking(1, whole), 1)[0];
    };
    const choices = Array.from({ length: 20 }, (_, seed) => first(seed));
    expect(new Set(choices).size).toBeGreaterThan(15);
    expect(Array.from({ length: 20 }, (_, seed) => first(seed))).toEqual(choices);
  });

  it("goes through the pieces in order while there is one source", () => {
    const picker = makePicker(50);
    const whole = Bitfield.full(50);
    picker.addPieces(whole);
    const first = Number.parseInt(picked(picker, picking(1, whole), BLOCKS)[0] ?? "", 10);
    const after = picked(picker, picking(1, whole), BLOCKS)[0];
    expect(after).toBe(first === 49 ? after : `${first + 1}:0`);
  });

  it("finishes started pieces before it starts others, with the help of every peer that has them", () => {
    const picker = makePicker(10);
    const whole = Bitfield.full(10);
    const [a, b] = [picking(1, whole), picking(2, whole)];
    picker.addPieces(whole);
    picker.addPieces(whole);
    const [start] = picked(picker, a, 1);
    expect(picked(picker, b, 3)).toEqual(blocksOf(Number.parseInt(start ?? "", 10), 1));
  });

  it("asks only for missing pieces that the peer has", () => {
    const picker = makePicker(6, { missing: someOf(6, [1, 4, 5]) });
    const have = someOf(6, [0, 1, 2, 4]);
    picker.addPieces(have);
    const blocks = picked(picker, picking(1, have), 100);
    expect(new Set(blocks.map((block) => block.split(":")[0]))).toEqual(new Set(["1", "4"]));
    expect(blocks).toHaveLength(2 * BLOCKS);
  });

  it("prefers what the peer suggests, and keeps to what a choking peer allows", () => {
    const whole = Bitfield.full(100);
    const picker = makePicker(100);
    picker.addPieces(whole);
    picker.addPieces(whole);
    expect(picked(picker, picking(1, whole, { suggested: new Set([77]) }), 1)).toEqual(["77:0"]);
    expect(picked(picker, picking(2, whole, { only: new Set([13]) }), 100)).toEqual(blocksOf(13));
  });

  it("has a seeder help with started pieces as soon as every piece is with somebody else, and starts no other", () => {
    const picker = makePicker(3);
    const [, other] = sources(picker, Bitfield.full(3), someOf(3, [1, 2]));
    if (other === undefined) throw new Error("no peer");
    picked(picker, other, 2);
    const [piece = 0] = [1, 2].filter((each) => picker.active(each) !== undefined);
    expect(picked(picker, picking(1, Bitfield.full(3)), 6)).toEqual([...blocksOf(0), ...blocksOf(piece, 2)]);
    expect(picker.idleCount).toBe(1);
  });

  it("has an incomplete peer finish what others have started, whatever nobody has", () => {
    const picker = makePicker(3, { rank: (piece) => piece });
    const [a, b] = sources(picker, someOf(3, [0, 1]), someOf(3, [0, 1])) as [PickPeer, PickPeer];
    expect(picked(picker, a, 2)).toEqual(blocksOf(0, 0, 2));
    expect(picked(picker, b, 2)).toEqual(blocksOf(0, 2));
  });

  it("asks for what is left of several started pieces at once, and for no more than was wanted", () => {
    const picker = makePicker(4);
    for (const piece of [0, 1, 2]) picked(picker, picking(piece, someOf(4, [piece])), 2);
    const have = someOf(4, [0, 1, 2]);
    expect(picked(picker, picking(8, have), 3)).toEqual(["0:2", "0:3", "1:2"]);
    expect(picked(picker, picking(9, have), 9)).toEqual(["1:3", "2:2", "2:3"]);
  });

  it("goes on with the oldest piece that it helped with", () => {
    const picker = makePicker(2);
    for (const piece of [0, 1]) picked(picker, picking(piece, someOf(2, [piece])), 1);
    const helper = picking(9, Bitfield.full(2));
    expect([1, 1].flatMap((count) => picked(picker, helper, count))).toEqual(["0:1", "0:2"]);
  });

  it("goes on with the piece that a peer was asked for last, though older ones wait", () => {
    const picker = makePicker(2);
    const have = someOf(2, [1]);
    picked(picker, picking(2, someOf(2, [0])), 1);
    const [a] = sources(picker, have) as [PickPeer];
    picked(picker, a, 1);
    have.add(0);
    picker.addHave(0);
    expect(picked(picker, a, 1)).toEqual(["1:1"]);
    expect(picked(picker, a, 1)).toEqual(["1:2"]);
  });

  it("takes the best of equally rare pieces, from the first one on", () => {
    const picker = makePicker(6, { rank: (piece) => piece });
    const [a] = sources(picker, Bitfield.full(6)) as [PickPeer];
    expect(picked(picker, a, BLOCKS)).toEqual(blocksOf(0));
  });

  it("goes through the pieces in order again when all sources but one are gone", () => {
    const picker = makePicker(9, { rank: (piece) => 9 - piece });
    const [a] = sources(picker, Bitfield.full(9), Bitfield.full(9)) as [PickPeer];
    expect(picked(picker, a, 2 * BLOCKS)).toEqual([...blocksOf(8), ...blocksOf(7)]);
    giveUp(picker, 7, a);
    picker.abandon(7);
    picked(picker, picking(3, someOf(9, [3])), BLOCKS);
    picker.removePieces(Bitfield.full(9), true);
    expect(picked(picker, a, BLOCKS)).toEqual(blocksOf(4));
  });

  it("forgets a complete peer whole, and what another had piece by piece", () => {
    const picker = makePicker(2);
    sources(picker, Bitfield.full(2), someOf(2, [1]));
    picker.removePieces(Bitfield.full(2), true);
    expect([0, 1].map((piece) => picker.availability(piece))).toEqual([0, 1]);
    picker.removeHave(1);
    expect(picker.availability(1)).toBe(0);
  });

  it("takes a suggestion only for a piece that is idle and that the peer has, and each once", () => {
    const picker = makePicker(9, { rank: (piece) => piece });
    const [a] = sources(picker, someOf(9, [0, 1, 2, 3, 4]), Bitfield.full(9)) as [PickPeer];
    picked(picker, a, BLOCKS);
    const suggested = new Set([0, 8, 3, 4]);
    expect(picked(picker, { ...a, suggested }, BLOCKS)).toEqual(blocksOf(3));
    expect([...suggested]).toEqual([4]);
  });

  it("asks a choking peer for nothing that it allows but hasn't, or that somebody sends already", () => {
    const picker = makePicker(4);
    const [a] = sources(picker, Bitfield.full(4)) as [PickPeer];
    picked(picker, { ...a, only: new Set([1]) }, BLOCKS);
    const choking = picking(2, someOf(4, [1, 2, 3]), { only: new Set([0, 1, 3]) });
    expect(picked(picker, choking, 99)).toEqual(blocksOf(3));
    giveUp(picker, 1, a);
    picker.release(3, 0, 2);
    expect(picked(picker, { ...choking, only: new Set([3]) }, 99)).toEqual(["3:0"]);
  });

  it("offers released blocks again, first", () => {
    const picker = makePicker(2);
    const whole = Bitfield.full(2);
    picker.addPieces(whole);
    const [a, b] = [picking(1, whole), picking(2, whole)];
    const blocks = picked(picker, a, 8);
    expect(picked(picker, b, 8)).toEqual([]);
    const piece = Number.parseInt(blocks[0] ?? "", 10);
    picker.release(piece, 2 * BLOCK_LENGTH, a.key);
    expect(picked(picker, b, 8)).toEqual([`${piece}:2`]);
  });

  it("doubles requests only near the end, in bounds, and never of the same peer", () => {
    const picker = makePicker(2);
    const whole = Bitfield.full(2);
    picker.addPieces(whole);
    const all = [1, 2, 3, 4].map((key) => picking(key, whole));
    const [a, b, c, d] = all as [PickPeer, PickPeer, PickPeer, PickPeer];
    picked(picker, a, 7);
    expect(picker.endgame).toBe(false);
    picked(picker, a, 1);
    expect(picker.endgame).toBe(true);
    const double = (who: PickPeer, isSlow: boolean) =>
      picker.pickDuplicates(
        who,
        100,
        () => isSlow,
        () => undefined,
      );
    expect(double(b, false)).toBe(0);
    expect(double(a, true)).toBe(0);
    expect(double(b, true)).toBe(8);
    expect(double(c, true)).toBe(8);
    expect(double(d, true)).toBe(0);
    const active = picker.active(0);
    expect(active?.receive(0, b.key)).toEqual([a.key, c.key]);
  });

  it("fetches a piece that failed from one peer alone, until that peer fails it", () => {
    const picker = makePicker(1);
    const whole = Bitfield.full(1);
    picker.addPieces(whole);
    picker.addPieces(whole);
    const [a, b] = [picking(1, whole), picking(2, whole)];
    picked(picker, a, 4);
    give(picker, 0, a);
    expect(picker.active(0)).toBeUndefined();
    expect(picked(picker, b, 4)).toEqual([]);
    picker.failed(pieceIndex(0));
    expect(picked(picker, a, 1)).toEqual(["0:0"]);
    expect(picked(picker, b, 4)).toEqual([]);
    picker.release(0, 0, a.key);
    expect(picked(picker, b, 4)).toHaveLength(4);
  });

  it("is done with a piece when it's stored", () => {
    const picker = makePicker(1);
    const whole = Bitfield.full(1);
    picker.addPieces(whole);
    const a = picking(1, whole);
    picked(picker, a, 4);
    give(picker, 0, a);
    expect(picker.missing.count).toBe(1);
    picker.stored(pieceIndex(0));
    expect(picker.missing.count).toBe(0);
    expect(picked(picker, a, 4)).toEqual([]);
  });

  it("starts nothing without room, and gives up a piece that nobody is sending to make some", () => {
    let room = 1;
    const picker = makePicker(3, { mayStart: () => room-- > 0 });
    const whole = Bitfield.full(3);
    picker.addPieces(whole);
    const a = picking(1, whole);
    const blocks = picked(picker, a, 12);
    expect(blocks).toHaveLength(BLOCKS);
    expect(picker.evict()).toBeUndefined();
    const piece = Number.parseInt(blocks[0] ?? "", 10);
    giveUp(picker, piece, a);
    expect(picker.evict()?.piece).toBe(piece);
    expect(picker.active(piece)).toBeUndefined();
  });

  it("books every block exactly once, whatever happens", () => {
    for (let seed = 0; seed < 30; seed++) everyBlockOnce(seed);
  });

  it("stays quick with 200,000 pieces and 200 peers that have few", () => {
    const pieces = 200_000;
    const random = seededRandom(9);
    const picker = makePicker(pieces);
    const peers = Array.from({ length: 200 }, (_, key) => {
      const have = new Bitfield(pieces);
      for (let i = 0; i < 2000; i++) have.add(Math.floor(random.next() * pieces));
      return picking(key, have);
    });
    for (const one of peers) picker.addPieces(one.have);
    let blocks = 0;
    const took = cpuMillis(() => {
      for (let round = 0; round < 100; round++) {
        for (const one of peers) blocks += picker.pick(one, BLOCKS, () => undefined);
      }
    });
    expect(blocks).toBe(100 * 200 * BLOCKS);
    // A full scan for each would be 20,000 * 200,000 steps: minutes.
    expect(took).toBeLessThan(3000);
  });
});

/** A model beside the picker: random peers ask, answer, choke and leave; no block may be lost or asked for twice. */
function everyBlockOnce(seed: number): void {
  const random = seededRandom(seed);
  const pieces = 12;
  const picker = makePicker(pieces, { random: seededRandom(seed) });
  const peers = [1, 2, 3].map((key) => picking(key, Bitfield.full(pieces)));
  for (const one of peers) picker.addPieces(one.have);
  const out = new Map<string, number>();
  let stored = 0;
  for (let step = 0; stored < pieces; step++) {
    if (step > 5000) throw new Error(`seed ${seed}: never finished`);
    const one = peers[Math.floor(random.next() * peers.length)] ?? picking(1, Bitfield.full(pieces));
    const mine = [...out].filter(([, key]) => key === one.key).map(([block]) => block);
    const dice = random.next();
    if (dice < 0.4) {
      picker.pick(one, 3, (active, block) => {
        const id = `${active.piece}:${block}`;
        if (out.has(id) || active.isReceived(block)) throw new Error(`seed ${seed}: ${id} twice`);
        out.set(id, one.key);
      });
    } else if (dice < 0.5) {
      for (const id of mine) {
        const [piece = 0, block = 0] = id.split(":").map(Number);
        picker.release(piece, block * BLOCK_LENGTH, one.key);
        out.delete(id);
      }
    } else {
      const id = mine[0];
      if (id === undefined) continue;
      out.delete(id);
      const [piece = 0, block = 0] = id.split(":").map(Number);
      const active = picker.active(piece);
      if (active === undefined) throw new Error(`seed ${seed}: ${piece} isn't active`);
      active.receive(block, one.key);
      picker.received(active);
      expect(active.freeCount + active.requestedCount + active.receivedCount).toBe(BLOCKS);
      if (!active.complete) continue;
      if (random.next() < 0.2) picker.failed(active.piece);
      else {
        picker.stored(active.piece);
        stored++;
      }
    }
  }
  expect(out.size).toBe(0);
}
