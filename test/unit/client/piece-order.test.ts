import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PieceOrder } from "../../../src/client/core/piece-order.ts";
import type { Random } from "../../../src/protocol/ambient.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { someOf } from "../../support/picking.ts";
import { seededRandom } from "../../support/seeded-random.ts";

/** All idle, each as often among the peers as `counts` says. */
function orderOf(
  counts: readonly number[],
  rank: (piece: number) => number = () => 0,
  random: Random = seededRandom(1),
): PieceOrder {
  const order = new PieceOrder(counts.length, random, rank);
  for (const [piece, count] of counts.entries()) {
    order.insert(piece);
    for (let i = 0; i < count; i++) order.count(piece, 1);
  }
  return order;
}

/** What is found for the same peer with different luck. */
function foundWithLuck(counts: readonly number[], have: Bitfield, rank?: (piece: number) => number) {
  let luck = seededRandom(0);
  const order = orderOf(counts, rank, { next: () => luck.next(), bytes: (length) => luck.bytes(length) });
  const found = new Set<number | undefined>();
  for (let seed = 0; seed < 40; seed++) {
    luck = seededRandom(seed);
    found.add(order.find(have));
  }
  return [...found].sort((a = -1, b = -1) => a - b);
}

describe("PieceOrder", () => {
  it("finds one of the rarest of the idle pieces that a peer has, whatever came before", () => {
    const pieces = 20;
    const change = fc.record({
      what: fc.constantFrom("insert" as const, "remove" as const, "more" as const, "fewer" as const),
      piece: fc.nat(pieces - 1),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 80 }),
        fc.uniqueArray(fc.nat(pieces - 1)),
        fc.nat(),
        (all, had, seed) => {
          const order = new PieceOrder(pieces, seededRandom(seed), () => 0);
          const idle = new Set<number>();
          const counts = Array<number>(pieces).fill(0);
          for (const { what, piece } of all) {
            const count = counts[piece] ?? 0;
            if (what === "insert") {
              order.insert(piece);
              idle.add(piece);
            } else if (what === "remove") {
              order.remove(piece);
              idle.delete(piece);
            } else if (what === "more" || count > 0) {
              order.count(piece, what === "more" ? 1 : -1);
              counts[piece] = count + (what === "more" ? 1 : -1);
            }
          }
          const candidates = had.filter((piece) => idle.has(piece)).map((piece) => counts[piece] ?? 0);
          const found = order.find(someOf(pieces, had));
          expect(found === undefined ? undefined : counts[found]).toBe(
            candidates.length === 0 ? undefined : Math.min(...candidates),
          );
          if (found !== undefined) expect(had.includes(found) && idle.has(found)).toBe(true);
          expect(order.size).toBe(idle.size);
          expect(order.hasUnheld).toBe([...idle].some((piece) => counts[piece] === 0));
          const everything = [...counts.keys()];
          expect(everything.filter((piece) => order.has(piece))).toEqual(
            everything.filter((piece) => idle.has(piece)),
          );
          expect(everything.map((piece) => order.availability(piece))).toEqual(counts);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("takes any of the equally rare, at random", () => {
    expect(foundWithLuck([1, 0, 0, 2, 0], Bitfield.full(5))).toEqual([1, 2, 4]);
  });

  it("takes the lowest rank among the equally rare, and only among them", () => {
    const rank = (piece: number) => 10 - piece;
    expect(foundWithLuck([0, 1, 1, 1, 2], someOf(5, [1, 2, 3, 4]), rank)).toEqual([3]);
  });

  it("looks no further than a rank of 0, nor at more than 64 candidates", () => {
    let asked = 0;
    const find = (rank: (piece: number) => number) => {
      asked = 0;
      orderOf(Array(1_000).fill(0), (piece) => {
        asked++;
        return rank(piece);
      }).find(Bitfield.full(1_000));
      return asked;
    };
    expect(find(() => 0)).toBe(1);
    expect(find(() => 1)).toBe(64);
  });

  describe("for a peer that has little of what is rare", () => {
    const PIECES = 4_000;
    /** The upper half is held by one peer each, but for the last hundred, held by two. */
    const counts = Array.from({ length: PIECES }, (_, i) => (i < PIECES / 2 ? 0 : i < PIECES - 100 ? 1 : 2));
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

    it("finds all that it has, and nothing else", () => {
      expect(foundWithLuck(counts, someOf(PIECES, [2_001, 3_333]))).toEqual([2_001, 3_333]);
      expect(foundWithLuck(counts, someOf(PIECES, [3_999]))).toEqual([3_999]);
      expect(foundWithLuck(counts, new Bitfield(PIECES))).toEqual([undefined]);
    });

    it("takes the rarer of what it finds", () => {
      expect(foundWithLuck(counts, someOf(PIECES, [2_001, ...range(3_950, 3_980)]))).toEqual([2_001]);
      expect(foundWithLuck(counts, someOf(PIECES, [...range(3_900, 3_930), 3_899]))).toEqual([3_899]);
    });

    it("compares no more than 64 that it finds", () => {
      const oneRarer = Array.from({ length: PIECES }, (_, i) => (i < PIECES / 2 ? 0 : i === 2_500 ? 1 : 2));
      expect(foundWithLuck(oneRarer, someOf(PIECES, range(2_000, 4_000))).length).toBeGreaterThan(15);
    });

    it("spreads over all of it", () => {
      const found = foundWithLuck(counts, someOf(PIECES, range(2_000, 3_900)));
      expect(found.length).toBeGreaterThan(15);
      expect(found.every((piece = 0) => piece >= 2_000 && piece < 3_900)).toBe(true);
    });

    it("looks at a bounded number of the rarest one by one", () => {
      let has = 0;
      const have = new Bitfield(PIECES);
      const original = have.has.bind(have);
      have.has = (piece) => {
        has++;
        return original(piece);
      };
      have.add(3_999);
      has = 0;
      expect(orderOf(counts).find(have)).toBe(3_999);
      expect(has).toBe(256);
    });
  });
});
