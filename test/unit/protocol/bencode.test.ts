import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BencodeDict,
  type BencodeOptions,
  bytesAt,
  decodeBencode,
  decodeBencodeDict,
  decodeBencodePrefix,
  dictAt,
  integerAt,
  listAt,
  textAt,
} from "../../../src/protocol/bencode.ts";
import { fromLatin1 } from "../../../src/protocol/bytes.ts";
import { type Encodable, encodeBencode } from "../../../src/protocol/encode.ts";
import { BencodeError } from "../../../src/protocol/errors.ts";
import { cpuMillis } from "../../support/cpu-time.ts";

const decode = (text: string, options?: BencodeOptions) => decodeBencode(fromLatin1(text), options);

/** The error of decoding `text`; fails when there is none, or another kind. */
function refusal(text: string, options?: BencodeOptions): BencodeError {
  try {
    decode(text, options);
  } catch (error) {
    if (error instanceof BencodeError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text.slice(0, 40))} was accepted`);
}

describe("decodeBencode", { timeout: 30_000 }, () => {
  it("decodes the examples of BEP 3", () => {
    expect(decode("4:spam")).toEqual(fromLatin1("spam"));
    expect(decode("i3e")).toBe(3);
    expect(decode("i-3e")).toBe(-3);
    expect(decode("l4:spam4:eggse")).toEqual([fromLatin1("spam"), fromLatin1("eggs")]);
    expect(decode("d3:cow3:moo4:spam4:eggse")).toEqual(
      new Map([
        ["cow", fromLatin1("moo")],
        ["spam", fromLatin1("eggs")],
      ]),
    );
    expect(decode("d4:spaml1:a1:bee")).toEqual(new Map([["spam", [fromLatin1("a"), fromLatin1("b")]]]));
  });

  it("decodes empty values and zero", () => {
    expect(decode("0:")).toEqual(new Uint8Array());
    expect(decode("le")).toEqual([]);
    expect(decode("de")).toEqual(new Map());
    expect(decode("i0e")).toBe(0);
    expect(decode("d0:i1ee")).toEqual(new Map([["", 1]]));
  });

  it("gives integers exactly: numbers when safe, bigints up to 64 bits", () => {
    expect(decode("i999999999999999e")).toBe(999_999_999_999_999);
    expect(decode("i9007199254740991e")).toBe(Number.MAX_SAFE_INTEGER);
    expect(decode("i-9007199254740991e")).toBe(Number.MIN_SAFE_INTEGER);
    expect(decode("i9007199254740992e")).toBe(9_007_199_254_740_992n);
    expect(decode("i9223372036854775807e")).toBe(9_223_372_036_854_775_807n);
    expect(decode("i-9223372036854775808e")).toBe(-9_223_372_036_854_775_808n);
  });

  it("keeps every byte of keys and values, and keys that objects would lose", () => {
    const bytes = Uint8Array.of(0x64, 0x32, 0x3a, 0xff, 0x00, 0x31, 0x3a, 0x80, 0x65);
    expect(decodeBencode(bytes)).toEqual(new Map([["\xff\0", Uint8Array.of(0x80)]]));
    expect(decode("d9:__proto__i1e11:constructori2ee")).toEqual(
      new Map([
        ["__proto__", 1],
        ["constructor", 2],
      ]),
    );
  });

  it("honours the offset of a view", () => {
    const whole = fromLatin1("xxi7exx");
    expect(decodeBencode(whole.subarray(2, 5))).toBe(7);
  });

  it("accepts keys in any order, and keeps it", () => {
    expect([...(decode("d1:bi1e1:ai2ee") as BencodeDict).keys()]).toEqual(["b", "a"]);
  });

  it.each([
    ["nothing", "", 0],
    ["negative zero", "i-0e", 0],
    ["a leading zero", "i03e", 0],
    ["a negative leading zero", "i-03e", 0],
    ["an integer without digits", "ie", 0],
    ["a lone minus", "i-e", 0],
    ["two minuses", "i--1e", 2],
    ["a plus", "i+1e", 1],
    ["a fraction", "i1.5e", 2],
    ["white space in an integer", "i 1e", 1],
    ["an integer without end", "i12", 3],
    ["2^63", "i9223372036854775808e", 0],
    ["-2^63 - 1", "i-9223372036854775809e", 0],
    ["an integer of 20 digits", "i10000000000000000000e", 0],
    ["a string cut short", "5:ab", 0],
    ["a negative length", "-1:a", 0],
    ["a length with a leading zero", "06:abcdef", 0],
    ["a length of two zeros", "00:", 0],
    ["a length of 20 digits", "99999999999999999999:x", 0],
    ["a length without colon", "3abc", 1],
    ["a length that ends the input", "3", 0],
    ["bytes after the value", "i1ei2e", 3],
    ["white space after the value", "i1e\n", 3],
    ["white space before the value", " i1e", 0],
    ["an end without beginning", "e", 0],
    ["a list without end", "li1e", 4],
    ["a dictionary without end", "d1:ai1e", 7],
    ["a key without value", "d1:ae", 4],
    ["a key that is an integer", "di1ei2ee", 1],
    ["a key that is a list", "dlei2ee", 1],
    ["a repeated key", "d1:ai1e1:ai2ee", 7],
    ["a repeated key further on", "d1:ai1e1:bi2e1:ai3ee", 13],
    ["a letter that means nothing", "x", 0],
  ])("refuses %s", (_, text, offset) => {
    expect(refusal(text).offset).toBe(offset);
  });

  it("says what it found, where, without bytes that a terminal would obey", () => {
    expect(refusal("d4:\x1b[2Ji1e4:\x1b[2Ji1ee").message).toBe('key "?[2J" is there twice (at byte 10)');
    expect(refusal("l\x1be").message).toBe("expected a value, found byte 27 (at byte 1)");
    expect(refusal("li1e").message).toBe("the input ends where a value is expected (at byte 4)");
  });

  it("accepts white space at the end when told so, and nothing else", () => {
    expect(decode("i1e \t\r\n", { allowTrailingWhitespace: true })).toBe(1);
    expect(refusal("i1e\n\0", { allowTrailingWhitespace: true }).offset).toBe(4);
  });

  it("takes containers 100 deep and no deeper", () => {
    const nested = (open: string, depth: number) => open.repeat(depth) + "e".repeat(depth);
    expect(() => decode(nested("l", 100))).not.toThrow();
    expect(refusal(nested("l", 101)).offset).toBe(100);
    expect(() => decode("d1:a".repeat(99) + "de" + "e".repeat(99))).not.toThrow();
    expect(refusal("d1:a".repeat(100) + "de" + "e".repeat(100)).message).toMatch(/more than 100 containers/);
    expect(refusal("llee", { maxDepth: 1 }).offset).toBe(1);
  });

  it("refuses hostile nesting at once", () => {
    const time = cpuMillis(() => {
      expect(refusal("l".repeat(200_000)).offset).toBe(100);
      expect(refusal("d1:a".repeat(200_000)).message).toMatch(/more than 100 containers/);
    }, 3);
    expect(time).toBeLessThan(500);
  });

  it("refuses more than 3 million tokens, keys counted", () => {
    const time = cpuMillis(() => {
      expect(refusal("l" + "i0e".repeat(3_333_332) + "e").message).toMatch(/too many values/);
    }, 3);
    expect(time).toBeLessThan(3000);
    expect(() => decode("d1:ai1e1:bi2ee", { maxTokens: 5 })).not.toThrow();
    expect(refusal("d1:ai1e1:bi2ee", { maxTokens: 4 }).offset).toBe(10);
  });

  it("decodes a key of megabytes without a copy per byte", () => {
    const size = 4_000_000;
    const bytes = fromLatin1(`d${size}:${"k".repeat(size)}i1ee`);
    const time = cpuMillis(() => {
      expect((decodeBencode(bytes) as BencodeDict).get("k".repeat(size))).toBe(1);
    }, 3);
    expect(time).toBeLessThan(1000);
  });

  it("tells keys apart that look alike to a hash", () => {
    const keys = Array.from({ length: 2000 }, (_, i) => `k${i.toString(36)}y`);
    const dict = decode(`d${keys.map((key, i) => `${key.length}:${key}i${i}e`).join("")}e`) as BencodeDict;
    expect([...dict.keys()]).toEqual(keys);
  });

  it("gives strings as views of the input", () => {
    const bytes = fromLatin1("3:abc");
    const value = decodeBencode(bytes) as Uint8Array;
    expect(value.buffer).toBe(bytes.buffer);
  });

  it("throws a BencodeError or nothing, whatever the bytes", () => {
    // Letters of the grammar, so that many inputs get past the first byte.
    const byte = fc.oneof(
      fc.constantFrom(...fromLatin1("dlie:-0123456789")),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        try {
          const value = decodeBencode(Uint8Array.from(bytes));
          // Strict: what is accepted is what an encoder would write, but for the order of keys.
          expect(encodeBencode(value).length).toBe(bytes.length);
        } catch (error) {
          if (!(error instanceof BencodeError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses every truncation and gives back what was encoded", () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const bytes = encodeBencode(value);
        expect(encodeBencode(decodeBencode(bytes))).toEqual(bytes);
        for (let end = 0; end < bytes.length; end++) {
          expect(() => decodeBencode(bytes.subarray(0, end))).toThrow(BencodeError);
        }
      }),
    );
  });
});

const { encodable } = fc.letrec<{ encodable: Encodable }>((tie) => ({
  encodable: fc.oneof(
    { depthSize: "small" },
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.uint8Array({ maxLength: 12 }),
    fc.array(tie("encodable"), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.uint8Array({ maxLength: 6 }), tie("encodable")), { maxLength: 4 })
      .map((entries) => new Map(entries.map(([key, value]) => [String.fromCharCode(...key), value]))),
  ),
}));

describe("decodeBencodeDict", () => {
  it("tells where the value of a key of the outermost dictionary lies", () => {
    const bytes = fromLatin1("d1:ad4:infoi9ee4:infod1:bi2ee1:z0:e");
    const { dict, span } = decodeBencodeDict(bytes, "info");
    expect(dict.get("info")).toEqual(new Map([["b", 2]]));
    expect(new TextDecoder().decode(bytes.subarray(span?.start, span?.end))).toBe("d1:bi2ee");
  });

  it("is not misled by the same key inside the value", () => {
    const bytes = fromLatin1("d4:infod4:infoi1e1:zi2eee");
    expect(decodeBencodeDict(bytes, "info").span).toEqual({ start: 7, end: 24 });
  });

  it("gives no span when only an inner dictionary has the key", () => {
    expect(decodeBencodeDict(fromLatin1("d1:ad4:infoi9eee"), "info").span).toBeUndefined();
    expect(decodeBencodeDict(fromLatin1("d1:ald4:infoi9eeee"), "info").span).toBeUndefined();
  });

  it("refuses a root that is not a dictionary", () => {
    expect(() => decodeBencodeDict(fromLatin1("l4:infoi1ee"), "info")).toThrow(BencodeError);
  });
});

describe("decodeBencodePrefix", () => {
  it("stops after one value and tells its length", () => {
    const bytes = fromLatin1("d8:msg_typei1e5:piecei0ee\x00\xffe");
    const { value, length } = decodeBencodePrefix(bytes);
    expect(length).toBe(25);
    expect(integerAt(value as BencodeDict, "msg_type")).toBe(1);
    expect(() => decodeBencodePrefix(fromLatin1("d8:msg_typei1e"))).toThrow(BencodeError);
  });
});

describe("the readers of dictionaries", () => {
  const dict = decode("d1:bi9007199254740992e1:dde1:ii-5e1:lli1ee1:s2:\xc3\xa9e") as BencodeDict;

  it("give a value of the right type, and undefined for any other", () => {
    expect(integerAt(dict, "i")).toBe(-5);
    expect(integerAt(dict, "b")).toBeUndefined();
    expect(integerAt(dict, "s")).toBeUndefined();
    expect(textAt(dict, "s")).toBe("é");
    expect(bytesAt(dict, "s")).toEqual(Uint8Array.of(0xc3, 0xa9));
    expect(bytesAt(dict, "i")).toBeUndefined();
    expect(textAt(dict, "nothing")).toBeUndefined();
    expect(listAt(dict, "l")).toEqual([1]);
    expect(listAt(dict, "d")).toBeUndefined();
    expect(dictAt(dict, "d")).toEqual(new Map());
    expect(dictAt(dict, "l")).toBeUndefined();
  });
});
