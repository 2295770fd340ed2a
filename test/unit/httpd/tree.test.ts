import { describe, expect, it } from "vitest";
import { folderAt, growTree, type Row, type Sorting, search, unfold } from "../../../src/httpd/core/tree.ts";
import { cpuMillis } from "../../support/cpu-time.ts";

const byName: Sorting = { order: "name", descending: false };
const file = (path: string, length = 1, mtimeNs = 0n) => ({ path: path.split("/"), length, mtimeNs });
const files = [
  file("b/10.txt", 5, 3n),
  file("b/2.txt", 7, 9n),
  file("b/deep/x.txt", 1, 1n),
  file("Z.txt", 3, 2n),
  file("a.txt", 4, 8n),
  file("__proto__/constructor", 2, 4n),
];
const tree = growTree(files);

const names = (rows: readonly Row<(typeof files)[number]>[]) =>
  rows.map((row) => `${row.depth} ${row.kind === "folder" ? `${row.folder.name}/` : row.file.path.at(-1)}`);

describe("a tree of files", () => {
  it("sums what is below each folder, whatever the folders are called", () => {
    expect(folderAt(tree, ["b"])).toMatchObject({ count: 3, bytes: 13, mtimeNs: 9n });
    expect(folderAt(tree, ["__proto__"])).toMatchObject({ count: 1, bytes: 2 });
    expect(folderAt(tree, ["none"])).toBeUndefined();
    expect(folderAt(tree, ["b", "2.txt"])).toBeUndefined();
    expect(tree).toMatchObject({ count: 6, bytes: 22 });
  });

  it("lists folders before files, numbers by their value, and what is below only of open folders", () => {
    expect(names(unfold(tree, new Set(), byName))).toEqual(["0 __proto__/", "0 b/", "0 a.txt", "0 Z.txt"]);
    expect(names(unfold(tree, new Set(["b"]), byName))).toEqual([
      "0 __proto__/",
      "0 b/",
      "1 deep/",
      "1 2.txt",
      "1 10.txt",
      "0 a.txt",
      "0 Z.txt",
    ]);
  });

  it("sorts by size and by date, either way", () => {
    const sort = (order: Sorting["order"], descending: boolean) =>
      names(unfold(tree, new Set(["b"]), { order, descending })).filter((name) => !name.endsWith("/"));
    expect(sort("size", true)).toEqual(["1 2.txt", "1 10.txt", "0 a.txt", "0 Z.txt"]);
    expect(sort("size", false)).toEqual(["1 10.txt", "1 2.txt", "0 Z.txt", "0 a.txt"]);
    expect(sort("date", true)).toEqual(["1 2.txt", "1 10.txt", "0 a.txt", "0 Z.txt"]);
  });

  it("finds files by all words of a query, in any case, anywhere in the path", () => {
    expect(search(files, " TXT  b/ ", byName).map(({ path }) => path.join("/"))).toEqual([
      "b/2.txt",
      "b/10.txt",
      "b/deep/x.txt",
    ]);
    expect(search(files, "nothing", byName)).toEqual([]);
  });

  it("keeps up with 100,000 files in one folder", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => file(`all/${i % 997}-${i}.bin`));
    const big = growTree(many);
    const first = cpuMillis(() => {
      expect(unfold(big, new Set(["all"]), byName)).toHaveLength(100_001);
    });
    expect(search(many, "/996-", byName)).toHaveLength(100);
    // What is sorted once is not sorted again.
    expect(cpuMillis(() => unfold(big, new Set(["all"]), byName), 3)).toBeLessThanOrEqual(first / 2);
  });
});
