import { describe, expect, it } from "vitest";
import { fromHex } from "../../../src/protocol/bytes.ts";
import { MagnetError } from "../../../src/protocol/errors.ts";
import { infoHash, infoHashV2 } from "../../../src/protocol/ids.ts";
import { formatMagnet, type Magnet, parseInfoHash, parseMagnet } from "../../../src/protocol/magnet.ts";

const HEX = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
const V1 = infoHash(fromHex(HEX) ?? new Uint8Array());
const HEX2 = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
const V2 = infoHashV2(fromHex(HEX2) ?? new Uint8Array());

const full: Magnet = {
  infoHash: V1,
  infoHashV2: V2,
  name: "naïve & 日本.txt",
  length: 12_345,
  trackers: ["http://10.0.0.1:6881/announce/k3f9x2", "udp://tracker.example:80"],
  webSeeds: ["http://10.0.0.1:6881/s/k3f9x2/seed/"],
  peers: [
    { host: "10.0.0.1", port: 6881 },
    { host: "fe80::1", port: 6882 },
  ],
};

describe("formatMagnet", () => {
  it("writes what it has of two hashes", () => {
    const { infoHash: _, ...second } = full;
    expect(formatMagnet(second)).toMatch(new RegExp(`^magnet:\\?xt=urn:btmh:1220${HEX2}&dn=`));
  });

  it("writes the form of BEP 9 and BEP 52", () => {
    expect(formatMagnet({ infoHash: V1, name: "a b&c", trackers: [], webSeeds: [], peers: [] })).toBe(
      `magnet:?xt=urn:btih:${HEX}&dn=a%20b%26c`,
    );
    expect(formatMagnet(full)).toBe(
      `magnet:?xt=urn:btih:${HEX}&xt=urn:btmh:1220${HEX2}&dn=na%C3%AFve%20%26%20%E6%97%A5%E6%9C%AC.txt&xl=12345` +
        "&tr=http%3A%2F%2F10.0.0.1%3A6881%2Fannounce%2Fk3f9x2&tr=udp%3A%2F%2Ftracker.example%3A80" +
        "&ws=http%3A%2F%2F10.0.0.1%3A6881%2Fs%2Fk3f9x2%2Fseed%2F" +
        "&x.pe=10.0.0.1%3A6881&x.pe=%5Bfe80%3A%3A1%5D%3A6882",
    );
  });

  it("says where the torrent itself is, which files are meant, and that it is unlisted", () => {
    const magnet: Magnet = {
      infoHash: V1,
      trackers: [],
      webSeeds: [],
      peers: [],
      sources: ["http://10.0.0.1:6881/s/k3f9x2.torrent"],
      select: [
        { first: 0, last: 0 },
        { first: 4, last: 6 },
      ],
      unlisted: true,
    };
    const link = `magnet:?xt=urn:btih:${HEX}&xs=http%3A%2F%2F10.0.0.1%3A6881%2Fs%2Fk3f9x2.torrent&so=0,4-6&x.unlisted=1`;
    expect(formatMagnet(magnet)).toBe(link);
    expect(parseMagnet(link)).toEqual(magnet);
  });

  it.each([
    "",
    "x",
    "1,,2",
    "3-1",
    "-1",
    "1-",
    "1-2x",
    "x1-2",
    "1-1000000000",
    "0,".repeat(2000),
    "9999999999",
  ])("takes a selection of files that can't be read (%s) as none", (so) => {
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&so=${so}`).select).toBeUndefined();
  });

  it("survives a name that has no UTF-8", () => {
    expect(formatMagnet({ infoHash: V1, name: "\ud800", trackers: [], webSeeds: [], peers: [] })).toContain(
      "&dn=%EF%BF%BD",
    );
  });
});

describe("parseMagnet", () => {
  it("reads back all that was written", () => {
    expect(parseMagnet(formatMagnet(full))).toEqual(full);
  });

  it("reads base 32 and upper-case hashes, upper-case scheme, numbered parameters", () => {
    const same = { infoHash: V1, trackers: [], webSeeds: [], peers: [] };
    expect(parseMagnet("magnet:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK")).toEqual(same);
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX.toUpperCase()}`)).toEqual(same);
    expect(parseMagnet(`MAGNET:?xt.1=urn:btih:${HEX}&tr.1=http://a/1&tr.2=http://a/2`).trackers).toEqual([
      "http://a/1",
      "http://a/2",
    ]);
  });

  it("leaves out what it can't use: other topics, odd schemes, repetitions, broken peers and sizes", () => {
    const link =
      `magnet:?xt=urn:sha1:ABC&xt=urn:btih:${HEX}&tr=javascript:alert(1)&tr=http://a/x&tr=http://a/x&ws=file:///etc` +
      "&x.pe=nonsense&xl=-4&dn=%ff&junk&=&so=x&xs=ftp://a/b";
    expect(parseMagnet(link)).toEqual({
      infoHash: V1,
      name: "%ff",
      trackers: ["http://a/x"],
      webSeeds: [],
      peers: [],
    });
  });

  it("keeps at most 200 of each kind", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `&tr=http://t/${i}&x.pe=10.0.0.1:${i + 1}`).join("");
    const magnet = parseMagnet(`magnet:?xt=urn:btih:${HEX}${many}`);
    expect([magnet.trackers.length, magnet.peers.length]).toEqual([200, 200]);
  });

  it("takes the same hash twice, however it is written, and a plus as a space", () => {
    const twice = `magnet:?xt=urn:btih:${HEX}&xt=URN:BTIH:${HEX.toUpperCase()}&dn=a+b`;
    expect(parseMagnet(twice)).toEqual({ infoHash: V1, name: "a b", trackers: [], webSeeds: [], peers: [] });
    const second = `urn:btmh:1220${HEX2}`;
    expect(parseMagnet(`magnet:?xt=${second}&xt=${second.toUpperCase()}`).infoHashV2).toEqual(V2);
  });

  it("takes the first name, length and selection, and lengths that are exact numbers", () => {
    const link = `magnet:?xt=urn:btih:${HEX}&dn=&dn=b&xl=x&xl=5&xl=6&so=1-2&so=4`;
    expect(parseMagnet(link)).toMatchObject({ name: "", length: 5, select: [{ first: 1, last: 2 }] });
    for (const odd of ["1e3", "5x", "x5", "1".repeat(16)])
      expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&xl=${odd}`).length, odd).toBeUndefined();
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&xl=${"9".repeat(15)}`).length).toBe(999_999_999_999_999);
  });

  it("is unlisted when one says so, and not when one says anything else", () => {
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&x.unlisted=1&x.unlisted=0`).unlisted).toBe(true);
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&x.unlisted=yes`).unlisted).toBeUndefined();
    expect(parseMagnet(`magnet:?xt=urn:btih:${HEX}&x.unlisted.1=1`).unlisted).toBe(true);
  });

  it("takes a number behind a parameter's name for nothing else", () => {
    expect(parseMagnet(`magnet:?xt.12=urn:btih:${HEX}&tr.x=http://a/1&tr.1.z=http://a/2`).trackers).toEqual(
      [],
    );
  });

  it("keeps at most 200 web seeds and sources, and a thousand ranges of files", () => {
    const many = Array.from({ length: 250 }, (_, i) => `&ws=http://w/${i}/&xs=http://x/${i}`).join("");
    const magnet = parseMagnet(`magnet:?xt=urn:btih:${HEX}${many}`);
    expect([magnet.webSeeds.length, magnet.sources?.length]).toEqual([200, 200]);
    const ranges = (count: number) =>
      parseMagnet(`magnet:?xt=urn:btih:${HEX}&so=${Array.from({ length: count }, (_, i) => i).join(",")}`)
        .select;
    expect(ranges(1000)).toHaveLength(1000);
    expect(ranges(1001)).toBeUndefined();
  });

  it("may be as long as 65,536 characters", () => {
    const link = `magnet:?xt=urn:btih:${HEX}&dn=`;
    const longest = link + "x".repeat(65_536 - link.length);
    expect(parseMagnet(longest).name).toHaveLength(65_536 - link.length);
    expect(() => parseMagnet(`${longest}x`)).toThrow(/longer than 65536/);
  });

  it.each([
    ["another scheme", "http://example.org/"],
    ["no hash", "magnet:?dn=x"],
    ["a short hash", "magnet:?xt=urn:btih:c12f"],
    ["a hash of other digits", `magnet:?xt=urn:btih:${"z".repeat(40)}`],
    ["a long hash", `magnet:?xt=urn:btih:${HEX}00`],
    ["base 32 with a digit it has not", `magnet:?xt=urn:btih:${"1".repeat(32)}`],
    ["base 32 with one at its beginning", `magnet:?xt=urn:btih:1${"a".repeat(31)}`],
    ["base 32 with one at its end", `magnet:?xt=urn:btih:${"a".repeat(31)}1`],
    ["a multihash of another kind", `magnet:?xt=urn:btmh:1114${HEX}`],
    ["a multihash of another kind and the right length", `magnet:?xt=urn:btmh:1120${HEX2}`],
    ["a multihash that is too long", `magnet:?xt=urn:btmh:1220${HEX2}00`],
    ["a multihash that is too short", `magnet:?xt=urn:btmh:1220${HEX2.slice(2)}`],
    ["a multihash of other digits", `magnet:?xt=urn:btmh:1220${"z".repeat(64)}`],
    ["two torrents", `magnet:?xt=urn:btih:${HEX}&xt=urn:btih:${"0".repeat(40)}`],
    ["two torrents of version 2", `magnet:?xt=urn:btmh:1220${HEX2}&xt=urn:btmh:1220${"0".repeat(64)}`],
    ["a link inside something else", `see magnet:?xt=urn:btih:${HEX}`],
    ["a hash inside something else", `magnet:?xt=x:urn:btih:${HEX}`],
    ["a link of megabytes", `magnet:?xt=urn:btih:${HEX}&dn=${"x".repeat(70_000)}`],
  ])("refuses %s", (_, link) => {
    expect(() => parseMagnet(link)).toThrow(MagnetError);
  });
});

describe("parseInfoHash", () => {
  it("reads both ways of writing, and nothing that is longer or shorter", () => {
    expect(parseInfoHash(HEX)).toEqual(V1);
    expect(parseInfoHash("YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK".toLowerCase())).toEqual(V1);
    // RFC 4648, 6: the last digits of the alphabet.
    expect(parseInfoHash("Z234567A".repeat(4))?.slice(0, 5)).toEqual(fromHex("ceb7cefbe0"));
    for (const text of [
      "",
      HEX.slice(2),
      `${HEX}00`,
      "A".repeat(31),
      "A".repeat(33),
      "A".repeat(40).replace("A", "Z"),
    ])
      expect(parseInfoHash(text), text).toBeUndefined();
  });

  it("does not take letters for digits that change their case", () => {
    expect(parseInfoHash("ß".repeat(16) + "A".repeat(16))).toBeUndefined();
  });
});
