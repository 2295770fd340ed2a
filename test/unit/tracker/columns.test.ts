import { expect, test } from "vitest";
import { giveUp, grown } from "../../../src/tracker/core/columns.ts";

test("a column that has grown holds what it held, and the old one no memory", () => {
  const old = Int32Array.of(1, -2, 3);
  const longer = grown(old, new Int32Array(6));
  expect([...longer]).toEqual([1, -2, 3, 0, 0, 0]);
  expect(old.buffer.byteLength).toBe(0);
  expect(longer.buffer.byteLength).toBe(24);
});

test("an empty column can be given up, and one that was", () => {
  const column = new Uint8Array(8);
  for (const each of [new Uint8Array(0), column, column]) giveUp(each);
  expect(column.byteLength).toBe(0);
});
