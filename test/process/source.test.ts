import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findSource, meansGet } from "../../src/cli/source.ts";
import { UsageError } from "../../src/cli/units.ts";

const before = process.cwd();
let dir = "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "boojum-source-"));
  writeFileSync(join(dir, "x.torrent"), "d4:infodee");
  writeFileSync(join(dir, "it's.txt"), "text");
  mkdirSync(join(dir, "folder.torrent"));
  mkdirSync(join(dir, "folder"));
  process.chdir(dir);
});

afterAll(() => {
  process.chdir(before);
  rmSync(dir, { recursive: true });
});

/** What is said when nobody on the local network has it. */
const wrong = (text: string) => {
  const found = findSource(text);
  return found.kind === "local" ? found.otherwise.message : found.kind;
};

describe("share WORD", () => {
  it.each([
    "http://10.0.0.1:6881/s/abc",
    "HTTPS://example.org/x.torrent",
    "magnet:?xt=urn:btih:0",
    "x.torrent",
  ])("gets %s", (word) => {
    expect(meansGet(word)).toBe(true);
  });

  it.each(["./x.torrent", "folder", "folder.torrent", "missing.torrent", "ftp://example.org/", "get"])(
    "publishes %s",
    (word) => {
      expect(meansGet(word)).toBe(false);
    },
  );

  it("publishes an absolute path to a torrent", () => {
    expect(meansGet(join(dir, "x.torrent"))).toBe(false);
  });
});

describe("share get SOURCE", () => {
  it("takes URLs and torrents, however the path is written", () => {
    expect(findSource("http://10.0.0.1/x")).toEqual({ kind: "url", url: "http://10.0.0.1/x" });
    expect(findSource("Magnet:?xt=urn:btih:0")).toEqual({ kind: "magnet", link: "Magnet:?xt=urn:btih:0" });
    expect(findSource("./x.torrent")).toEqual({ kind: "torrent", path: "./x.torrent" });
  });

  it("says how to publish what is here but is no source", () => {
    expect(() => findSource("./folder")).toThrow("To publish it: share ./folder");
    expect(wrong("folder")).toContain("To publish it: share ./folder");
    expect(wrong("it's.txt")).toContain(`To publish it: share 'it'\\''s.txt'`);
  });

  it.each([
    ["10.0.0.1:6881/s/k3f9x2mw", "Did you mean http://10.0.0.1:6881/s/k3f9x2mw?"],
    ["[fe80::1]:6881", "Did you mean http://[fe80::1]:6881?"],
    ["pc.local/s/k3f9x2mw", "Did you mean http://pc.local/s/k3f9x2mw?"],
    ["htp://10.0.0.1/s/k3f9x2mw", "URLs start with http:// or https://."],
  ])("suggests what %s should have been", (text, suggestion) => {
    expect(() => findSource(text)).toThrow(suggestion);
  });

  it("looks on the local network for everything else, but for paths", () => {
    expect(findSource("7-otter-lamp-gravel")).toMatchObject({ kind: "local", text: "7-otter-lamp-gravel" });
    expect(wrong("nothing")).toContain("nor shared on this network");
    for (const text of ["", "./nothing", "a\\b"]) expect(() => findSource(text)).toThrow(UsageError);
  });
});
