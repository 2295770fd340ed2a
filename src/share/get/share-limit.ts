/** One limit over several downloads. */

export interface Use {
  /** What it moves, bytes a second. */
  readonly rate: number;
  /** What it was allowed at the last look. */
  readonly limit: number;
}

/** Who uses less of his share than this, doesn't need it whole. */
const NEARLY_ALL = 0.85;
/** What somebody who needs less is left for growing, and at the least. */
const ROOM = 1.5;
const LEAST_SHARE = 0.1;

/**
 * Shares `total` out: to all alike, but who needs less than his part leaves the rest to the others. The sum is `total`.
 * @returns bytes a second, in the order of `uses`
 */
export function fairShares(total: number, uses: readonly Use[]): number[] {
  if (!Number.isFinite(total)) return uses.map(() => Number.POSITIVE_INFINITY);
  const least = (total / Math.max(1, uses.length)) * LEAST_SHARE;
  const needs = uses.map(({ rate, limit }) =>
    rate >= NEARLY_ALL * Math.min(limit, total) ? Number.POSITIVE_INFINITY : Math.max(least, rate * ROOM),
  );
  const shares = uses.map(() => 0);
  let left = total;
  const open = new Set(uses.keys());
  while (open.size > 0) {
    const even = left / open.size;
    const modest = [...open].filter((i) => (needs[i] ?? 0) <= even);
    // Nobody needs less than the others: all alike. Else whoever is modest, and again.
    for (const i of modest.length === 0 ? [...open] : modest) {
      shares[i] = modest.length === 0 ? even : (needs[i] ?? 0);
      left -= shares[i] ?? 0;
      open.delete(i);
    }
    if (modest.length > 0 && open.size === 0 && left > 0) {
      // All are modest: what is left is for whoever grows.
      for (const i of uses.keys()) shares[i] = (shares[i] ?? 0) + left / uses.length;
    }
  }
  return shares;
}
