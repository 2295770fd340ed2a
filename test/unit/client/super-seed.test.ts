import { describe, expect, it } from "vitest";
import { rankAmong, tagOf } from "../../../src/client/core/share-out.ts";
import { SuperSeed } from "../../../src/client/core/super-seed.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const MIB = 1_048_576;

/** One that `peers` have joined, each of which has asked for the piece that it was shown first: piece 0 for the first. */
function superSeed(pieces: number, peers: readonly number[], pieceLength = MIB): SuperSeed {
  const seed = new SuperSeed(pieces, pieceLength, seededRandom(1));
  for (const peer of peers) seed.join(peer);
  for (const { peer, piece } of [...seed.next(0, false)]) seed.asked(peer, piece, 0);
  return seed;
}

const shown = (seed: SuperSeed, now = 0, idle = false) =>
  [...seed.next(now, idle)].map(({ peer, piece }) => `${piece}>${peer}`);

describe("SuperSeed", () => {
  it("shows each newcomer one piece, and another when it has asked for it", () => {
    const seed = new SuperSeed(100, MIB, seededRandom(1));
    for (const peer of [1, 2, 3]) seed.join(peer);
    expect(shown(seed)).toEqual(["0>1", "1>2", "2>3"]);
    expect(shown(seed, 60_000, true)).toEqual([]);
    expect(seed.asked(2, 1, 0)).toBe(true);
    expect(seed.asked(2, 1, 0)).toBe(false);
    expect(shown(seed)[0]).toBe("3>2");
  });

  it("has something for a newcomer, however many there are who never ask", () => {
    const seed = new SuperSeed(3, MIB, seededRandom(1));
    for (const peer of [1, 2, 3, 4]) seed.join(peer);
    // The first of the three that were tried in vain.
    expect(shown(seed)).toEqual(["0>1", "1>2", "2>3", "0>4"]);
    expect(shown(seed, 60_000, true)).toEqual([]);
    expect(seed.asked(4, 0, 60_000)).toBe(true);
    expect(shown(seed, 60_000).map((one) => one.slice(1))).toEqual([">4", ">4"]);
  });

  it("shows every piece to one receiver, in turn, and few at a time", () => {
    const seed = superSeed(100, [1, 2, 3, 4, 5]);
    const all = shown(seed);
    expect(all.map((one) => Number.parseInt(one, 10))).toEqual([5, 6, 7]);
    expect(new Set(all.map((one) => one.split(">")[1])).size).toBe(3);
  });

  const receivers = [1, 2, 3, 4, 5, 6, 7, 8];
  /** Eight receivers, each with two pieces that no other has. */
  function waiting(): SuperSeed {
    const seed = superSeed(100, receivers);
    for (const peer of receivers) seed.has(peer, peer - 1, false, 0);
    const second = [...seed.next(0, false)];
    expect(second.map(({ peer }) => peer).sort()).toEqual(receivers);
    for (const { peer, piece } of second) seed.has(peer, piece, false, 0);
    return seed;
  }

  it("shows no third piece to one of eight receivers before one of its two was seen elsewhere", () => {
    const seed = waiting();
    expect(shown(seed)).toEqual([]);
    seed.has(2, 0, false, 0);
    expect(shown(seed)).toEqual(["16>1"]);
  });

  it("never lets the uplink run dry for that, and shows more at a time from then on", () => {
    const seed = waiting();
    const more = [...seed.next(0, true)];
    expect(more).toHaveLength(8);
    expect(shown(seed, 0, true)).toEqual([]);
    const [first] = more;
    if (first !== undefined) seed.has(first.peer, first.piece, true, 0);
    expect(shown(seed, 0, true)).toHaveLength(3);
    seed.tick(1000, true);
    expect(shown(seed, 1000, true)).toHaveLength(5);
  });

  /** Eight receivers that pass nothing on: pieces take 10 ms at first, then `later`. Shown with nothing to send here. */
  function shownWhenPiecesTake(later: number): number {
    const seed = superSeed(400, receivers, 65_536);
    const asked = new Map(receivers.map((peer) => [peer, [peer - 1]]));
    for (let took = 10; ; took = later) {
      for (const [peer, pieces] of asked) seed.has(peer, pieces.shift() ?? 0, false, took);
      const more = [...seed.next(0, false)];
      if (more.length === 0) return [...seed.next(0, true)].length;
      for (const { peer, piece } of more) {
        seed.asked(peer, piece, 0);
        asked.get(peer)?.push(piece);
      }
    }
  }

  it("takes the uplink for full when pieces take longer on their way, although nothing waits here", () => {
    expect(shownWhenPiecesTake(80)).toBe(0);
    expect(shownWhenPiecesTake(10)).toBeGreaterThan(0);
  });

  it("shows more of small pieces at a time", () => {
    const seed = superSeed(100, receivers, 65_536);
    expect(shown(seed)).toHaveLength(32 - receivers.length);
  });

  it("makes a lone receiver wait for nobody, however many others are there and ask for nothing", () => {
    const seed = superSeed(20, [1]);
    for (let peer = 2; peer < 10; peer++) seed.join(peer);
    const got = new Set<number>([0]);
    seed.has(1, 0, false, 0);
    for (let step = 0; step < 10; step++) {
      for (const { peer, piece } of seed.next(0, false)) if (peer === 1) got.add(piece);
      for (const piece of got) seed.has(1, piece, false, 0);
    }
    // Those that the others were shown, too: nobody else wants them.
    expect(got.size).toBe(20);
    expect(seed.isDone(false)).toBe(true);
  });

  it("shows to nobody what is on its way to one that sees everything", () => {
    const seed = superSeed(10, [1, 2]);
    for (const piece of [2, 3, 4, 5, 6, 7, 8]) expect(seed.asked(99, piece, 0)).toBe(true);
    expect(shown(seed).map((one) => Number.parseInt(one, 10))).toEqual([9]);
    // It leaves without them.
    seed.leave(99);
    expect(shown(seed).map((one) => Number.parseInt(one, 10))).toEqual([2, 3, 4, 5, 6]);
  });

  it("shows what a receiver left with to another, and what was too slow", () => {
    const seed = superSeed(4, [1]);
    expect(shown(seed)).toEqual(["1>1", "2>1", "3>1"]);
    seed.has(1, 0, false, 0);
    seed.leave(1);
    for (const peer of [2, 3]) seed.join(peer);
    const again = shown(seed);
    expect(again.map((one) => one.split(">")[1])).toEqual(["2", "3"]);
    for (const one of again) seed.asked(Number(one.split(">")[1]), Number.parseInt(one, 10), 0);
    expect(shown(seed)).toHaveLength(2);
    seed.tick(30_000, false);
    // Whoever let it wait for so long is shown one piece until it asks again.
    seed.join(4);
    expect(shown(seed, 30_000)).toHaveLength(3);
    expect(seed.asked(4, 3, 30_000) || seed.asked(4, 0, 30_000) || seed.asked(4, 2, 30_000)).toBe(true);
  });

  it("is done when every piece is with a receiver, whoever gave it", () => {
    const seed = superSeed(3, [1, 2]);
    shown(seed);
    expect(seed.isDone(false)).toBe(false);
    for (const piece of [0, 1]) seed.has(1, piece, false, 0);
    seed.has(9, 2, false, 0);
    seed.has(2, 2, false, 0);
    for (const piece of [0, 1, 2]) seed.has(2, piece, false, 0);
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
