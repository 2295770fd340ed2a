import { describe, expect, it } from "vitest";
import { mostOfOneNetwork, whoMakesWay, whoOfItsOwn } from "../../../src/client/core/places.ts";

const holder = (host: string, movedAt: number) => ({ host, movedAt });
const crowd = (host: string, count: number, movedAt: number) =>
  Array.from({ length: count }, () => holder(host, movedAt));

describe("who makes way", () => {
  it("is who has been idle for longest, when that is long", () => {
    const idlest = holder("10.0.0.1", 1_000);
    expect(whoMakesWay([holder("10.0.0.2", 2_000), idlest], { host: "10.0.0.9", now: 16_000 })).toBe(idlest);
    expect(
      whoMakesWay([holder("10.0.0.2", 2_000), idlest], { host: "10.0.0.9", now: 15_999 }),
    ).toBeUndefined();
  });

  it("is the one of the lowest rank among those", () => {
    const low = holder("10.0.0.2", 3_000);
    const rank = (each: { readonly host: string }) => (each === low ? 1 : 2);
    expect(whoMakesWay([holder("10.0.0.1", 1_000), low], { host: "10.0.0.9", now: 20_000, rank })).toBe(low);
  });

  it("is one of the network that has most places, but nobody who is being served", () => {
    const others = [holder("10.0.0.1", 9_000), holder("10.0.0.2", 0)];
    const rests = holder("2001:db8::5", 8_000);
    const moves = crowd("2001:db8::7", 3, 9_000);
    expect(whoMakesWay([...others, ...moves, rests], { host: "10.0.0.9", now: 10_000 })).toBe(rests);
    expect(whoMakesWay([...others, ...moves], { host: "10.0.0.9", now: 10_000 })).toBeUndefined();
    // A /64 is one network; the next one is another.
    expect(
      whoMakesWay([...others, rests, holder("2001:db8:0:1::1", 8_000)], { host: "10.0.0.9", now: 10_000 }),
    ).toBeUndefined();
  });

  it("is nobody when the newcomer's network would have as many", () => {
    const both = [...crowd("10.0.0.1", 3, 0), ...crowd("10.0.0.2", 2, 0)];
    expect(whoMakesWay(both, { host: "10.0.0.2", now: 10_000 })).toBeUndefined();
    expect(whoMakesWay(both, { host: "10.0.0.3", now: 10_000 })).toBe(both[0]);
  });

  it("is one of its own where its network may have no more", () => {
    const own = [holder("10.0.0.1", 5_000), holder("10.0.0.1", 4_000)];
    expect(whoOfItsOwn([holder("10.0.0.2", 0), ...own], "10.0.0.1", 20_000)).toBe(own[1]);
    expect(whoOfItsOwn([holder("10.0.0.2", 0), ...own], "10.0.0.1", 18_000)).toBeUndefined();
    expect([mostOfOneNetwork(100), mostOfOneNetwork(5), mostOfOneNetwork(1)]).toEqual([50, 2, 1]);
  });

  it("is the idlest wherever it stands, and the first of those that have been idle equally long", () => {
    const [first, second, later] = [holder("10.0.0.1", 0), holder("10.0.0.2", 0), holder("10.0.0.3", 1)];
    const newcomer = { host: "10.0.0.9", now: 60_000 };
    expect(whoMakesWay([later, first, second], newcomer)).toBe(first);
    expect(whoMakesWay([first, later], newcomer)).toBe(first);
  });

  it("is the lowest rank's idlest, whichever comes first", () => {
    const [mean, idler, kind] = [holder("10.0.0.1", 2_000), holder("10.0.0.2", 1_000), holder("10.0.0.3", 0)];
    const rank = (each: object) => (each === kind ? 2 : 1);
    for (const order of [
      [mean, idler, kind],
      [kind, mean, idler],
      [idler, kind, mean],
    ]) {
      expect(whoMakesWay(order, { host: "10.0.0.9", now: 60_000, rank })).toBe(idler);
    }
  });

  it("is nobody whose rank is low but who moves", () => {
    const [moves, rests] = [holder("10.0.0.1", 59_000), holder("10.0.0.2", 0)];
    const rank = (each: object) => (each === moves ? 0 : 1);
    expect(whoMakesWay([moves, rests], { host: "10.0.0.9", now: 60_000, rank })).toBe(rests);
  });

  it("is the one of the fullest network that has rested for longest, if that is two seconds", () => {
    const [rests, longer] = [holder("10.0.0.1", 8_000), holder("10.0.0.1", 7_000)];
    const others = crowd("10.0.0.2", 2, 0);
    const moving = holder("10.0.0.1", 9_500);
    const makesWay = (holders: readonly ReturnType<typeof holder>[], now = 10_000) =>
      whoMakesWay(holders, { host: "10.0.0.9", now });
    expect(makesWay([...others, rests, longer, moving])).toBe(longer);
    expect(makesWay([...others, longer, rests, moving])).toBe(longer);
    expect(makesWay([rests, moving, moving], 9_999)).toBeUndefined();
    expect(makesWay([rests, moving, moving], 10_000)).toBe(rests);
  });

  it("is one of two on a network when the newcomer comes from another", () => {
    const both = crowd("10.0.0.1", 2, 0);
    expect(whoMakesWay(both, { host: "10.0.0.2", now: 10_000 })).toBe(both[0]);
    expect(whoMakesWay(both, { host: "10.0.0.1", now: 10_000 })).toBeUndefined();
  });

  it("is nobody where everybody has one place, or nobody has any", () => {
    const one = [holder("10.0.0.1", 0), holder("10.0.0.2", 0)];
    expect(whoMakesWay(one, { host: "10.0.0.9", now: 10_000 })).toBeUndefined();
    expect(whoMakesWay([], { host: "10.0.0.9", now: 10_000 })).toBeUndefined();
  });

  it("is of a network's own only who has been idle for long, and for longest", () => {
    const own = [holder("10.0.0.1", 5_000), holder("10.0.0.1", 4_000), holder("10.0.0.1", 6_000)];
    expect(whoOfItsOwn(own, "10.0.0.1", 18_999)).toBeUndefined();
    expect(whoOfItsOwn(own, "10.0.0.1", 19_000)).toBe(own[1]);
    expect(whoOfItsOwn(own, "10.0.0.1", 60_000)).toBe(own[1]);
    expect(whoOfItsOwn(own, "10.0.0.2", 60_000)).toBeUndefined();
  });
});
