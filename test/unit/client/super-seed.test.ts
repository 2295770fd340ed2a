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

  it("shows no more at a time to receivers that ask for what they are shown only much later", () => {
    const seed = superSeed(1000, receivers, 65_536);
    const unasked = new Map(receivers.map((peer) => [peer, [] as number[]]));
    let count = 0;
    // On the ways and with us nothing waits: each receiver asks for a piece a second, has it after 10 ms, and passes it on.
    for (let now = 0; now < 19_000; now += 1000) {
      for (const { peer, piece } of seed.next(now, true)) unasked.get(peer)?.push(piece);
      for (const [peer, pieces] of unasked) {
        const piece = pieces.shift();
        if (piece === undefined) continue;
        count++;
        seed.asked(peer, piece, now + 10);
        seed.has(peer, piece, true, now + 20);
        seed.has((peer % receivers.length) + 1, piece, true, now + 20);
      }
      seed.tick(now + 20, true);
    }
    expect(count).toBe(19 * receivers.length);
    const waiting = [...unasked.values()].reduce((sum, pieces) => sum + pieces.length, 0);
    // What is shown at a time to begin with.
    expect(waiting).toBeLessThanOrEqual(32);
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

  /** Whoever is shown something asks for it and gets it, so many times; all of them, or some. */
  function deliver(seed: SuperSeed, rounds: number, only: (peer: number) => boolean = () => true): void {
    for (let round = 0; round < rounds; round++) {
      for (const { peer, piece } of [...seed.next(0, false)]) {
        if (!only(peer)) continue;
        seed.asked(peer, piece, 0);
        seed.has(peer, piece, false, 0);
      }
    }
  }

  it("isn't done while a piece is with nobody, or with one that has never asked", () => {
    const seed = new SuperSeed(2, MIB, seededRandom(1));
    expect(seed.isDone(true)).toBe(false);
    seed.join(1);
    expect(shown(seed)).toEqual(["0>1"]);
    expect(seed.isDone(true)).toBe(false);
    seed.has(2, 0, false, 0);
    seed.has(2, 1, false, 0);
    expect(seed.isDone(false)).toBe(true);
  });

  it("isn't done while the last piece is on its way and there is something to send", () => {
    const seed = superSeed(1, [1]);
    seed.has(9, 0, false, 0);
    expect([seed.isDone(false), seed.isDone(true)]).toEqual([false, true]);
    seed.has(1, 0, false, 0);
    expect(seed.isDone(false)).toBe(true);
  });

  it("tries the next newcomer with the piece of the one that left without asking", () => {
    const seed = new SuperSeed(3, MIB, seededRandom(1));
    for (const peer of [1, 2, 3]) seed.join(peer);
    shown(seed);
    seed.leave(2);
    seed.join(4);
    expect(shown(seed)).toEqual(["1>4"]);
  });

  it("shows again what only the one that left had, whether it asked for it or not", () => {
    const seed = superSeed(2, [1, 2]);
    for (const peer of [1, 2]) seed.has(peer, peer - 1, false, 0);
    expect(seed.isDone(false)).toBe(true);
    seed.leave(1);
    expect(shown(seed)).toEqual(["0>2"]);
    const trial = new SuperSeed(1, MIB, seededRandom(1));
    trial.join(1);
    shown(trial);
    trial.has(1, 0, false, 0);
    trial.leave(1);
    trial.join(2);
    expect(shown(trial)).toEqual(["0>2"]);
  });

  it("shows nothing that another has got meanwhile", () => {
    const seed = new SuperSeed(2, MIB, seededRandom(1));
    seed.join(1);
    shown(seed);
    seed.has(9, 0, false, 0);
    seed.leave(1);
    seed.join(2);
    expect(shown(seed)).toEqual(["1>2"]);
  });

  it("doesn't make a receiver wait for those that left", () => {
    const seed = waiting();
    for (const peer of receivers.slice(1)) seed.leave(peer);
    expect(shown(seed).map((one) => one.split(">")[1])).toContain("1");
  });

  it("makes receivers wait for each other, whoever came and left without asking", () => {
    const seed = waiting();
    for (let peer = 20; peer < 40; peer++) seed.join(peer);
    for (let peer = 20; peer < 40; peer++) seed.leave(peer);
    expect(shown(seed)).toEqual([]);
  });

  it("makes a receiver wait for those that see everything, once they ask", () => {
    const alone = superSeed(100, [1]);
    deliver(alone, 5);
    expect(shown(alone)).not.toEqual([]);
    const seed = superSeed(100, [1]);
    seed.asked(99, 99, 0);
    deliver(seed, 5);
    expect(shown(seed)).toEqual([]);
    seed.leave(99);
    expect(shown(seed)).not.toEqual([]);
  });

  it("doesn't make a receiver wait for one that is slow, and counts that one once", () => {
    const seed = superSeed(200, [1, 2]);
    deliver(seed, 5, (peer) => peer === 1);
    expect(shown(seed)).toEqual([]);
    seed.tick(20_000, false);
    deliver(seed, 5, (peer) => peer === 1);
    expect(shown(seed)).not.toEqual([]);
    seed.asked(99, 199, 20_000);
    expect(shown(seed)).toEqual([]);
  });

  it("shows whoever saw everything what it hasn't asked for, and leaves it what it has", () => {
    const seed = new SuperSeed(100, MIB, seededRandom(1));
    for (const piece of [7, 3, 5]) seed.asked(99, piece, 0);
    seed.has(99, 7, false, 0);
    expect([...seed.joinLate(99)].sort()).toEqual([3, 5]);
    seed.join(1);
    const next = shown(seed);
    expect(next[0]).toBe("0>1");
    expect(next.slice(1)).toEqual(["1>99", "2>99", "4>99", "6>99", "8>99", "9>99", "10>99", "11>99"]);
    // What is on its way to it is nobody else's, until it leaves.
    seed.asked(1, 0, 0);
    expect(seed.asked(1, 5, 0)).toBe(false);
    seed.leave(99);
    expect(seed.asked(1, 5, 0)).toBe(true);
  });

  it("tries whoever saw everything and asked for nothing with one piece, as a newcomer", () => {
    const seed = new SuperSeed(100, MIB, seededRandom(1));
    expect(seed.joinLate(99).size).toBe(0);
    expect(shown(seed)).toEqual(["0>99"]);
    expect(shown(seed, 60_000, true)).toEqual([]);
  });

  it("hears of a piece twice and counts it once", () => {
    const seed = waiting();
    seed.has(1, 0, false, 0);
    expect(shown(seed)).toEqual([]);
  });

  it("leaves a piece to whom it was shown when another asks for it, too", () => {
    const seed = superSeed(3, [1]);
    expect(shown(seed)).toEqual(["1>1", "2>1"]);
    expect(seed.asked(99, 1, 0)).toBe(false);
    seed.leave(1);
    seed.join(2);
    seed.join(3);
    seed.join(4);
    expect(
      shown(seed)
        .map((one) => Number.parseInt(one, 10))
        .sort(),
    ).toEqual([0, 1, 2]);
  });

  it("has nothing more to show when somebody asks for what has gone out, or gets what it chose", () => {
    const seed = superSeed(3, [1]);
    seed.has(1, 0, false, 0);
    expect(seed.asked(1, 0, 0)).toBe(false);
    expect(seed.asked(99, 2, 0)).toBe(true);
    seed.has(99, 2, false, 0);
    expect(shown(seed)).toEqual(["1>1"]);
  });

  it("shows more at a time only when the uplink has run dry and everything shown is on its way", () => {
    const atATime = (alter: (seed: SuperSeed) => void) => {
      const seed = superSeed(100, [1, 2, 3]);
      alter(seed);
      return shown(seed).length;
    };
    expect(atATime(() => undefined)).toBe(5);
    expect(atATime((seed) => seed.tick(0, true))).toBe(5);
    expect(atATime((seed) => seed.tick(0, false))).toBe(5);
    expect(atATime((seed) => seed.has(1, 0, true, 0))).toBe(6);
    expect(
      atATime((seed) => {
        shown(seed);
        seed.tick(0, false);
      }),
    ).toBe(0);
    expect(
      atATime((seed) => {
        shown(seed);
        seed.tick(0, true);
      }),
    ).toBe(4);
  });

  it("waits 20 s for a piece, whoever asked for it, and shows it to another then", () => {
    const seed = new SuperSeed(3, MIB, seededRandom(1));
    seed.asked(99, 0, 5_000);
    for (const peer of [1, 2]) seed.join(peer);
    expect(shown(seed, 5_000)).toEqual(["1>1", "2>2"]);
    seed.tick(24_999, false);
    seed.join(3);
    expect(shown(seed, 24_999)).toEqual(["1>3"]);
    seed.tick(25_000, false);
    seed.join(4);
    expect(shown(seed, 25_000)).toContain("0>1");
  });

  it("shows to the one with the fewest pieces of its own first, then in turn", () => {
    const seed = superSeed(100, [1, 2, 3]);
    for (const peer of [1, 2, 3]) seed.has(peer, peer - 1, false, 0);
    // Another has passed on what 2 got.
    seed.has(3, 1, false, 0);
    const peers = shown(seed).map((one) => one.split(">")[1]);
    expect(peers[0]).toBe("2");
    const turns = peers.slice(1);
    expect(new Set(turns.slice(0, 3)).size).toBe(3);
    expect(turns.slice(3, 6)).toEqual(turns.slice(0, 3));
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
