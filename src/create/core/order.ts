/**
 * The order of files in our torrents: by path components, each compared as UTF-8 bytes, a shorter path first. It
 * depends on names alone, not on locale, system or the order of reading, so the same folder always makes the same
 * torrent.
 */

/** Negative, zero or positive as `a` comes before, is, or comes after `b` in UTF-8. Expects well-formed Unicode. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogates (U+10000 and above) before U+E000 to U+FFFF; UTF-8 puts them after. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Compares two paths by {@link compareUtf8}, component by component. */
export function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; ; i++) {
    const x = a[i];
    const y = b[i];
    if (x === undefined || y === undefined) return a.length - b.length;
    const order = x === y ? 0 : compareUtf8(x, y);
    if (order !== 0) return order;
  }
}
