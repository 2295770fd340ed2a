import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetainfoError } from "../../../src/protocol/errors.ts";
import { foldName, portableName, portablePaths } from "../../../src/protocol/portable-path.ts";
import { cpuMillis } from "../../support/cpu-time.ts";

const utf8Length = (text: string) => new TextEncoder().encode(text).length;

/** Paths written with slashes, for tests whose components have none. */
const place = (...paths: string[]) =>
  portablePaths(paths.map((path) => path.split("/"))).map((path) => path.join("/"));

describe("portableName", () => {
  it.each([
    "readme.txt",
    ".hidden",
    "...and justice for all",
    "naïve café.txt",
    "cafe\u0301.txt",
    "日本語のファイル名.txt",
    "Ελληνικά ς.md",
    "עברית.txt",
    "می‌خواهم.txt",
    "हिन्दी क्षेत्र.pdf",
    "👨‍👩‍👧‍👦 family.jpg",
    "a b  c.tar.gz",
    "100% [x] {y} 'z' `w` ~#$&+,;=@!^().bin",
    "CONSOLE.txt",
    "com10",
    "comma",
    "nul-terminated",
    "x".repeat(255),
    "語".repeat(85),
  ])("leaves %j as it is", (name) => {
    expect(portableName(name)).toBe(name);
  });

  it.each([
    ["", "_"],
    [".", "_"],
    ["..", "._"],
    ["a/b", "a_b"],
    ["a\\b", "a_b"],
    ["C:\\x", "C__x"],
    ["x:y", "x_y"],
    ['<>"|?*', "______"],
    ["a\0b\nc\x1bd\x7fe\x9bf", "a_b_c_d_e_f"],
    ["foo.", "foo_"],
    ["foo...", "foo.._"],
    ["foo ", "foo_"],
    ["gnp\u202egpj.exe", "gnp_gpj.exe"],
    ["\ud800x", "_x"],
    ["CON", "_CON"],
    ["con.txt", "_con.txt"],
    ["Aux.tar.gz", "_Aux.tar.gz"],
    ["nul .txt", "_nul .txt"],
    ["COM1", "_COM1"],
    ["lpt\u00b2.x", "_lpt\u00b2.x"],
    ["CONIN$", "_CONIN$"],
  ])("turns %j into %j", (raw, name) => {
    expect(portableName(raw)).toBe(name);
  });

  it("shortens to 255 bytes, keeps the extension and cuts no character in two", () => {
    expect(portableName(`${"x".repeat(300)}.tar`)).toBe(`${"x".repeat(251)}.tar`);
    expect(portableName("語".repeat(100))).toBe("語".repeat(85));
    expect(portableName(`a${"😀".repeat(100)}.mp3`)).toBe(`a${"😀".repeat(62)}.mp3`);
    expect(portableName(`${"x".repeat(200)}. A sentence ${"y".repeat(100)}`)).toHaveLength(255);
    expect(portableName(`${"x".repeat(254)} ${"y".repeat(9)}`)).toBe(`${"x".repeat(254)}_`);
  });

  it("gives a safe name for any text, and the same name for a safe one", () => {
    fc.assert(
      fc.property(hostileName, (raw) => {
        const name = portableName(raw);
        expectSafe(name);
        expect(portableName(name)).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });
});

const hostileName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..."aA. /\\:x\u0301é\ud800\udc00\u202e\0") }),
  fc.constantFrom(
    "CON",
    "con.",
    "NUL .txt",
    "..",
    ".",
    "",
    "a",
    "A",
    "a (2)",
    "é",
    "e\u0301",
    "ß",
    "SS",
    "ſs",
  ),
  fc
    .tuple(fc.constantFrom("x", "語", "😀", ".", " ", "CON "), fc.integer({ min: 80, max: 300 }), fc.string())
    .map(([unit, count, end]) => unit.repeat(count) + end),
);

function expectSafe(name: string): void {
  expect(name).not.toBe("");
  expect(name).not.toMatch(/[\0-\x1f\x7f-\x9f"*/:<>?\\|]/);
  expect(name).not.toMatch(/[. ]$/);
  expect(name.split(".")[0]?.trimEnd()).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)$/i);
  expect(name).not.toMatch(/\p{Surrogate}/u);
  expect(utf8Length(name)).toBeLessThanOrEqual(255);
}

describe("portablePaths", { timeout: 30_000 }, () => {
  it("leaves ordinary paths as they are, in their order", () => {
    const paths = ["b.txt", "a/x", "a/y/z", "a/y/w", "ä/x"];
    expect(place(...paths)).toEqual(paths);
  });

  it("leaves out components that are empty or dots, and names what is left empty", () => {
    expect(place("../../etc/passwd", "/abs", "a//b/./c", "..", "")).toEqual([
      "etc/passwd",
      "abs",
      "a/b/c",
      "_",
      "_ (2)",
    ]);
  });

  it("numbers names that differ in case, composition or letters that fold together", () => {
    expect(place("A", "a", "readme.TXT", "README.txt")).toEqual([
      "A",
      "a (2)",
      "readme.TXT",
      "README (2).txt",
    ]);
    expect(place("é", "e\u0301", "ß", "ss", "σ", "ς", "K", "\u212a")).toEqual([
      "é",
      "e\u0301 (2)",
      "ß",
      "ss (2)",
      "σ",
      "ς (2)",
      "K",
      "\u212a (2)",
    ]);
    expect(place("ab", "a\u200bb")).toEqual(["ab", "a\u200bb (2)"]);
  });

  it("numbers a path that comes twice", () => {
    expect(place("x/a.b", "x/a.b", "x/a.b")).toEqual(["x/a.b", "x/a (2).b", "x/a (3).b"]);
  });

  it("lets names that need no change go first", () => {
    expect(place("a:b", "a_b", "A", "a", "a (2)")).toEqual(["a_b (2)", "a_b", "A", "a (3)", "a (2)"]);
  });

  it("keeps folders apart that clash, each with its own files", () => {
    expect(place("A/x", "a/x", "A/y", "a/y")).toEqual(["A/x", "a (2)/x", "A/y", "a (2)/y"]);
    expect(place("v1.0/x", "V1.0/x")).toEqual(["v1.0/x", "V1.0 (2)/x"]);
  });

  it("separates a file from a folder of the same name", () => {
    expect(place("a", "a/b", "A/c")).toEqual(["a", "a (2)/b", "A (3)/c"]);
    expect(place("a/b", "a")).toEqual(["a/b", "a (2)"]);
  });

  it("counts names separately in each folder", () => {
    expect(place("p/A", "p/a", "q/A", "q/a")).toEqual(["p/A", "p/a (2)", "q/A", "q/a (2)"]);
  });

  it("finds room for the number in a name that is full", () => {
    const long = `${"x".repeat(251)}.bin`;
    const [, second = ""] = place(long, long);
    expect(second).toMatch(/^x+ \(2\)\.bin$/);
    expect(utf8Length(second)).toBeLessThanOrEqual(255);
  });

  it("refuses a path of more than 3,072 bytes, and takes one of just that", () => {
    const component = "y".repeat(255);
    const eleven = Array.from({ length: 11 }, () => component);
    expect(portablePaths([[...eleven, "z".repeat(255)]])[0]?.join("/")).toHaveLength(3071);
    expect(portablePaths([[...eleven, "z".repeat(253), "zz"]])[0]?.join("/")).toHaveLength(3072);
    expect(() => portablePaths([[...eleven, "z".repeat(254), "zz"]])).toThrow(MetainfoError);
    expect(() => portablePaths([Array.from({ length: 10_000 }, () => "d")])).toThrow(
      /longer than 3072 bytes/,
    );
  });

  it("gives safe and unique paths for any input, the same each time", () => {
    fc.assert(
      fc.property(fc.array(fc.array(hostileName, { maxLength: 4 }), { maxLength: 12 }), (raw) => {
        const paths = portablePaths(raw);
        expect(portablePaths(raw)).toEqual(paths);
        expectUniqueOnEveryFileSystem(paths);
        // Safe and unique already: they pass unchanged.
        expect(portablePaths(paths)).toEqual(paths);
      }),
      { numRuns: 300 },
    );
  });

  it("decides the same about plain names whether or not others than plain ones come with them", () => {
    const name = fc.constantFrom("a", "A", "b", "a.b", "a.B", ".a", "con", "CON.txt", "a.", "a b", "-", "");
    const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 6 });
    const long = "y".repeat(100);
    fc.assert(
      fc.property(
        paths,
        fc.constantFrom(
          [],
          Array.from({ length: 30 }, () => long),
        ),
        (some, above) => {
          const raw = some.map((path) => [...above, ...path]);
          expect(portablePaths(raw)).toEqual(portablePaths([...raw, ["ä"]]).slice(0, -1));
          const sorted = raw.toSorted((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
          expect(portablePaths(sorted)).toEqual(portablePaths([...sorted, ["ä"]]).slice(0, -1));
        },
      ),
      { numRuns: 1_000 },
    );
    const tooLong = [[...Array.from({ length: 30 }, () => long), "z".repeat(43)]];
    expect(() => portablePaths(tooLong)).toThrow(MetainfoError);
    expect(portablePaths([[...Array.from({ length: 30 }, () => long), "z".repeat(42)]])).toHaveLength(1);
  });

  it("takes linear time for 100,000 files that all want one name", () => {
    const same = Array.from({ length: 100_000 }, () => ["folder", "same.txt"]);
    // Shortened, these differ from each other and clash in all of the part that takes a number.
    const full = Array.from({ length: 10_000 }, (_, i) => [
      `${"x".repeat(246)}${String(i >> 1).padStart(9, "0")}`,
    ]);
    const time = cpuMillis(() => {
      for (const paths of [same, full]) {
        expect(new Set(portablePaths(paths).map((path) => path.join("/"))).size).toBe(paths.length);
      }
    }, 3);
    expect(time).toBeLessThan(4000);
  });
});

function expectUniqueOnEveryFileSystem(paths: readonly (readonly string[])[]): void {
  const files = new Set<string>();
  const folders = new Map<string, string>();
  for (const path of paths) {
    for (const name of path) expectSafe(name);
    const key = foldName(path.join("/"));
    expect(files.has(key)).toBe(false);
    files.add(key);
    for (let i = 1; i < path.length; i++) {
      const folder = path.slice(0, i).join("/");
      // One spelling for each folder, or a file system would merge two into one.
      expect(folders.get(foldName(folder)) ?? folder).toBe(folder);
      folders.set(foldName(folder), folder);
    }
  }
  for (const folder of folders.keys()) expect(files.has(folder)).toBe(false);
}
