import { describe, expect, it } from "vitest";
import { findGap } from "../../../../src/client/core/gaps.ts";

/** `map` has an `x` for each free piece. */
function find(map: string, from: number, most: number) {
  return findGap({ pieceCount: map.length, from, most, isFree: (piece) => map[piece] === "x" });
}

describe("findGap", () => {
  it("goes on where the last run ended", () => {
    expect(find("xxxxxxxx", 3, 4)).toEqual({ begin: 3, end: 7 });
    expect(find("xx.x....", 3, 4)).toEqual({ begin: 3, end: 4 });
  });

  it("takes the first run that is long enough", () => {
    expect(find("xxxx.x.xxx.xxxx", 4, 3)).toEqual({ begin: 7, end: 10 });
  });

  it("takes the longest when none is, looking around the end", () => {
    expect(find("xx..x..x.", 3, 5)).toEqual({ begin: 0, end: 2 });
  });

  it("finds the only piece, wherever it is, and nothing when there is none", () => {
    expect(find("....x", 2, 9)).toEqual({ begin: 4, end: 5 });
    expect(find("x....", 9, 9)).toEqual({ begin: 0, end: 1 });
    expect(find(".....", 1, 9)).toBeUndefined();
  });

  it("finds a piece behind more than it looks at otherwise", () => {
    const pieceCount = 100_000;
    const isFree = (piece: number) => piece === 99_000;
    expect(findGap({ pieceCount, from: 0, most: 4, isFree })).toEqual({ begin: 99_000, end: 99_001 });
  });

  it("looks at few pieces when it has found some", () => {
    let looked = 0;
    const isFree = (piece: number) => ++looked > 0 && piece % 2 === 1;
    expect(findGap({ pieceCount: 1_000_000, from: 0, most: 4, isFree })).toEqual({ begin: 1, end: 2 });
    expect(looked).toBeLessThan(20_000);
  });
});
