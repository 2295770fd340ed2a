import { describe, expect, it } from "vitest";
import { atomFeed, type Feed, type FeedEntry } from "../../../src/httpd/core/atom.ts";

const second = 1_000_000_000n;

function entry(overrides: Partial<FeedEntry> = {}): FeedEntry {
  return {
    id: "urn:btih:0123",
    title: "folder",
    summary: "2 files, 2.0 KB",
    updatedNs: second,
    page: "http://10.0.0.1:6881/s/k3f9x2",
    enclosure: { url: "http://10.0.0.1:6881/s/k3f9x2.torrent", type: "application/x-bittorrent", length: 99 },
    ...overrides,
  };
}

function feed(...entries: FeedEntry[]): Feed {
  return {
    title: "Shared from 10.0.0.1:6881",
    author: "Boojum",
    url: "http://10.0.0.1:6881/feed.xml",
    page: "http://10.0.0.1:6881/",
    entries,
  };
}

describe("a feed", () => {
  it("has what RFC 4287 demands of feeds and entries", () => {
    expect(atomFeed(feed(entry()))).toBe(
      [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        "  <id>http://10.0.0.1:6881/feed.xml</id>",
        "  <title>Shared from 10.0.0.1:6881</title>",
        "  <updated>1970-01-01T00:00:01Z</updated>",
        "  <author><name>Boojum</name></author>",
        '  <link rel="self" type="application/atom+xml" href="http://10.0.0.1:6881/feed.xml"/>',
        '  <link rel="alternate" type="text/html" href="http://10.0.0.1:6881/"/>',
        "  <entry>",
        "    <id>urn:btih:0123</id>",
        "    <title>folder</title>",
        "    <updated>1970-01-01T00:00:01Z</updated>",
        '    <link rel="alternate" type="text/html" href="http://10.0.0.1:6881/s/k3f9x2"/>',
        '    <link rel="enclosure" type="application/x-bittorrent" length="99" href="http://10.0.0.1:6881/s/k3f9x2.torrent"/>',
        "    <summary>2 files, 2.0 KB</summary>",
        "  </entry>",
        "</feed>",
        "",
      ].join("\n"),
    );
  });

  it("was updated with its newest entry, which comes first; one ID is there once", () => {
    const text = atomFeed(
      feed(
        entry({ title: "first of its ID" }),
        entry({ id: "urn:btih:2", title: "newer", updatedNs: 2n * second }),
        entry({ title: "second of its ID", updatedNs: 3n * second }),
      ),
    );
    expect(text.match(/<title>[^<]*/g)?.slice(1)).toEqual(["<title>newer", "<title>first of its ID"]);
    expect(text.match(/<updated>[^<]*/g)?.[0]).toBe("<updated>1970-01-01T00:00:02Z");
  });

  it("has its entries from the newest to the oldest", () => {
    const at = (title: string, seconds: bigint) => entry({ id: title, title, updatedNs: seconds * second });
    const text = atomFeed(feed(at("b", 2n), at("a", 1n), at("d", 4n), at("c", 2n)));
    expect(text.match(/<title>[a-d]</g)?.join("")).toMatch(/^<title>d<(<title>[bc]<){2}<title>a<$/);
  });

  it("is whole without any entry", () => {
    expect(atomFeed(feed())).toMatch(/<updated>1970-01-01T00:00:00Z<\/updated>[^]*<\/feed>\n$/);
  });

  it("holds any name", () => {
    const text = atomFeed(feed(entry({ title: 'a<b>&"\u0001\uffff\ud800é🎁', page: "http://h/?a&b" })));
    expect(text).toContain("<title>a&lt;b&gt;&amp;&quot;\ufffd\ufffd\ufffdé🎁</title>");
    expect(text).toContain('href="http://h/?a&amp;b"');
  });

  it.each([
    [-5n * second, "1970-01-01T00:00:00Z"],
    [2n ** 63n - 1n, "2262-04-11T23:47:16Z"],
    [10n ** 21n, "9999-12-31T23:59:59Z"],
  ])("writes %d ns as %s, which RFC 3339 allows", (updatedNs, text) => {
    expect(atomFeed(feed(entry({ updatedNs })))).toContain(`<updated>${text}</updated>`);
  });
});
