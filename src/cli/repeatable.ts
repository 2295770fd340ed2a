/** Flags that may be given several times; each time adds a value. */
import type { Option } from "commander";

type Collect<T> = (text: string, before: readonly T[] | undefined) => readonly T[];

const collectors = new WeakSet<object>();

/** @param check gives the value to keep, or throws what Commander understands */
export function collecting<T>(check: (text: string) => T): Collect<T> {
  const collector: Collect<T> = (text, before) => [...(before ?? []), check(text)];
  collectors.add(collector);
  return collector;
}

export function isRepeatable(option: Option): boolean {
  return option.parseArg !== undefined && collectors.has(option.parseArg);
}
