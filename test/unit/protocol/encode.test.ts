import { describe, expect, it } from "vitest";
import { toLatin1 } from "../../../src/protocol/bytes.ts";
import { type Encodable, encodeBencode, RawBencode } from "../../../src/protocol/encode.ts";

const encode = (value: Encodable) => toLatin1(encodeBencode(value));

describe("encodeBencode", () => {
  it("writes the examples of BEP 3", () => {
    expect(encode("spam")).toBe("4:spam");
    expect(encode(3)).toBe("i3e");
    expect(encode(-3)).toBe("i-3e");
    expect(encode(["spam", "eggs"])).toBe("l4:spam4:eggse");
    expect(encode({ spam: "eggs", cow: "moo" })).toBe("d3:cow3:moo4:spam4:eggse");
    expect(encode({ spam: ["a", "b"] })).toBe("d4:spaml1:a1:bee");
    expect(encode({})).toBe("de");
  });

  it("counts bytes, not characters", () => {
    expect(encode("é€😀")).toBe("9:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  });

  it("writes 64-bit integers and negative zero right", () => {
    expect(encode(9_223_372_036_854_775_807n)).toBe("i9223372036854775807e");
    expect(encode(-0)).toBe("i0e");
    expect(encode(Number.MAX_SAFE_INTEGER)).toBe("i9007199254740991e");
  });

  it("sorts keys as raw bytes, integer-like ones too", () => {
    expect(encode({ b: 1, "10": 2, "9": 3, B: 4, "": 5 })).toBe("d0:i5e2:10i2e1:9i3e1:Bi4e1:bi1ee");
    expect(
      encode(
        new Map([
          ["\xff", 1],
          ["a\0", 2],
          ["\x80", 3],
          ["a", 4],
        ]),
      ),
    ).toBe("d1:ai4e2:a\0i2e1:\x80i3e1:\xffi1ee");
  });

  it("leaves out undefined values", () => {
    expect(encode({ a: undefined, b: 1 })).toBe("d1:bi1ee");
    expect(encode(new Map([["a", undefined]]))).toBe("de");
  });

  it("writes raw bencoding as it is", () => {
    expect(encode({ info: new RawBencode(encodeBencode({ z: 1 })) })).toBe("d4:infod1:zi1eee");
  });

  it("refuses what it can't write exactly", () => {
    expect(() => encode(1.5)).toThrow(RangeError);
    expect(() => encode(2 ** 53)).toThrow(RangeError);
    expect(() => encode(Number.NaN)).toThrow(RangeError);
    expect(() => encode({ "€": 1 })).toThrow(RangeError);
  });

  it("writes arrays larger than its first buffer", () => {
    const bytes = encodeBencode(new Uint8Array(100_000).fill(7));
    expect(bytes.length).toBe(100_007);
    expect(bytes[100_006]).toBe(7);
    expect(bytes.byteOffset).toBe(0);
  });
});
