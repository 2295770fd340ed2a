import { describe, expect, it } from "vitest";
import { countOf, formatBytes, formatPieceLength, percent } from "../../../src/httpd/core/format.ts";
import { pageOf } from "../../../src/httpd/core/paging.ts";

describe("numbers for people", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1.0 KB"],
    [9_940, "9.9 KB"],
    [9_960, "10 KB"],
    [999_499, "999 KB"],
    [999_500, "1.0 MB"],
    [4_294_967_296, "4.3 GB"],
  ])("writes %i bytes as %s", (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it("counts", () => {
    expect([countOf(1, "file"), countOf(0, "file"), countOf(1_234_567, "copy", "copies")]).toEqual([
      "1 file",
      "0 files",
      "1,234,567 copies",
    ]);
  });

  it("says 100 percent only at the end", () => {
    expect([percent(0, 0), percent(999, 1000), percent(1000, 1000)]).toEqual([0, 99, 100]);
  });

  it("writes piece lengths in powers of two", () => {
    expect([formatPieceLength(16_384), formatPieceLength(16_777_216)]).toEqual(["16 KiB", "16 MiB"]);
  });
});

describe("pageOf", () => {
  const list = [1, 2, 3, 4, 5];

  it.each([
    [null, 1, [1, 2]],
    ["2", 2, [3, 4]],
    ["3", 3, [5]],
    ["4", 3, [5]],
    ["0", 1, [1, 2]],
    ["-1", 1, [1, 2]],
    ["1e9", 1, [1, 2]],
    ["99999999999999999999", 1, [1, 2]],
  ])("gives page %s of two each", (asked, number, items) => {
    expect(pageOf(list, asked, 2)).toMatchObject({ number, items, count: 3, total: 5 });
  });

  it("has one page of nothing", () => {
    expect(pageOf([], null, 2)).toEqual({ items: [], number: 1, count: 1, first: 0, total: 0 });
  });
});
