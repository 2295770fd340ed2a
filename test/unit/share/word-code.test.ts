import { expect, it } from "vitest";
import { infoHash } from "../../../src/protocol/ids.ts";
import { readWordCode } from "../../../src/protocol/word-code.ts";
import { wordCode } from "../../../src/share/find/word-code.ts";
import { WORDS } from "../../../src/share/find/words.ts";

it("is the same for the same torrent, on every machine and in every version", async () => {
  expect(await wordCode(infoHash(new Uint8Array(20).fill(1)))).toBe("59-nectar-jacket-banner");
  expect(await wordCode(infoHash(new Uint8Array(20).fill(2)))).toBe("74-frog-lotus-basket");
});

it("has more than 36 bits, in words that nobody takes for each other", () => {
  expect(new Set(WORDS).size).toBe(1024);
  expect(Math.log2(99 * WORDS.length ** 3)).toBeGreaterThan(36);
  expect(WORDS.filter((word) => !/^[a-z]{3,8}$/.test(word))).toEqual([]);
  // One letter less: two words that have this in common differ by one letter at the most.
  const shorter = WORDS.flatMap((word) => [
    word,
    ...new Set(Array.from(word, (_, i) => `${word.slice(0, i)}?${word.slice(i + 1)}`)),
  ]);
  expect(new Set(shorter).size).toBe(shorter.length);
  const dropped = new Set(
    WORDS.flatMap((word) => Array.from(word, (_, i) => word.slice(0, i) + word.slice(i + 1))),
  );
  expect(WORDS.filter((word) => dropped.has(word))).toEqual([]);
});

it("costs whoever wants a forgery about a fifth of a second a guess", async () => {
  const before = process.cpuUsage();
  await wordCode(infoHash(new Uint8Array(20).fill(3)));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeGreaterThan(50);
});

it.each([
  ["7-otter-lamp-gravel", "7-otter-lamp-gravel"],
  ["7 Otter  LAMP gravel", "7-otter-lamp-gravel"],
  ["99-otter-lamp-gravel", "99-otter-lamp-gravel"],
  ["0-otter-lamp-gravel", undefined],
  ["100-otter-lamp-gravel", undefined],
  ["7-otter-lamp", undefined],
  ["7-otter-lamp-gravel-x", undefined],
  ["otter", undefined],
])("%s is read as %s", (text, code) => {
  expect(readWordCode(text)).toBe(code);
});
