import { expect, test } from "vitest";
import { isDownloadState, isJunk, isPlainName } from "../../../src/create/core/names.ts";
import { CreateOptionError } from "../../../src/create/errors.ts";
import { createFilter } from "../../../src/create/filter.ts";

function excludes(glob: string, path: string, isFolder = false): boolean {
  return createFilter([], [glob]).excludes(path.split("/"), isFolder);
}

test("a glob without a slash looks at names at any depth", () => {
  expect(excludes("*.log", "a/b/c.log")).toBe(true);
  expect(excludes("*.log", "c.log")).toBe(true);
  expect(excludes("*.log", "c.log/d")).toBe(false);
  expect(excludes("node_modules", "a/node_modules", true)).toBe(true);
});

test("a glob with a slash looks at the whole path", () => {
  expect(excludes("a/*.log", "a/x.log")).toBe(true);
  expect(excludes("a/*.log", "b/a/x.log")).toBe(false);
  expect(excludes("a/*.log", "a/b/x.log")).toBe(false);
  expect(excludes("a/**/*.log", "a/b/c/x.log")).toBe(true);
  expect(excludes("/x.log", "x.log")).toBe(true);
  expect(excludes("/x.log", "a/x.log")).toBe(false);
  expect(excludes("./x.log", "x.log")).toBe(true);
  expect(excludes("./x.log", "a/x.log")).toBe(false);
});

test("a glob that ends in a slash matches folders only", () => {
  expect(excludes("build/", "a/build", true)).toBe(true);
  expect(excludes("build/", "a/build", false)).toBe(false);
});

test("wildcards match dotfiles, braces and negated classes work, and letters keep their case", () => {
  expect(excludes("*", ".hidden")).toBe(true);
  expect(excludes("*.{jpg,png}", "a.png")).toBe(true);
  expect(excludes("[!a]*", "b")).toBe(true);
  expect(excludes("*.JPG", "a.jpg")).toBe(false);
});

test("a backslash escapes on every system", () => {
  expect(excludes("\\*.log", "*.log")).toBe(true);
  expect(excludes("\\*.log", "a.log")).toBe(false);
});

test("without an include glob everything is included, with one only what matches", () => {
  expect(createFilter().includes(["a"], false)).toBe(true);
  const filter = createFilter(["*.jpg", "raw/**"]);
  expect(filter.includes(["x", "a.jpg"], false)).toBe(true);
  expect(filter.includes(["raw", "b.nef"], false)).toBe(true);
  expect(filter.includes(["b.nef"], false)).toBe(false);
});

test.each(["", "/", "./", "//"])("the glob %j is refused", (glob) => {
  expect(() => createFilter([glob])).toThrow(CreateOptionError);
});

test("junk and download state are known by their names alone", () => {
  expect([".DS_Store", "Thumbs.db", "thumbs.db"].filter(isJunk)).toHaveLength(3);
  expect(["desktop.ini", "DS_Store", "Thumbs.db.txt", "._x"].filter(isJunk)).toEqual([]);
  const state = ["", ".lock", ".lock.takeover", ".lock.0f8b", ".new", ".parts"];
  expect(state.map((end) => `.film.mkv.boojum${end}`).filter(isDownloadState)).toHaveLength(6);
  expect(["film.boojum", ".boojum", ".x.boojum.txt"].filter(isDownloadState)).toEqual([]);
});

test("a share's name is one plain component", () => {
  expect(["a", ".a", "a b", "ü", "🎁"].filter(isPlainName)).toHaveLength(5);
  expect(["", ".", "..", "a/b", "a\\b", "a\0", "\ud83c"].filter(isPlainName)).toEqual([]);
});
