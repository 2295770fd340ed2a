import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePath, encodeSegment, parseTarget } from "../../../src/httpd/core/target.ts";

describe("parseTarget", () => {
  it.each([
    ["/", [""]],
    ["/s/abc", ["s", "abc"]],
    ["/s/abc/", ["s", "abc", ""]],
    ["/s/a%20b/%C3%A9", ["s", "a b", "é"]],
    ["/%252e%252e/x", ["%2e%2e", "x"]],
    ["/a%5Cb", ["a\\b"]],
    ["/...", ["..."]],
    ["/a+b", ["a+b"]],
    ["/x?..//%00", ["x"]],
  ])("reads %s", (raw, segments) => {
    expect(parseTarget(raw)?.segments).toEqual(segments);
  });

  it.each([
    "",
    "*",
    "http://x/",
    "//x",
    "/a//b",
    "/a/../b",
    "/..",
    "/.",
    "/a/%2e%2E/b",
    "/a/.%2e",
    "/a%2fb",
    "/a%2Fb",
    "/..%2f..%2fetc",
    "/a\\b",
    "/a%00",
    "/%",
    "/%zz",
    "/%c3",
    "/%ed%a0%80",
    "/a b",
    "/é",
    "/a#b",
    `/${"a".repeat(20_000)}`,
  ])("refuses %j", (raw) => {
    expect(parseTarget(raw)).toBeUndefined();
  });

  it("reads the query", () => {
    expect(parseTarget("/?page=2&x=%2e")?.query.get("page")).toBe("2");
  });

  it("never yields a name that leads elsewhere, whatever the bytes", () => {
    const piece = fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2f",
      "%5c",
      "%00",
      "%25",
      "\\",
      "a",
      "?",
      "#",
      "%c3%a9",
      "%",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const name of parseTarget(`/${pieces.join("")}`)?.segments ?? []) {
          expect(name === "." || name === ".." || /[/\0]/.test(name)).toBe(false);
        }
      }),
    );
  });
});

describe("encodePath", () => {
  it("is undone by parseTarget, for every name that a file can have", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => text !== "." && text !== ".." && !/[/\0]/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        const path = encodePath(names);
        expect(path).toMatch(/^[A-Za-z0-9%\-_.~/]*$/);
        expect(parseTarget(`/${path}`)?.segments).toEqual(names);
        expect(new URL(`http://x/${path}`).pathname).toBe(`/${path}`);
      }),
    );
  });

  it("leaves nothing that a shell or HTML could take for its own", () => {
    expect(encodeSegment(`'"<>&$;()!*`)).toBe("%27%22%3C%3E%26%24%3B%28%29%21%2A");
    expect(encodeSegment("\ud800")).toBe("%EF%BF%BD");
  });
});
