import { describe, expect, it } from "vitest";
import { rankAmong, tagOf } from "../../../src/client/core/share-out.ts";
import { SuperSeed } from "../../../src/client/core/super-seed.ts";
import { seededRandom } from "../../support/seeded-random.ts";

function superSeed(pieces: number, peers: readonly number[]): SuperSeed {
  const seed = new SuperSeed(pieces, seededRandom(1));
  for (const peer of peers) seed.join(peer);
  return seed;
}

const shown = (seed: SuperSeed, now = 0, idle = false) =>
  [...seed.next(now, idle)].map(({ peer, piece }) => `${piece}>${peer}`);

describe("SuperSeed", () => {
  it("shows every piece to one receiver, in turn, and few at a time", () => {
    const all = shown(superSeed(100, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    expect(all).toHaveLength(8);
    expect(new Set(all.map((one) => one.split(">")[0])).size).toBe(8);
    expect(new Set(all.map((one) => one.split(">")[1])).size).toBe(8);
  });

  it("shows no third piece to a receiver before one of its two was seen elsewhere", () => {
    const seed = superSeed(100, [1]);
    expect(shown(seed)).toEqual(["0>1", "1>1"]);
    seed.has(1, 0, false);
    expect(shown(seed)).toEqual([]);
    seed.has(2, 0, false);
    expect(shown(seed)).toEqual(["2>1"]);
  });

  it("never lets the uplink run dry for that", () => {
    const seed = superSeed(100, [1]);
    shown(seed);
    expect(shown(seed, 0, true).length).toBeGreaterThan(0);
    seed.tick(1000, true);
    expect(shown(seed, 1000, true).length).toBeGreaterThan(0);
  });

  it("shows what a receiver left with to another, and what was too slow", () => {
    const seed = superSeed(4, [1]);
    expect(shown(seed)).toEqual(["0>1", "1>1"]);
    seed.has(1, 0, false);
    seed.leave(1);
    seed.join(2);
    seed.join(3);
    const again = shown(seed);
    expect(again.map((one) => Number.parseInt(one, 10)).sort()).toEqual([0, 1, 2, 3]);
    expect(again.filter((one) => one.endsWith(">2"))).toHaveLength(2);
    seed.tick(30_000, false);
    seed.join(4);
    expect(shown(seed, 30_000)).toHaveLength(4);
  });

  it("is done when every piece is with a receiver, whoever gave it", () => {
    const seed = superSeed(3, [1, 2]);
    shown(seed);
    expect(seed.isDone(false)).toBe(false);
    for (const piece of [0, 1]) seed.has(1, piece, false);
    seed.has(9, 2, false);
    seed.has(2, 2, false);
    for (const piece of [0, 1, 2]) seed.has(2, piece, false);
    expect(seed.isDone(true)).toBe(true);
  });
});

describe("rankAmong", () => {
  const tags = Array.from({ length: 10 }, (_, i) =>
    tagOf(Uint8Array.from({ length: 20 }, (_, k) => i * 7 + k)),
  );

  it("gives every piece exactly one first downloader, the same in everybody's eyes", () => {
    for (let piece = 0; piece < 500; piece++) {
      const ranks = tags.map((tag) =>
        rankAmong(
          piece,
          tag,
          tags.filter((other) => other !== tag),
        ),
      );
      expect([...ranks].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("shares evenly", () => {
    const firsts = tags.map((tag) => {
      let first = 0;
      for (let piece = 0; piece < 5000; piece++)
        if (
          rankAmong(
            piece,
            tag,
            tags.filter((other) => other !== tag),
          ) === 0
        )
          first++;
      return first;
    });
    expect(Math.min(...firsts)).toBeGreaterThan(420);
    expect(Math.max(...firsts)).toBeLessThan(580);
  });
});
