import { describe, expect, it } from "vitest";
import { candidatePorts, portRange } from "../../../src/platform/ports.ts";

describe("portRange", () => {
  it("is the traditional one unless something is said", () => {
    expect(portRange(undefined, undefined)).toEqual({ first: 6881, last: 6999 });
    expect(portRange(6900, undefined)).toEqual({ first: 6900, last: 6999 });
    expect(portRange(undefined, 6889)).toEqual({ first: 6881, last: 6889 });
  });

  it("moves along when what is said lies elsewhere, and never leaves what is a port", () => {
    expect(portRange(50_000, undefined)).toEqual({ first: 50_000, last: 50_118 });
    expect(portRange(65_500, undefined)).toEqual({ first: 65_500, last: 65_535 });
    expect(portRange(undefined, 5_000)).toEqual({ first: 4_882, last: 5_000 });
    expect(portRange(undefined, 20)).toEqual({ first: 1, last: 20 });
  });
});

describe("candidatePorts", () => {
  it("begins with the preferred one, if that may be used", () => {
    expect(candidatePorts(5, 8, 7)).toEqual([7, 5, 6, 8]);
    expect(candidatePorts(5, 8, 9)).toEqual([5, 6, 7, 8]);
    expect(candidatePorts(5, 5, undefined)).toEqual([5]);
    // The port of last time needs no range: only a bound that was said keeps it out.
    expect(candidatePorts(undefined, undefined, 8080).slice(0, 2)).toEqual([8080, 6881]);
    expect(candidatePorts(undefined, 6900, 8080)[0]).toBe(6881);
    expect(candidatePorts(7000, undefined, 6881)[0]).toBe(7000);
  });
});
