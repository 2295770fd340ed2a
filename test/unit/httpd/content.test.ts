import { describe, expect, it } from "vitest";
import { entityTag, isUnchanged, rangeApplies } from "../../../src/httpd/core/conditions.ts";
import { contentDisposition, contentLabel } from "../../../src/httpd/core/content.ts";
import { negotiate } from "../../../src/httpd/core/negotiate.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

describe("negotiate", () => {
  it.each([
    [undefined, "text"],
    ["*/*", "text"],
    ["", "text"],
    [BROWSER, "html"],
    ["application/x-bittorrent", "torrent"],
    ["application/x-bittorrent, */*;q=0.1", "torrent"],
    ["application/json", "json"],
    ["APPLICATION/JSON; charset=utf-8", "json"],
    ["text/html;q=0.5, application/json", "json"],
    ["text/html;q=0, application/json;q=0.1", "json"],
    ["text/html;q=0", "text"],
    ["text/html;q=2, application/json;q=0.1", "json"],
    ["text/*", "text"],
    ["image/png", "text"],
    ["text/plain, text/html;q=0.9", "text"],
    [`${"x/y,".repeat(1_000)}text/html`, "text"],
  ])("answers Accept: %s with %s", (accept, expected) => {
    expect(negotiate(accept)).toBe(expected);
  });
});

describe("entity tags", () => {
  const version = { length: 5, mtimeNs: 1_000_000_007n, inode: 9n };
  const tag = entityTag(version);

  it("differ when size, time or inode do", () => {
    const others = [
      { ...version, length: 6 },
      { ...version, mtimeNs: 1_000_000_008n },
      { ...version, inode: 10n },
    ];
    expect(new Set([tag, ...others.map(entityTag)]).size).toBe(4);
    expect(tag).toMatch(/^"[a-z0-9-]+"$/);
  });

  it("match If-None-Match in a list, weakly, or as any", () => {
    expect(isUnchanged(tag, tag)).toBe(true);
    expect(isUnchanged(`"a", W/${tag}`, tag)).toBe(true);
    expect(isUnchanged("*", tag)).toBe(true);
    expect(isUnchanged('"a"', tag)).toBe(false);
    expect(isUnchanged(undefined, tag)).toBe(false);
  });

  it("let a range count only for the same version", () => {
    expect(rangeApplies(undefined, tag)).toBe(true);
    expect(rangeApplies(tag, tag)).toBe(true);
    expect(rangeApplies(`W/${tag}`, tag)).toBe(false);
    expect(rangeApplies("Wed, 21 Oct 2026 07:28:00 GMT", tag)).toBe(false);
  });
});

describe("contentLabel", () => {
  it.each(["page.html", "a.HTM", "x.xhtml", "pic.svg", "feed.xml", "style.xsl"])(
    "puts %s into the sandbox",
    (name) => {
      expect(contentLabel(name)).toMatchObject({ active: true });
    },
  );

  it.each(["app.js", "lib.mjs", "x.css"])("labels %s so that no page can load it as code", (name) => {
    expect(contentLabel(name)).toMatchObject({ type: "text/plain; charset=utf-8", active: false });
  });

  it.each(["x.swf", "noextension", ".html", "x.__proto__", "mail.mht"])("has %s saved, not shown", (name) => {
    expect(contentLabel(name)).toEqual({ type: "application/octet-stream", inline: false, active: false });
  });

  it("shows pictures and films", () => {
    expect(contentLabel("a.b.PNG")).toEqual({ type: "image/png", inline: true, active: false });
    expect(contentLabel("film.mp4")).toMatchObject({ type: "video/mp4", inline: true });
  });
});

describe("contentDisposition", () => {
  it("gives the name in ASCII and in full", () => {
    expect(contentDisposition(false, "naïve plan.txt")).toBe(
      "attachment; filename=\"na_ve plan.txt\"; filename*=UTF-8''na%C3%AFve%20plan.txt",
    );
  });

  it("can't be broken out of", () => {
    const header = contentDisposition(true, 'a"; x=\\\r\nSet-Cookie: y%\u202e');
    expect(header).toBe(
      "inline; filename=\"a_; x=___Set-Cookie: y__\"; filename*=UTF-8''" +
        "a%22%3B%20x%3D%5C%0D%0ASet-Cookie%3A%20y%25%E2%80%AE",
    );
    expect(header).not.toMatch(/[^ -~]/);
  });
});
