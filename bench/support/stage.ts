/** What the benchmarks work on, and in which order: large files, folders of their own, rounds of contestants in turn. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ChildOptions } from "../../test/support/child.ts";
import { noise } from "../../test/support/data.ts";

const STEP_MIB = 16;

/** Writes a file of `mib` MiB that can't be compressed, the same each time. @returns its path. */
export function noiseFile(file: string, mib: number): string {
  writeFileSync(file, "");
  for (let i = 0; i < mib; i += STEP_MIB)
    writeFileSync(file, noise(Math.min(STEP_MIB, mib - i) << 20, i), { flag: "a" });
  return file;
}

let made = 0;

/** Makes a folder below `place` that no earlier run has used. @returns its path. */
export function freshFolder(place: string, name: string): string {
  const folder = path.join(place, `${name}-${++made}`);
  mkdirSync(folder);
  return folder;
}

/** How many folders {@link freshFolder} has made: a number that no earlier run has seen. */
export function foldersMade(): number {
  return made;
}

/** Nothing of an earlier run is remembered, and nothing of the user's is touched. @param state a folder for all of it */
export function ownFolders(state: string): ChildOptions {
  mkdirSync(state, { recursive: true });
  const names = ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];
  return { env: Object.fromEntries(names.map((name) => [name, state])) };
}

/**
 * Measures every contestant in each round, one after the other, so that a machine that slows down does so for all.
 * @param warmUp a first round that warms the caches and doesn't count
 * @returns the samples of each contestant, in the order given.
 */
export async function inTurn<T, Sample>(
  contestants: Iterable<T>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: boolean },
  measure: (contestant: T) => Promise<Sample>,
): Promise<Map<T, Sample[]>> {
  const samples = new Map([...contestants].map((contestant) => [contestant, [] as Sample[]]));
  for (let round = warmUp ? -1 : 0; round < rounds; round++) {
    for (const [contestant, of] of samples) {
      const sample = await measure(contestant);
      if (round >= 0) of.push(sample);
    }
  }
  return samples;
}
