import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ChokerOptions,
  chooseUnchoked,
  type PeerView,
  SEED_TURN,
} from "../../../src/client/core/choker.ts";
import { seededRandom } from "../../support/seeded-random.ts";

function peer(key: number, overrides: Partial<PeerView> = {}): PeerView {
  return {
    key,
    interested: true,
    unchoked: false,
    downRate: 0,
    snubbed: false,
    onlyTakes: false,
    age: 600_000,
    servedNow: 0,
    wastesTurn: false,
    servedAt: 0,
    ...overrides,
  };
}

function options(overrides: Partial<ChokerOptions> = {}): ChokerOptions {
  return { slots: 4, seeding: false, optimistic: undefined, rotate: false, ...overrides };
}

const byRate = [1, 2, 3, 4, 5, 6, 7, 8].map((key) => peer(key, { downRate: key * 1000 }));

describe("chooseUnchoked, downloading", () => {
  it("unchokes everybody who is interested while there are slots", () => {
    const peers = [peer(1), peer(2, { interested: false }), peer(3)];
    expect(chooseUnchoked(peers, options(), seededRandom(1))).toEqual({
      regular: [1, 3],
      optimistic: undefined,
    });
  });

  it("pays back those who give most", () => {
    expect(chooseUnchoked(byRate, options(), seededRandom(1)).regular).toEqual([8, 7, 6]);
  });

  it("gives the optimistic slot to a peer outside the regular ones, and each its turn", () => {
    const seen = new Set<number | undefined>();
    let optimistic: number | undefined;
    for (let round = 0; round < 50; round++) {
      const choice = chooseUnchoked(byRate, options({ optimistic, rotate: true }), seededRandom(round));
      expect(choice.regular).not.toContain(choice.optimistic);
      expect(choice.optimistic).not.toBe(optimistic);
      optimistic = choice.optimistic;
      seen.add(optimistic);
    }
    expect(seen).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  it("keeps the optimistic peer until it's time for another", () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(chooseUnchoked(byRate, options({ optimistic: 2 }), seededRandom(seed)).optimistic).toBe(2);
    }
  });

  it("gives newcomers thrice the chance", () => {
    const peers = byRate.map((one) => ({ ...one, age: one.key === 1 ? 1000 : 600_000 }));
    let newcomer = 0;
    for (let seed = 0; seed < 3000; seed++) {
      if (chooseUnchoked(peers, options({ rotate: true }), seededRandom(seed)).optimistic === 1) newcomer++;
    }
    // 3 tickets of 7.
    expect(newcomer / 3000).toBeGreaterThan(0.38);
    expect(newcomer / 3000).toBeLessThan(0.48);
  });

  it("gives those who only take a quarter of the chance, and no regular slot before others", () => {
    const peers = byRate.map((one) => ({ ...one, downRate: 0, onlyTakes: one.key < 3 }));
    let taker = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const { regular, optimistic } = chooseUnchoked(peers, options({ rotate: true }), seededRandom(seed));
      expect(regular.every((key) => key > 2)).toBe(true);
      if (optimistic !== undefined && optimistic < 3) taker++;
    }
    // 2 of 2 + 3 * 4 tickets.
    expect(taker / 3000).toBeGreaterThan(0.11);
    expect(taker / 3000).toBeLessThan(0.18);
  });

  it("pays a snubbing peer nothing back", () => {
    const peers = byRate.map((one) => ({ ...one, snubbed: one.key === 8 }));
    expect(chooseUnchoked(peers, options(), seededRandom(1)).regular).toEqual([7, 6, 5]);
  });

  it("leaves slots among equals where they are", () => {
    const peers = [1, 2, 3, 4, 5, 6].map((key) => peer(key, { unchoked: key > 3 }));
    for (let seed = 0; seed < 20; seed++) {
      const { regular } = chooseUnchoked(peers, options(), seededRandom(seed));
      expect([...regular].sort()).toEqual([4, 5, 6]);
    }
  });

  it("uses its only slot to pay back", () => {
    expect(chooseUnchoked(byRate, options({ slots: 1 }), seededRandom(1))).toEqual({
      regular: [8],
      optimistic: undefined,
    });
  });
});

describe("chooseUnchoked, seeding", () => {
  const seeding = options({ slots: 2, seeding: true });

  it("serves those who waited longest, fast or not", () => {
    const peers = [peer(1, { servedAt: 300 }), peer(2, { servedAt: 100 }), peer(3, { servedAt: 200 })];
    expect(chooseUnchoked(peers, seeding, seededRandom(1)).regular).toEqual([2, 3]);
  });

  it("lets a peer have its turn of bytes, and takes the slot then", () => {
    const inTurn = peer(1, { unchoked: true, servedNow: SEED_TURN - 1, servedAt: 900 });
    const others = [peer(2, { servedAt: 100 }), peer(3, { servedAt: 200 })];
    expect(chooseUnchoked([inTurn, ...others], seeding, seededRandom(1)).regular).toEqual([1, 2]);
    const served = { ...inTurn, servedNow: SEED_TURN };
    expect(chooseUnchoked([served, ...others], seeding, seededRandom(1)).regular).toEqual([2, 3]);
  });

  it("takes the slot from those who ask for nothing, and gives it to them only when nobody else wants it", () => {
    const idle = [1, 2].map((key) => peer(key, { unchoked: true, wastesTurn: true, servedAt: 100 }));
    const waiting = peer(3, { servedAt: 900 });
    expect(chooseUnchoked([...idle, waiting], seeding, seededRandom(1)).regular[0]).toBe(3);
    const paying = options({ slots: 2 });
    expect(chooseUnchoked([...idle, waiting], paying, seededRandom(1)).regular).toEqual([3]);
  });

  it("serves everybody equally over time", () => {
    const turns = new Map<number, number>();
    let peers = [1, 2, 3, 4, 5, 6, 7].map((key) => peer(key, { servedAt: Number.NEGATIVE_INFINITY }));
    for (let round = 1; round <= 70; round++) {
      const { regular } = chooseUnchoked(peers, seeding, seededRandom(round));
      for (const key of regular) turns.set(key, (turns.get(key) ?? 0) + 1);
      peers = peers.map((one) =>
        regular.includes(one.key) ? { ...one, unchoked: true, servedNow: SEED_TURN, servedAt: round } : one,
      );
    }
    expect(turns.size).toBe(7);
    // A peer that was just served keeps its slot over another by chance, once, when all are new.
    for (const count of turns.values()) expect(Math.abs(count - 20)).toBeLessThanOrEqual(1);
  });
});

describe("chooseUnchoked, whoever is there", () => {
  const rates = fc.constantFrom(0, 1_000, 50_000);
  const someone = fc.record({
    interested: fc.boolean(),
    unchoked: fc.boolean(),
    downRate: rates,
    snubbed: fc.boolean(),
    onlyTakes: fc.boolean(),
    age: fc.constantFrom(0, 59_999, 60_000),
    servedNow: fc.constantFrom(0, SEED_TURN - 1, SEED_TURN),
    wastesTurn: fc.boolean(),
    servedAt: fc.integer({ min: 0, max: 5 }),
  });
  const crowd = fc.array(someone, { maxLength: 12 }).map((all) => all.map((each, key) => peer(key, each)));
  const choice = fc.record({
    slots: fc.integer({ min: -1, max: 6 }),
    seeding: fc.boolean(),
    optimistic: fc.option(fc.integer({ min: 0, max: 11 }), { nil: undefined }),
    rotate: fc.boolean(),
  });
  const numbers = fc.integer({ min: 1 });

  it("fills the slots with those who are interested, each once, and no more", () => {
    fc.assert(
      fc.property(crowd, choice, numbers, (peers, how, seed) => {
        const { regular, optimistic } = chooseUnchoked(peers, how, seededRandom(seed));
        const chosen = optimistic === undefined ? [...regular] : [...regular, optimistic];
        const interested = peers.filter((each) => each.interested).map(({ key }) => key);
        expect(chosen).toHaveLength(Math.min(Math.max(how.slots, 0), interested.length));
        expect(new Set(chosen).size).toBe(chosen.length);
        for (const key of chosen) expect(interested).toContain(key);
      }),
    );
  });

  it("downloading, chokes nobody who gives more than one whom it pays back", () => {
    fc.assert(
      fc.property(crowd, choice, numbers, (peers, how, seed) => {
        const { regular, optimistic } = chooseUnchoked(peers, { ...how, seeding: false }, seededRandom(seed));
        const worth = (key: number) => (peers[key]?.snubbed ? -1 : (peers[key]?.downRate ?? 0));
        const least = Math.min(...regular.map(worth));
        const choked = peers.filter((each) => each.interested && !regular.includes(each.key));
        if (regular.length > 0)
          for (const { key } of choked)
            expect(worth(key), `${key} beside ${optimistic}`).toBeLessThanOrEqual(least);
      }),
    );
  });

  it("seeding, makes nobody wait longer than one who isn't in the middle of a turn", () => {
    fc.assert(
      fc.property(crowd, choice, numbers, (peers, how, seed) => {
        const { regular } = chooseUnchoked(peers, { ...how, seeding: true }, seededRandom(seed));
        const isInTurn = (each: PeerView) => each.unchoked && each.servedNow < SEED_TURN;
        const waiting = peers.filter(
          (each) => each.interested && !regular.includes(each.key) && !each.wastesTurn,
        );
        for (const each of peers.filter(({ key }) => regular.includes(key))) {
          if (waiting.length > 0) expect(each.wastesTurn).toBe(false);
          if (isInTurn(each)) continue;
          for (const other of waiting) expect(other.servedAt).toBeGreaterThanOrEqual(each.servedAt);
        }
      }),
    );
  });
});
