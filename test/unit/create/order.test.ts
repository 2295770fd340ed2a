import { assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { comparePaths, compareUtf8 } from "../../../src/create/core/order.ts";

const wellFormed = string({ unit: "binary" });

test("names are in the order of their UTF-8 bytes", () => {
  assert(
    property(wellFormed, wellFormed, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("letters outside the basic plane come after U+FFFD, as in UTF-8 and unlike in UTF-16", () => {
  const names = ["\u{1F381}", "\ufffd", "\ue000", "z", "é"];
  expect(names.sort(compareUtf8)).toEqual(["z", "é", "\ue000", "\ufffd", "\u{1F381}"]);
});

test("no locale plays a part: capitals come first, accents last", () => {
  expect(["b", "ä", "a", "B", "_"].sort(compareUtf8)).toEqual(["B", "_", "a", "b", "ä"]);
});

test("a folder's files stay together: components are compared, not joined paths", () => {
  const paths = [["a", "b"], ["a.txt"], ["a", "z", "y"], ["a"], ["a-b", "c"]];
  expect(paths.sort(comparePaths)).toEqual([["a"], ["a", "b"], ["a", "z", "y"], ["a-b", "c"], ["a.txt"]]);
});
