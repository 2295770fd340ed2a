import { randomFillSync } from "node:crypto";
import type { Random } from "../protocol/ambient.ts";

/** The machine's chance; `bytes` is fit for identifiers that must not be guessed. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};
