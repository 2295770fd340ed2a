/** Flags that may be given several times; each time adds a value. */
import type { Option } from "commander";

type Collect = (text: string, before: readonly string[] | undefined) => readonly string[];

const collectors = new WeakSet<object>();

/** @param check gives the value to keep, or throws what Commander understands */
export function collecting(check: (text: string) => string): Collect {
  const collector: Collect = (text, before) => [...(before ?? []), check(text)];
  collectors.add(collector);
  return collector;
}

export function isRepeatable(option: Option): boolean {
  return option.parseArg !== undefined && collectors.has(option.parseArg);
}
