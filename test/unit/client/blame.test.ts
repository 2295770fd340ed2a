import { describe, expect, it } from "vitest";
import { BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import { Blame } from "../../../src/client/core/blame.ts";
import { sha1 } from "../../support/sim.ts";

const good = new Uint8Array(4 * BLOCK_LENGTH - 5).fill(1);

function bad(...blocks: number[]): Uint8Array {
  const data = good.slice();
  for (const block of blocks) data[block * BLOCK_LENGTH] = 66;
  return data;
}

describe("Blame", () => {
  it("knows the culprit at once when one peer gave everything", () => {
    expect(new Blame(sha1).failed(3, bad(1), [7, 7, 7, 7])).toEqual([7]);
  });

  it("spares the innocent: only whose block differs from the good piece is guilty", () => {
    const blame = new Blame(sha1);
    expect(blame.failed(3, bad(3), [1, 2, 1, 9])).toEqual([]);
    expect(blame.has(3)).toBe(true);
    expect(blame.passed(3, good)).toEqual([9]);
    expect(blame.has(3)).toBe(false);
    expect(blame.passed(3, good)).toEqual([]);
  });

  it("finds several culprits over several failures", () => {
    const blame = new Blame(sha1);
    blame.failed(0, bad(0), [5, 1, 1, 2]);
    blame.failed(0, bad(1, 2), [1, 6, 5, 2]);
    expect([...blame.passed(0, good)].sort()).toEqual([5, 6]);
  });

  it("keeps pieces apart", () => {
    const blame = new Blame(sha1);
    blame.failed(0, bad(0), [5, 1, 1, 2]);
    expect(blame.passed(1, good)).toEqual([]);
    expect(blame.passed(0, good)).toEqual([5]);
  });
});
