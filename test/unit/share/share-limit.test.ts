import fc from "fast-check";
import { expect, it } from "vitest";
import { fairShares } from "../../../src/share/get/share-limit.ts";

const greedy = { rate: 1_000, limit: 1_000 };

it("gives all the same when all use what they have", () => {
  expect(fairShares(3_000, [greedy, greedy, greedy])).toEqual([1_000, 1_000, 1_000]);
});

it("gives to others what one doesn't need, and leaves him room to grow", () => {
  const [slow, ...others] = fairShares(3_000, [{ rate: 200, limit: 1_000 }, greedy, greedy]);
  expect(slow).toBe(300);
  expect(others).toEqual([1_350, 1_350]);
  // Whoever moves nothing keeps a tenth of his part, so that he can show that he would.
  expect(fairShares(2_000, [{ rate: 0, limit: 1_000 }, greedy])).toEqual([100, 1_900]);
});

it("limits nothing without a limit", () => {
  expect(fairShares(Number.POSITIVE_INFINITY, [greedy])).toEqual([Number.POSITIVE_INFINITY]);
  expect(fairShares(1_000, [])).toEqual([]);
});

it("gives out everything, never more, whatever they use", () => {
  const use = fc.record({
    rate: fc.integer({ min: 0, max: 5_000 }),
    limit: fc.integer({ min: 1, max: 5_000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 100_000 }),
      fc.array(use, { minLength: 1, maxLength: 9 }),
      (total, uses) => {
        const shares = fairShares(total, uses);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(total, 3);
        for (const share of shares) expect(share).toBeGreaterThan(0);
      },
    ),
  );
});
