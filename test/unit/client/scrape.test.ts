import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canScrape, parseScrapeReply, scrapePath } from "../../../src/client/core/scrape.ts";
import { encodeUdpScrape, readUdpReply } from "../../../src/client/core/udp-announce.ts";
import { fromLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash } from "../../../src/protocol/ids.ts";
import { scrapeRequest, u32 } from "../../support/udp-tracker.ts";

const HASH = infoHash(fromLatin1("\u0000& %+=?#/\u00ff0123456789"));
const PLAIN = infoHash(new Uint8Array(20).fill(0x61));

describe("where a scrape goes", () => {
  test.each([
    ["http://t/announce", "/scrape"],
    ["http://t/x/announce", "/x/scrape"],
    ["http://t/x/announce.php", "/x/scrape.php"],
    ["http://t/announce/k3f9x2mw", "/scrape/k3f9x2mw"],
    ["http://t/announce/announce", "/announce/scrape"],
  ])("%s is asked at %s", (url, path) => {
    expect(canScrape(url)).toBe(true);
    expect(scrapePath(new URL(url), HASH)).toBe(`${path}?info_hash=%00%26%20%25%2B%3D%3F%23%2F%FF0123456789`);
  });

  test("the query that a tracker knows its user by stays", () => {
    expect(scrapePath(new URL("http://t/announce?key=a%20b"), PLAIN)).toBe(
      `/scrape?key=a%20b&info_hash=${"a".repeat(20)}`,
    );
  });

  test.each(["http://t/", "http://t/a", "http://t/x-announce", "no url"])("%s has none", (url) => {
    expect(canScrape(url)).toBe(false);
  });
});

describe("what a tracker says over HTTP", () => {
  const read = (body: string) => parseScrapeReply(fromLatin1(body), PLAIN);
  const hash = "a".repeat(20);

  test("is read as BEP 48 writes it", () => {
    const body = `d5:filesd20:${hash}d8:completei5e10:downloadedi50e10:incompletei10eeee`;
    expect(read(body)).toEqual({ ok: true, reply: { seeders: 5, leechers: 10, completed: 50 } });
  });

  test("counts nobody where it says nothing, or less than nothing", () => {
    expect(read(`d5:filesd20:${hash}deee`)).toEqual({ ok: true, reply: { seeders: 0, leechers: 0 } });
    expect(read(`d5:filesd20:${hash}d8:completei-1e10:incompletei-1eeee`)).toEqual({
      ok: true,
      reply: { seeders: 0, leechers: 0 },
    });
  });

  test("may leave out what it doesn't count", () => {
    const body = `d5:filesd20:${hash}d8:completei5e10:incompletei10eeee`;
    expect(read(body)).toEqual({ ok: true, reply: { seeders: 5, leechers: 10 } });
  });

  test.each([
    ["another torrent", `d5:filesd20:${"b".repeat(20)}d8:completei5eeee`, /no such torrent/],
    ["no files", "d5:filesdee", /no such torrent/],
    ["a list", "le", /no dictionary/],
    ["a page", "<html>", /no tracker's reply/],
  ])("is no answer with %s", (_name, body, reason) => {
    expect(read(body)).toMatchObject({ ok: false, refused: false, reason: expect.stringMatching(reason) });
  });

  test("may be a refusal", () => {
    expect(read("d14:failure reason4:nonee")).toEqual({ ok: false, refused: true, reason: "none" });
  });

  test("may be any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseScrapeReply(bytes, PLAIN)));
  });
});

describe("over UDP", () => {
  test("it is asked and answered in BEP 15's order", () => {
    const connection = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect([...encodeUdpScrape({ connection, transaction: 7, infoHash: HASH })]).toEqual([
      ...scrapeRequest(connection, [HASH]),
    ]);
    const reply = Uint8Array.from([...u32(2), ...u32(7), ...u32(5), ...u32(50), ...u32(10)]);
    expect(readUdpReply(reply, 7, 4)).toEqual({
      action: "scrape",
      counts: { seeders: 5, completed: 50, leechers: 10 },
    });
    expect(readUdpReply(reply.subarray(0, 19), 7, 4)).toBeUndefined();
  });
});
