import { expect, test } from "vitest";
import { giveUp, grown } from "../../../src/tracker/core/columns.ts";

test("a column that has grown holds what it held, and the old one no memory", () => {
  const old = Int32Array.from({ length: 1_000 }, (_, i) => -i);
  const longer = grown(old, new Int32Array(2_000));
  expect([...longer.subarray(998, 1_002)]).toEqual([-998, -999, 0, 0]);
  expect(old.buffer.byteLength).toBe(0);
  expect(longer.buffer.byteLength).toBe(8_000);
});

test("an empty column can be given up, a small one, and one that was", () => {
  const [small, large] = [new Uint8Array(8), new Uint8Array(8_000)];
  for (const each of [new Uint8Array(0), small, large, large]) giveUp(each);
  expect([small.byteLength, large.byteLength]).toEqual([8, 0]);
});
