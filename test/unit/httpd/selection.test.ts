import { describe, expect, it } from "vitest";
import { selectedPaths, selectFiles } from "../../../src/httpd/core/selection.ts";

const files = ["a", "b/c", "b/d/e", "bc/f"].map((path) => ({ path: path.split("/") }));

describe("the paths of a query", () => {
  it.each([
    ["", undefined],
    ["x=1", undefined],
    ["select=", []],
    ["select=b&select=&select=a&select=b", ["a", "b"]],
    ["select=b%2Fc", ["b/c"]],
  ])("of %j are %j", (query, paths) => {
    expect(selectedPaths(new URLSearchParams(query))).toEqual(paths);
  });
});

describe("a selection", () => {
  it.each([
    [["a"], [0]],
    [
      ["b/c", "a"],
      [0, 1],
    ],
    [["b"], [1, 2]],
    [
      ["b/d", "b"],
      [1, 2],
    ],
    [["bc"], [3]],
  ])("of %j is the files %j, and no folder that only begins alike", (paths, positions) => {
    expect(selectFiles(files, paths)).toEqual({ ok: true, positions });
  });

  it("of nothing is refused, and is not everything", () => {
    expect(selectFiles(files, [])).toMatchObject({
      ok: false,
      status: 400,
      message: expect.stringContaining("Nothing"),
    });
  });

  it("of what is not there is refused whole, by name", () => {
    expect(selectFiles(files, ["a", "b/x"])).toEqual({
      ok: false,
      status: 404,
      message: '"b/x" is not in this share, so nothing was packed.',
    });
    expect(selectFiles(files, ["c"])).toMatchObject({ status: 404 });
  });

  it("of a thousand paths is taken, of one more refused", () => {
    const many = Array.from({ length: 1_000 }, (_, i) => ({ path: [`f${i}`] }));
    const paths = many.map(({ path }) => path.join("/"));
    expect(selectFiles(many, paths)).toMatchObject({ ok: true });
    expect(selectFiles(many, [...paths, "g"])).toMatchObject({ ok: false, status: 400 });
  });
});
