/** Limits that + and - step through: 1, 2 and 5 times powers of ten, from 10 KB/s to 1 GB/s, then none. */
const STEPS: readonly number[] = [1e4, 1e5, 1e6, 1e7, 1e8]
  .flatMap((power) => [power, 2 * power, 5 * power])
  .concat(1e9);

/**
 * @param limit bytes a second; undefined for none
 * @param step up or down
 * @param rate bytes a second at present: the first limit is the step below it, so that it can be felt
 */
export function nextLimit(limit: number | undefined, step: 1 | -1, rate: number): number | undefined {
  const [least = 0] = STEPS;
  if (step === 1) return limit === undefined ? undefined : STEPS.find((one) => one > limit);
  const from = limit ?? (rate > least ? rate : Number.POSITIVE_INFINITY);
  return STEPS.findLast((one) => one < from) ?? least;
}
