/** A scratch folder for each test of a file, gone after it. */
import { afterEach, beforeEach } from "vitest";
import { type Scratch, scratch } from "./data.ts";

/** Called once, at the file's top level: `dir` is there before the file's own `beforeEach` and until its `afterEach` are done. */
export function useScratch(): Pick<Scratch, "dir"> {
  let place: Scratch;
  beforeEach(() => {
    place = scratch();
  });
  afterEach(() => place.remove());
  return {
    get dir() {
      return place.dir;
    },
  };
}
