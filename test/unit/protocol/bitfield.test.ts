import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";

describe("Bitfield", () => {
  it("has piece 0 in the highest bit of the first byte (BEP 3)", () => {
    const field = new Bitfield(10);
    field.add(0);
    field.add(9);
    expect([...field.bytes]).toEqual([0b1000_0000, 0b0100_0000]);
    expect([...Bitfield.from(Uint8Array.of(0b0010_0000, 0b1000_0000), 10)]).toEqual([2, 8]);
  });

  it("is full without spare bits", () => {
    expect([...Bitfield.full(10).bytes]).toEqual([0xff, 0b1100_0000]);
    expect([...Bitfield.full(8).bytes]).toEqual([0xff]);
    expect(Bitfield.full(10).isComplete).toBe(true);
    expect(Bitfield.full(0).bytes.length).toBe(0);
  });

  it.each([
    ["too short", [0xff], 9],
    ["too long", [0xff, 0x80, 0], 9],
    ["a spare bit", [0xff, 0b1100_0000], 9],
    ["all spare bits", [0xff, 0xff], 9],
    ["anything for no piece", [0], 0],
  ])("refuses %s", (_, bytes, length) => {
    expect(() => Bitfield.from(Uint8Array.from(bytes), length)).toThrow(ProtocolError);
  });

  it("tells whether a change was one", () => {
    const field = new Bitfield(3);
    expect([field.add(1), field.add(1), field.has(1), field.count]).toEqual([true, false, true, 1]);
    expect([field.delete(1), field.delete(1), field.has(1), field.count]).toEqual([true, false, false, 0]);
  });

  it("has no pieces outside itself, and takes none", () => {
    const field = Bitfield.full(9);
    for (const piece of [-1, 9, 15, 16, 0xffff_ffff]) {
      expect([field.has(piece), field.add(piece), field.delete(piece)]).toEqual([false, false, false]);
    }
    expect(field.count).toBe(9);
  });

  it("copies what it is given, and clones apart", () => {
    const packed = Uint8Array.of(0x80);
    const field = Bitfield.from(packed, 2);
    packed[0] = 0;
    const clone = field.clone();
    clone.add(1);
    expect([field.has(0), field.has(1), clone.count, field.count]).toEqual([true, false, 2, 1]);
  });

  it("is the set of what was added", () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 69 }), { maxLength: 80 });
    fc.assert(
      fc.property(pieces, pieces, (added, deleted) => {
        const field = new Bitfield(70);
        const set = new Set(added);
        for (const piece of added) field.add(piece);
        for (const piece of deleted) expect(field.delete(piece)).toBe(set.delete(piece));
        expect([...field]).toEqual([...set].sort((a, b) => a - b));
        expect([field.count, field.isComplete]).toEqual([set.size, set.size === 70]);
        expect([...Bitfield.from(field.bytes, 70)]).toEqual([...field]);
        expect(Bitfield.from(field.bytes, 70).count).toBe(set.size);
      }),
    );
  });
});
