/** The small words: bytes, ids, URLs and the escape for terminals. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesEqual,
  concatBytes,
  fromHex,
  fromLatin1,
  toHex,
  toLatin1,
} from "../../../src/protocol/bytes.ts";
import { BoojumError, ProtocolError } from "../../../src/protocol/errors.ts";
import { escapeForTerminal, jsonLine } from "../../../src/protocol/escape.ts";
import { infoHash, infoHashV2, peerId, pieceIndex } from "../../../src/protocol/ids.ts";
import { isTrackerUrl, isWebSeedUrl } from "../../../src/protocol/urls.ts";

describe("bytes", () => {
  it("writes and reads hexadecimal", () => {
    expect(toHex(Uint8Array.of(0, 9, 0xab, 0xff))).toBe("0009abff");
    expect(fromHex("0009aBFf")).toEqual(Uint8Array.of(0, 9, 0xab, 0xff));
    expect(["0", "0g", "0x", " 00", "-1"].map(fromHex)).toEqual(Array(5).fill(undefined));
  });

  it("keeps every byte as a character, beyond what one call takes", () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
    expect(toLatin1(bytes.subarray(0, 3))).toBe("\0\x07\x0e");
    expect(fromLatin1(toLatin1(bytes))).toEqual(bytes);
  });

  it("compares and joins", () => {
    expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
    expect(concatBytes([Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)])).toEqual(
      Uint8Array.of(1, 2, 3),
    );
  });
});

describe("ids", () => {
  it("take their size and no other", () => {
    expect(infoHash(new Uint8Array(20)).length).toBe(20);
    expect(infoHashV2(new Uint8Array(32)).length).toBe(32);
    expect(peerId(new Uint8Array(20)).length).toBe(20);
    expect(pieceIndex(7)).toBe(7);
    expect(() => infoHash(new Uint8Array(19))).toThrow(ProtocolError);
    expect(() => infoHashV2(new Uint8Array(20))).toThrow(ProtocolError);
    expect(() => peerId(new Uint8Array(21))).toThrow(ProtocolError);
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => pieceIndex(value)).toThrow(ProtocolError);
    }
  });
});

describe("errors", () => {
  it("have the name of their class, a word for programs and a cause", () => {
    const cause = new Error("why");
    const error = new ProtocolError("what", { cause });
    expect(error).toBeInstanceOf(BoojumError);
    expect([error.name, error.code, error.message, error.cause]).toEqual([
      "ProtocolError",
      "protocol",
      "what",
      cause,
    ]);
  });
});

describe("URLs from strangers", () => {
  it("are trackers over HTTP and UDP, and web seeds over HTTP", () => {
    for (const url of ["http://t/announce", "https://[::1]:80/announce?x=1", "udp://t:80"]) {
      expect(isTrackerUrl(url)).toBe(true);
    }
    expect(isWebSeedUrl("http://w/a b")).toBe(true);
    expect(isWebSeedUrl("udp://t:80")).toBe(false);
  });

  it.each([
    "",
    "t/announce",
    "//t/announce",
    "wss://t/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://",
    "udp:",
    "http://t/\r\nX: y",
    "ht\ttp://t/",
    `http://t/${"x".repeat(2048)}`,
  ])("are not used: %j", (url) => {
    expect([isTrackerUrl(url), isWebSeedUrl(url)]).toEqual([false, false]);
  });
});

describe("escapeForTerminal", () => {
  it.each([
    ["\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"],
    ["a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"],
    ["\x9b2J\x7f", "\\x9b2J\\x7f"],
    ["gnp\u202egpj.exe", "gnp\\u202egpj.exe"],
    ["\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"],
    ["\ud800x\udc00", "\\ud800x\\udc00"],
    ["a\u2028b\ufeff", "a\\u2028b\\ufeff"],
  ])("shows %j as %s", (text, escaped) => {
    expect(escapeForTerminal(text)).toBe(escaped);
  });

  it.each(["plain text \\ 100%", "日本語 עברית العربية हिन्दी", "می‌خواهم", "👨‍👩‍👧‍👦 é e\u0301"])(
    "leaves %j as it is",
    (text) => {
      expect(escapeForTerminal(text)).toBe(text);
    },
  );

  it("leaves nothing that a terminal obeys, in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapeForTerminal(text);
        expect(escaped).not.toMatch(/[\p{Cc}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/u);
        expect(escapeForTerminal(escaped)).toBe(escaped);
      }),
    );
  });
});

describe("jsonLine", () => {
  it("is one line that no terminal obeys, and means what was written", () => {
    expect(jsonLine({ name: "\x9b2J\u202e\x7f ä" })).toBe('{"name":"\\u009b2J\\u202e\\u007f ä"}\n');
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
        const line = jsonLine([value, text]);
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/u);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify([value, text])));
      }),
    );
  });
});
