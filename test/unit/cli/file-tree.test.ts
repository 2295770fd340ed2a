import { expect, it } from "vitest";
import { Output } from "../../../src/cli/output.ts";
import { pickFiles } from "../../../src/cli/pick-files.ts";
import { FileTree } from "../../../src/cli/ui/file-tree.ts";

const FILES = ["docs/a.txt", "docs/deep/b.txt", "docs/deep/C.txt", "film.mkv", "docs"].map((path, i) => ({
  path,
  bytes: 10 ** i,
}));

const names = (tree: FileTree) =>
  tree.rows(0, 99).map(({ name, chosen, open }) => `${name}${open === undefined ? "" : "/"} ${chosen}`);

it("folds, sums sizes, and tells whether all, some or none of a folder is picked", () => {
  const tree = new FileTree(FILES);
  expect(names(tree)).toEqual(["docs/ none", "film.mkv none", "docs none"]);
  expect(tree.rows(0, 1)[0]?.bytes).toBe(111);
  tree.fold(true);
  tree.move(2);
  tree.fold(true);
  tree.move(1);
  tree.toggle();
  expect(names(tree)).toEqual([
    "docs/ some",
    "a.txt none",
    "deep/ some",
    "b.txt all",
    "C.txt none",
    "film.mkv none",
    "docs none",
  ]);
  // From a file to its folder, then that folder folds.
  tree.fold(false);
  expect(tree.at).toBe(2);
  tree.fold(false);
  tree.toggle();
  expect(names(tree).slice(0, 3)).toEqual(["docs/ some", "a.txt none", "deep/ all"]);
  expect(tree.chosen.map(({ path }) => path)).toEqual(["docs/deep/b.txt", "docs/deep/C.txt"]);
  tree.toggle();
  expect(tree.chosen).toEqual([]);
});

it("finds files by words anywhere in their paths, and picks all that it shows", () => {
  const tree = new FileTree(FILES);
  tree.search("DEEP txt");
  expect(names(tree)).toEqual(["docs/deep/b.txt none", "docs/deep/C.txt none"]);
  tree.toggleAll();
  tree.search("nowhere");
  expect(tree.at).toBe(-1);
  tree.toggle();
  tree.search("");
  expect(tree.chosen.map(({ path }) => path)).toEqual(["docs/deep/b.txt", "docs/deep/C.txt"]);
  tree.toggleAll();
  expect(tree.chosen).toHaveLength(5);
  tree.toggleAll();
  expect(tree.chosen).toHaveLength(0);
});

it("is as quick with folders in folders as with very many files", () => {
  const deep = { path: `${"d/".repeat(2_000)}x`, bytes: 1 };
  const many = Array.from({ length: 50_000 }, (_, i) => ({ path: `${i % 100}/${i}`, bytes: 1 }));
  const tree = new FileTree([deep, ...many]);
  tree.toggleAll();
  expect(tree.chosen).toHaveLength(50_001);
  for (let i = 0; i < 100; i++) tree.fold(true);
  expect(tree.total).toEqual({ files: 50_001, bytes: 50_001 });
});

/** Presses keys, and gives what was picked and the last screen. */
async function press(keys: readonly string[], rows = 8) {
  let written = "";
  const stderr = { isTTY: true, columns: 60, write: (text: string) => (written += text) };
  const options = { json: false, quiet: false, verbose: false, color: false };
  const output = new Output(options, { write: () => {} }, stderr, {});
  let screen = "";
  const readKeys = (onKey: (key: string) => void) => {
    setTimeout(() => {
      for (const key of keys) {
        onKey(key);
        if (key !== "return" && key !== "escape") screen = written.split("\x1b[0J").at(-1) ?? "";
      }
    });
    return () => {};
  };
  const files = [...FILES, { path: "evil\x1b[2J", bytes: 1 }];
  const screenRows = () => rows;
  const picked = await pickFiles(files, output, { readKeys, screenRows }, new AbortController().signal).catch(
    (error: unknown) => error,
  );
  return { picked, lines: screen.trimEnd().split("\n"), rest: written.split("\x1b[0J").at(-1) };
}

it("picks by keys, on a screen of any height, and leaves nothing on it", async () => {
  const { picked, lines, rest } = await press(["down", "space", "end", "space", "return"], 5);
  expect(picked).toEqual(["film.mkv", "evil\x1b[2J"]);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toBe("Picked 2 of 6 files, 11.1 KB: 1.00 KB");
  expect(lines[2]).toBe("> [x]     1 B    evil\\x1b[2J");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(59);
  expect(rest).toBe("");
});

it("searches by what is typed, and Escape ends the search first", async () => {
  expect((await press(["C", ".", "t", "ctrl-a", "escape", "return"])).picked).toEqual(["docs/deep/C.txt"]);
  const { picked, lines } = await press(["z", "z", "backspace", "escape", "escape"]);
  expect(picked).toMatchObject({ code: "nothing-picked" });
  expect(lines.slice(0, 2)).toEqual(["Picked 0 of 6 files, 11.1 KB: 0 B   search: z", "  nothing fits"]);
  expect((await press(["return"])).picked).toMatchObject({ code: "nothing-picked" });
});
