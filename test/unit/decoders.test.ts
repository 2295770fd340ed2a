/** What every decoder promises about time and memory; what each accepts is tested beside it, and by `npm run fuzz`. */
import { describe, expect, it } from "vitest";
import { type Target, targets } from "../fuzz/targets.ts";
import { allocatedBytes } from "../support/allocated.ts";
import { cpuMillis } from "../support/cpu-time.ts";

const KIB = 1024;
/** What a byte of the input may cost, in bytes taken, however soon they are given back: most is cutting it up here. */
const MULTIPLE = 400;

/** Long inputs of the kinds that make careless decoders slow: samples over and over, and one character over and over. */
function long({ samples }: Target, length: number): Uint8Array[] {
  const inputs = samples.slice(0, 3).map((sample) => filled(length, (at) => sample[at % sample.length] ?? 0));
  // Valid at first, so that the rest is looked at.
  for (const [i, character] of [..."1%&[\0\n"].entries()) {
    const sample = samples[i % samples.length] ?? new Uint8Array(0);
    const filler = character.charCodeAt(0);
    inputs.push(filled(length, (at) => sample[at] ?? filler));
  }
  return inputs;
}

function filled(length: number, byteAt: (at: number) => number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = byteAt(at);
  return bytes;
}

describe("a decoder", () => {
  it.each(targets)("($name) takes time in proportion to the input's length", (target) => {
    const time = (length: number) =>
      Math.max(...long(target, length).map((input) => cpuMillis(() => target.run(input), 2)));
    time(8 * KIB);
    // Sixteen times the length: quadratic time would be 256 times as much, every time that one looks.
    let excess = Infinity;
    for (let look = 0; look < 3 && excess >= 0; look++)
      excess = Math.min(excess, time(256 * KIB) - 48 * time(16 * KIB) - 100);
    expect(excess).toBeLessThan(0);
  });

  it.each(targets)("($name) takes memory in proportion to the input's length, all in all", (target) => {
    const most = (length: number) =>
      Math.max(...long(target, length).map((input) => allocatedBytes(() => target.run(input))));
    // What is compiled and kept is no part of it.
    most(8 * KIB);
    const [short, whole] = [most(16 * KIB), most(128 * KIB)];
    expect(whole).toBeLessThan(MULTIPLE * 128 * KIB);
    // Eight times the length: what grows with the square would be 64 times as much.
    expect(whole).toBeLessThan(20 * short + 256 * KIB);
  });
});
