/** Damages valid inputs: what a case is depends on its seed and number alone. */
import type { Random } from "../../src/protocol/ambient.ts";
import { seededRandom } from "../support/seeded-random.ts";

const LONGEST = 4096;
/** Where decoders change their mind. */
const INTERESTING = [
  "0",
  "-1",
  "-0",
  "4294967295",
  "4294967296",
  "2147483648",
  "9007199254740993",
  "99999999999999999999",
];
const SPECIAL = 'dlie:0123456789-%/\\&=?#[]{}",\0\n\r\x7f\xff\x80'.split("");

/** One input: usually a damaged sample, sometimes two joined, seldom noise. */
export function damagedInput(samples: readonly Uint8Array[], seed: number, number: number): Uint8Array {
  // The steps of one seed would be another's: numbers are spread first.
  const random = seededRandom(Math.imul(seed ^ (number >>> 16), 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
  const pick = (below: number) => Math.floor(random.next() * below);
  if (random.next() < 0.02) return random.bytes(pick(200));
  let bytes = [...(samples[pick(samples.length)] ?? [])];
  const changes = 1 + pick(random.next() < 0.8 ? 3 : 12);
  for (let change = 0; change < changes; change++) bytes = changed(bytes, samples, random, pick);
  return Uint8Array.from(bytes.slice(0, LONGEST));
}

function changed(
  bytes: number[],
  samples: readonly Uint8Array[],
  random: Random,
  pick: (below: number) => number,
): number[] {
  const at = pick(bytes.length + 1);
  const length = 1 + pick(random.next() < 0.7 ? 4 : bytes.length + 1);
  const characters = (text: string) => Array.from(text, (character) => character.charCodeAt(0));
  switch (pick(10)) {
    case 0:
      return bytes.map((byte, i) => (i === at ? pick(256) : byte));
    case 1:
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << pick(8)) : byte));
    case 2:
      return bytes.toSpliced(at, length);
    case 3:
      return bytes.toSpliced(at, 0, ...bytes.slice(at, at + length));
    case 4:
      return bytes.toSpliced(at, 0, ...random.bytes(Math.min(length, 64)));
    case 5:
      return bytes.slice(0, at);
    case 6:
      return bytes.toSpliced(at, pick(3), ...characters(INTERESTING[pick(INTERESTING.length)] ?? ""));
    case 7:
      return bytes.toSpliced(at, pick(2), ...characters(SPECIAL[pick(SPECIAL.length)] ?? ""));
    case 8: {
      const other = samples[pick(samples.length)] ?? [];
      const from = pick(other.length + 1);
      return bytes.toSpliced(at, pick(length), ...other.slice(from, from + length));
    }
    default: {
      // A number, wherever one is.
      const digit = bytes.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
      return digit < 0 ? bytes.slice().reverse() : bytes.toSpliced(digit, 1, 0x30 + pick(10));
    }
  }
}
