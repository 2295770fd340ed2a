import { expect, it } from "vitest";
import { copyInto } from "../../../src/platform/copy-into.ts";

it.each([
  ["memory of its own", () => new Uint8Array(10)],
  ["memory that threads share", () => new Uint8Array(new SharedArrayBuffer(12), 2, 10)],
])("puts all of the bytes there and changes no others, in %s", (_, make) => {
  const target = make().fill(9);
  const source = Uint8Array.from([0, 1, 2, 3, 4]);
  copyInto(target, source.subarray(1), 4);
  copyInto(target, source.subarray(2, 2), 0);
  expect([...target]).toEqual([9, 9, 9, 9, 1, 2, 3, 4, 9, 9]);
});
