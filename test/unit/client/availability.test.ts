import { expect, it } from "vitest";
import { availabilityIn, copiesAmong } from "../../../src/client/core/availability.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";

function having(count: number, ...pieces: readonly number[]): Bitfield {
  const have = new Bitfield(count);
  for (const piece of pieces) have.add(piece);
  return have;
}

it("gives the part that is here and the rarest piece of each run, runs differing by a piece at most", () => {
  const copies = [3, 1, 2, 0, 5, 5, 5];
  expect(availabilityIn(3, 7, having(7, 0, 2, 3, 4), (piece) => copies[piece] ?? 0)).toEqual([
    { have: 0.5, copies: 1 },
    { have: 1, copies: 0 },
    { have: 1 / 3, copies: 5 },
  ]);
});

it("has no more runs than pieces, and none for none", () => {
  expect(availabilityIn(80, 2, having(2, 1), () => 1)).toEqual([
    { have: 0, copies: 1 },
    { have: 1, copies: 1 },
  ]);
  expect(availabilityIn(80, 0, having(0), () => 1)).toEqual([]);
});

it.each([
  [[], [], 0],
  [[0, 1], [2], 0.75],
  [[2, 3], [1], 0.75],
  [[1, 2], [1], 0.5],
  [[0, 1], [0, 1, 2, 3], 1.5],
  [[0, 1, 2, 3], [0, 1, 2, 3], 2],
])("counts distributed copies, ours included: a peer's %j and our %j are %d", (held, own, copies) => {
  const copiesOf = (piece: number) => Number(held.includes(piece));
  expect(copiesAmong(4, having(4, ...own), copiesOf)).toBe(copies);
});

it("counts no copies of nothing", () => {
  expect(copiesAmong(0, having(0), () => 1)).toBe(0);
});
