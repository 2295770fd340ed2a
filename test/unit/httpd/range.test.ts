import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentRange, parseRange } from "../../../src/httpd/core/range.ts";

const partial = (...ranges: [number, number][]) => ({
  kind: "partial",
  ranges: ranges.map(([start, end]) => ({ start, end })),
});
const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };

describe("parseRange", () => {
  it.each([
    ["bytes=0-0", partial([0, 0])],
    ["bytes=0-99", partial([0, 99])],
    ["bytes=10-", partial([10, 99])],
    ["bytes=90-1000", partial([90, 99])],
    ["bytes=-1", partial([99, 99])],
    ["bytes=-1000", partial([0, 99])],
    ["Bytes= 5-6 ", partial([5, 6])],
    ["bytes=0-1,,  50-51,", partial([0, 1], [50, 51])],
    ["bytes=50-51,0-1", partial([0, 1], [50, 51])],
    ["bytes=0-10,5-20", partial([0, 20])],
    ["bytes=0-10,11-20", partial([0, 20])],
    ["bytes=0-1,200-300", partial([0, 1])],
    ["bytes=99999999999999999999-", unsatisfiable],
    ["bytes=100-", unsatisfiable],
    ["bytes=-0", unsatisfiable],
    ["bytes=9-5", unsatisfiable],
    ["bytes=0-0,9-5", unsatisfiable],
    ["bytes=-", whole],
    ["bytes=", whole],
    ["bytes=,", whole],
    ["bytes=a-b", whole],
    ["bytes=0x1-2", whole],
    ["bytes=1-2-3", whole],
    ["bytes=0-1, x", whole],
    ["lines=0-1", whole],
    [undefined, whole],
  ])("reads %j of 100 bytes", (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });

  it("finds nothing in an empty file", () => {
    expect(parseRange("bytes=0-", 0)).toEqual(unsatisfiable);
    expect(parseRange("bytes=-5", 0)).toEqual(unsatisfiable);
  });

  it("refuses more separate ranges than anybody needs, and joins any number that touch", () => {
    const many = Array.from({ length: 3_000 }, (_, i) => `${2 * i}-${2 * i}`).join(",");
    expect(parseRange(`bytes=${many}`, 10_000)).toEqual(unsatisfiable);
    expect(parseRange(`bytes=${"0-0,".repeat(3_000)}`, 10)).toEqual(partial([0, 0]));
  });

  it("covers exactly the bytes asked for, in order, each once", () => {
    const spec = fc.oneof(
      fc
        .tuple(fc.nat(60), fc.nat(20))
        .map(([start, more]) => ({ text: `${start}-${start + more}`, start, end: start + more })),
      fc.nat(60).map((start) => ({ text: `${start}-`, start, end: Number.POSITIVE_INFINITY })),
    );
    fc.assert(
      fc.property(
        fc.array(spec, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 70 }),
        (specs, size) => {
          const wanted = Array.from({ length: size }, (_, at) =>
            specs.some(({ start, end }) => start <= at && at <= end),
          );
          const verdict = parseRange(`bytes=${specs.map(({ text }) => text).join(",")}`, size);
          const got = new Array<boolean>(size).fill(false);
          let previous = -2;
          for (const { start, end } of verdict.kind === "partial" ? verdict.ranges : []) {
            expect(start).toBeGreaterThan(previous + 1);
            expect(end).toBeGreaterThanOrEqual(start);
            got.fill(true, start, end + 1);
            previous = end;
          }
          expect(got).toEqual(wanted);
          expect(verdict.kind).toBe(wanted.includes(true) ? "partial" : "unsatisfiable");
        },
      ),
    );
  });

  it("answers any header without throwing", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (text, size) => {
        for (const { start, end } of [parseRange(`bytes=${text}`, size)].flatMap((v) =>
          v.kind === "partial" ? v.ranges : [],
        )) {
          expect(0 <= start && start <= end && end < size).toBe(true);
        }
      }),
    );
  });
});

it("writes Content-Range for a part and for none", () => {
  expect(contentRange({ start: 5, end: 9 }, 100)).toBe("bytes 5-9/100");
  expect(contentRange(undefined, 100)).toBe("bytes */100");
});
