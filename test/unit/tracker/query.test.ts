import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AnnounceQuery, parseAnnounce, parseScrape } from "../../../src/tracker/core/query.ts";

const HASH = "%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A";
const HASH_BYTES = [
  0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x12, 0x34, 0x56,
  0x78, 0x9a,
];
const REST = "&peer_id=-TR3000-abcdefghijkl&port=51413";

function announce(query: string): AnnounceQuery {
  const parsed = parseAnnounce(query);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed;
}

function reason(query: string): string {
  const parsed = parseAnnounce(query);
  return parsed.ok ? "accepted" : parsed.reason;
}

describe("parseAnnounce", () => {
  test("reads what Transmission sends", () => {
    const query = `info_hash=${HASH}&peer_id=-TR3000-abc%2d%7e0123456&port=51413&uploaded=1&downloaded=2&left=3&numwant=80&key=5f2a&compact=1&supportcrypto=1&event=started`;
    expect(announce(query)).toEqual({
      ok: true,
      infoHash: Uint8Array.from(HASH_BYTES),
      peerId: new TextEncoder().encode("-TR3000-abc-~0123456"),
      port: 51413,
      uploaded: 1,
      downloaded: 2,
      left: 3,
      event: "started",
      numwant: 80,
      compact: true,
      noPeerId: false,
      key: "5f2a",
    });
  });

  test("fills in what clients leave out", () => {
    expect(announce(`info_hash=${HASH}${REST}`)).toMatchObject({
      uploaded: 0,
      downloaded: 0,
      left: undefined,
      event: "none",
      numwant: undefined,
      compact: true,
      noPeerId: false,
      key: "",
    });
  });

  test("takes any byte unescaped that reached us, in either case of hexadecimal", () => {
    const raw = "%aB~!*()'.-_/:;,@$^|\u00ff\u0080";
    expect([...announce(`info_hash=${raw}${REST}`).infoHash]).toEqual([
      0xab, 0x7e, 0x21, 0x2a, 0x28, 0x29, 0x27, 0x2e, 0x2d, 0x5f, 0x2f, 0x3a, 0x3b, 0x2c, 0x40, 0x24, 0x5e,
      0x7c, 0xff, 0x80,
    ]);
  });

  test("reads + as a space, as form encoders write it, and %2B as a plus", () => {
    const { infoHash } = announce(`info_hash=+%2B${"a".repeat(18)}${REST}`);
    expect([...infoHash.subarray(0, 2)]).toEqual([0x20, 0x2b]);
  });

  test.each([
    ["-1", undefined],
    ["0", 0],
    ["50", 50],
    ["2147483648", 2147483648],
    ["-2147483648", undefined],
    ["many", undefined],
    ["", undefined],
  ])("reads numwant=%s as %s", (text, numwant) => {
    expect(announce(`info_hash=${HASH}${REST}&numwant=${text}`).numwant).toBe(numwant);
  });

  test("reads left of a client that knows no size as unknown, and an unsigned 64-bit one as a number", () => {
    expect(announce(`info_hash=${HASH}${REST}&left=-1`).left).toBeUndefined();
    expect(announce(`info_hash=${HASH}${REST}&left=18446744073709551615`).left).toBe(2 ** 64);
  });

  test.each([
    ["compact=0", { compact: false, noPeerId: false }],
    ["compact=0&no_peer_id=1", { compact: false, noPeerId: true }],
    ["compact=1&no_peer_id=0", { compact: true, noPeerId: false }],
    ["event=stopped", { event: "stopped" }],
    ["event=completed", { event: "completed" }],
    ["event=", { event: "none" }],
    ["event=paused", { event: "none" }],
    ["port=0", { port: 0 }],
    ["key=first&key=second", { key: "second" }],
    ["key=%00%ff", { key: "\u0000\u00ff" }],
    ["&&=&=x&flag&", { port: 51413 }],
  ])("reads %s", (extra, expected) => {
    expect(announce(`info_hash=${HASH}${REST}&${extra}`)).toMatchObject(expected);
  });

  test("does not read ip=, however it is written", () => {
    expect(
      Object.values(announce(`info_hash=${HASH}${REST}&ip=10.6.6.6&ipv4=10.6.6.6&ipv6=::6`)),
    ).not.toContain("10.6.6.6");
  });

  test.each([
    ["", "info_hash is missing"],
    [`info_hash=${HASH}&info_hash=${HASH}${REST}`, "info_hash is given twice"],
    [`info_hash=${"a".repeat(19)}${REST}`, "info_hash has 19 bytes, not 20"],
    [`info_hash=${"a".repeat(21)}${REST}`, "info_hash has 21 bytes, not 20"],
    [`info_hash=${"0123456789".repeat(4)}${REST}`, "info_hash has 40 bytes, not 20"],
    [`info_hash${REST}`, "info_hash has 0 bytes, not 20"],
    [`info_hash=%zz${"a".repeat(19)}${REST}`, "info_hash is badly escaped"],
    [`info_hash=${"a".repeat(19)}%4${REST}`, "info_hash is badly escaped"],
    [`info_hash=${"a".repeat(19)}%${REST}`, "info_hash is badly escaped"],
    [`info_hash=${"a".repeat(19)}\u0100${REST}`, "info_hash is badly escaped"],
    [`info_hash=${HASH}&port=1`, "peer_id is missing"],
    [`info_hash=${HASH}&peer_id=short&port=1`, "peer_id has 5 bytes, not 20"],
    [`info_hash=${HASH}&peer_id=-TR3000-abcdefghijkl`, "port is not a number from 0 to 65535"],
    [`info_hash=${HASH}${REST}&port=65536`, "port is not a number from 0 to 65535"],
    [`info_hash=${HASH}${REST}&port=-1`, "port is not a number from 0 to 65535"],
    [`info_hash=${HASH}${REST}&port=80x`, "port is not a number from 0 to 65535"],
    [`info_hash=${HASH}${REST}&key=${"k".repeat(65)}`, "key is badly escaped or longer than 64 bytes"],
    [`info_hash=${HASH}${REST}&key=%`, "key is badly escaped or longer than 64 bytes"],
  ])("refuses %s", (query, expected) => {
    expect(reason(query)).toBe(expected);
  });

  test("reads back every 20 bytes, whichever of them are escaped", () => {
    const escapedByte = fc.record({ byte: fc.nat(255), escape: fc.boolean() });
    fc.assert(
      fc.property(fc.array(escapedByte, { minLength: 20, maxLength: 20 }), (bytes) => {
        const raw = bytes.map(({ byte, escape }) =>
          escape || "%&+".includes(String.fromCharCode(byte))
            ? `%${byte.toString(16).padStart(2, "0")}`
            : String.fromCharCode(byte),
        );
        const { infoHash } = announce(`info_hash=${raw.join("")}${REST}`);
        expect([...infoHash]).toEqual(bytes.map(({ byte }) => byte));
      }),
    );
  });

  test("answers anything, and never with numbers out of range", () => {
    const soup = fc.stringMatching(
      /^((info_hash|peer_id|port|left|key|numwant)?=?[%&=+\w\u0080-\u0101-]{0,24}&)*$/,
    );
    fc.assert(
      fc.property(soup, fc.string({ unit: "binary" }), (query, noise) => {
        for (const text of [
          query,
          noise,
          `info_hash=${HASH}${REST}&${query}`,
          `${noise}&info_hash=${HASH}${REST}`,
        ]) {
          const parsed = parseAnnounce(text);
          if (!parsed.ok) continue;
          expect([parsed.infoHash.length, parsed.peerId.length]).toEqual([20, 20]);
          expect(parsed.port).toBeLessThanOrEqual(65535);
          for (const value of [parsed.uploaded, parsed.downloaded, parsed.left ?? 0, parsed.numwant ?? 0])
            expect(value).toSatisfy((n: number) => Number.isInteger(n) && n >= 0 && n <= 1e20);
        }
      }),
    );
  });
});

describe("parseScrape", () => {
  test("reads several info hashes and passes over the rest", () => {
    const parsed = parseScrape(`passkey=x&info_hash=${HASH}&info_hash=${"b".repeat(20)}&`);
    expect(parsed).toEqual({
      ok: true,
      infoHashes: [Uint8Array.from(HASH_BYTES), new Uint8Array(20).fill(0x62)],
    });
  });

  test("names none when the query is empty", () => {
    expect(parseScrape("")).toEqual({ ok: true, infoHashes: [] });
  });

  test("refuses a bad one among good ones, and more than 100", () => {
    expect(parseScrape(`info_hash=${HASH}&info_hash=short`)).toEqual({
      ok: false,
      reason: "info_hash has 5 bytes, not 20",
    });
    expect(parseScrape(`info_hash=${HASH}&`.repeat(101))).toEqual({
      ok: false,
      reason: "more than 100 info hashes",
    });
  });
});
