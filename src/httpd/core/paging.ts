/** One page of a long list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** From 1. */
  readonly number: number;
  /** At least 1. */
  readonly count: number;
  /** Position of the first item in the whole list, from 0. */
  readonly first: number;
  readonly total: number;
}

/** The page that `asked` (a query parameter) names; the first or last one when it names none. */
export function pageOf<Item>(list: readonly Item[], asked: string | null, size: number): Page<Item> {
  const count = Math.max(1, Math.ceil(list.length / size));
  const wanted = /^\d{1,9}$/.test(asked ?? "") ? Number(asked) : 1;
  const number = Math.min(Math.max(wanted, 1), count);
  const first = (number - 1) * size;
  return { items: list.slice(first, first + size), number, count, first, total: list.length };
}
