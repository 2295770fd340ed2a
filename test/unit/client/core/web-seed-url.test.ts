import { describe, expect, it } from "vitest";
import { type SeededTorrent, webSeedUrl } from "../../../../src/client/core/web-seed-url.ts";

function torrent(
  rawName: string,
  singleFile: boolean,
  ...paths: readonly (readonly string[])[]
): SeededTorrent {
  return {
    rawName,
    singleFile,
    files: paths.map((rawPath) => ({
      path: ["stored otherwise"],
      rawPath,
      length: 1,
      offset: 0,
      pad: false,
      executable: false,
    })),
  };
}

describe("webSeedUrl (BEP 19)", () => {
  it.each([
    ["http://h/x.iso", torrent("x.iso", true, ["x.iso"]), "http://h/x.iso"],
    ["http://h/other%20name", torrent("x.iso", true, ["x.iso"]), "http://h/other%20name"],
    ["http://h/dir/", torrent("x y.iso", true, ["x y.iso"]), "http://h/dir/x%20y.iso"],
    ["http://h/dir/", torrent("F", false, ["a", "b.txt"]), "http://h/dir/F/a/b.txt"],
    ["http://h/dir", torrent("F", false, ["a", "b.txt"]), "http://h/dir/F/a/b.txt"],
    [
      "http://h/",
      torrent("ü?", false, ["#%", "a+b&c=d'(!*)"]),
      "http://h/%C3%BC%3F/%23%25/a%2Bb%26c%3Dd%27%28%21%2A%29",
    ],
    ["http://h/", torrent("..", false, [".", "..."]), "http://h/%2E%2E/%2E/..."],
    ["http://h/", torrent("a/b", false, ["c\\d"]), "http://h/a%2Fb/c%5Cd"],
  ])("puts %s and the torrent together", (base, made, url) => {
    expect(webSeedUrl(base, made, 0)).toBe(url);
  });
});
