import { describe, expect, it } from "vitest";
import { areaPath, linePath } from "../../../src/httpd/core/plot.ts";
import { previewKind, textOf } from "../../../src/httpd/core/preview.ts";
import { parseView, resorted, toggled, viewQuery } from "../../../src/httpd/core/view.ts";

const view = (query: string) => parseView(new URLSearchParams(query));

describe("the view of the files", () => {
  it.each([
    "",
    "?in=a%2Fb&sort=-size&open=a%2Fb%2Fc&open=a%2Fb%2Fd+e&page=3&show=a%2Fx.txt",
    "?q=two+words&sort=date",
    "?q=%3Cimg+onerror%3D%22x%22%3E%26",
  ])("survives the way into a link and back: %s", (query) => {
    expect(viewQuery(view(query))).toBe(query);
  });

  it("takes nonsense for what one sees first", () => {
    expect(viewQuery(view("?sort=colour&page=1&in=%2F%2F&q=+"))).toBe("");
  });

  it("keeps links short: forty open folders, two hundred letters to search for", () => {
    const many = Array.from({ length: 50 }, (_, i) => `open=${i}`).join("&");
    expect([...view(`?${many}`).open]).toEqual(Array.from({ length: 40 }, (_, i) => String(i + 10)));
    expect(view(`?q=${"x".repeat(500)}`).query).toHaveLength(200);
  });

  it("opens and closes a folder", () => {
    expect([...toggled(view("?open=a"), "b")]).toEqual(["a", "b"]);
    expect([...toggled(view("?open=a&open=b"), "a")]).toEqual(["b"]);
  });

  it("sorts backwards at the second click; sizes begin with the largest", () => {
    expect(resorted(view(""), "size")).toEqual({ order: "size", descending: true });
    expect(resorted(view("?sort=-size"), "size")).toEqual({ order: "size", descending: false });
    expect(resorted(view("?sort=-size"), "name")).toEqual({ order: "name", descending: false });
  });
});

describe("a plot", () => {
  it("spreads the rates over its width, the highest at the top", () => {
    expect(linePath([0, 50, 100], { width: 10, height: 4 })).toBe("M0 4L5 2L10 0");
    expect(areaPath([0, 100], { width: 10, height: 4 })).toBe("M0 4L10 0L10 4L0 4Z");
  });

  it("draws nothing of fewer than two, and a flat line of zeros", () => {
    expect(areaPath([7], { width: 10, height: 4 })).toBe("");
    expect(linePath([0, 0], { width: 10, height: 4 })).toBe("M0 4L10 4");
  });
});

describe("a preview", () => {
  it.each([
    ["a.JPG", "image"],
    ["a.svg", "image"],
    ["a.mp3", "audio"],
    ["a.mkv", "video"],
    ["a.pdf", "pdf"],
    ["a.html", "document"],
    ["a.xhtml", "document"],
    ["a.xml", "text"],
    ["a.js", "text"],
    ["a.json", "text"],
    ["a.zip", undefined],
    ["a", undefined],
  ])("of %s is %s", (name, kind) => {
    expect(previewKind(name)).toBe(kind);
  });

  it("reads UTF-8 and UTF-16, not what has zeros in it, and shows no half letter at the end", () => {
    expect(textOf(new TextEncoder().encode("señal"), true)).toBe("señal");
    expect(textOf(new TextEncoder().encode("señ").subarray(0, 3), false)).toBe("se");
    expect(textOf(Uint8Array.of(0xff, 0xfe, 0x68, 0, 0x69, 0), true)).toBe("hi");
    expect(textOf(Uint8Array.of(0xfe, 0xff, 0, 0x68, 0, 0x69), true)).toBe("hi");
    expect(textOf(Uint8Array.of(0xff), true)).toBe("\ufffd");
    expect(textOf(Uint8Array.of(0x68, 0, 0x69), true)).toBeUndefined();
    expect(textOf(new Uint8Array(0), true)).toBe("");
  });
});
