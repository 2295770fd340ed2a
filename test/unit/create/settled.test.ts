import { expect, it } from "vitest";
import { isSettled } from "../../../src/create/core/settled.ts";

const NOW = 1_700_000_000_500_000_000n;
const MS = 1_000_000n;
/** A time that is no whole second. */
const ago = (ms: bigint) => NOW - ms * MS - 1n;

it("trusts a file that was at rest for longer than the system's clock ticks", () => {
  expect(isSettled({ mtimeNs: ago(101n), ctimeNs: ago(101n) }, NOW)).toBe(true);
});

it.each([
  ["its data", { mtimeNs: ago(50n), ctimeNs: ago(5_000n) }],
  ["its inode", { mtimeNs: ago(5_000n), ctimeNs: ago(50n) }],
  ["it, says a clock that is ahead,", { mtimeNs: ago(-60_000n), ctimeNs: ago(5_000n) }],
])("distrusts a file when %s changed just before it was looked at", (_what, times) => {
  expect(isSettled(times, NOW)).toBe(false);
});

it("waits two seconds where times are whole seconds, as on FAT", () => {
  const second = (n: bigint) => (NOW / 1_000_000_000n - n) * 1_000_000_000n;
  expect(isSettled({ mtimeNs: second(1n), ctimeNs: second(1n) }, NOW)).toBe(false);
  expect(isSettled({ mtimeNs: second(2n), ctimeNs: ago(5_000n) }, NOW)).toBe(true);
  expect(isSettled({ mtimeNs: second(60n), ctimeNs: ago(1_000n) }, NOW)).toBe(false);
});
