import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LONGEST_OPENING, tellProtocol } from "../../../src/platform/first-bytes.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("tellProtocol", () => {
  it.each([
    ["\x13BitTorrent protocol", "peer"],
    ["\x13BitTorrent protocol\0\0\0\0\0\0\0\0rest", "peer"],
    ["\x13BitTorrent protoco", "undecided"],
    ["\x13BitTorrent protocoL", "unknown"],
    ["\x13", "undecided"],
    ["", "undecided"],
    ["GET ", "http"],
    ["GET / HTTP/1.1\r\n", "http"],
    ["HEAD /", "http"],
    ["POST /", "http"],
    ["OPTIONS *", "http"],
    ["GE", "undecided"],
    ["GET", "undecided"],
    ["GET\t", "unknown"],
    ["get / HTTP/1.1", "unknown"],
    ["\x16\x03\x01\x02\0\x01", "tls"],
    ["\x16\x03\x01\x02\0", "undecided"],
    ["\x16\x03\x09\x02\0\x01", "unknown"],
    ["\x16\x03\x03\x02\0\x02", "unknown"],
    ["\x14BitTorrent protocol", "unknown"],
  ] as const)("takes %j for %s", (bytes, expected) => {
    expect(tellProtocol(latin1(bytes))).toBe(expected);
  });

  it("never takes back a verdict when more bytes come", () => {
    const openings = fc.oneof(
      fc.constantFrom(
        "\x13BitTorrent protocol",
        "\x16\x03\x03\x01\x7f\x01\x01",
        "GET /x",
        "PUT /",
        "UNSUBSCRIBE /",
        "PROPFINDER",
      ),
      fc.string({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(openings, (text) => {
        const bytes = latin1(text);
        let verdict = "undecided";
        for (let length = 0; length <= bytes.length; length++) {
          const now = tellProtocol(bytes.subarray(0, length));
          if (verdict !== "undecided") expect(now).toBe(verdict);
          verdict = now;
        }
      }),
    );
  });

  it("always decides within the longest opening", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: LONGEST_OPENING, maxLength: 64 }), (bytes) => {
        expect(tellProtocol(bytes)).not.toBe("undecided");
      }),
    );
  });
});
