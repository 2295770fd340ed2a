import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../../../src/protocol/bytes.ts";
import { TorrentTable } from "../../../src/tracker/core/torrent-table.ts";

/** Hashes that differ in one byte only, in its first or last place. */
const hashOf = (n: number) => new Uint8Array(20).fill(7).fill(n, n % 2 === 0 ? 0 : 19, n % 2 === 0 ? 1 : 20);

test("holds what a Map would, through growth and deletion", () => {
  const step = fc.record({ key: fc.nat(40), action: fc.constantFrom("set", "set", "delete", "clear?") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const table = new TorrentTable<number>(seed);
      const model = new Map<string, number>();
      for (const [i, { key, action }] of steps.entries()) {
        const hash = hashOf(key);
        if (action === "set") {
          table.set(hash, i);
          model.set(toHex(hash), i);
        } else if (action === "delete") {
          table.delete(hash);
          model.delete(toHex(hash));
        } else if (key === 0) {
          table.clear();
          model.clear();
        }
        expect(table.size).toBe(model.size);
        for (let n = 0; n <= 40; n++) expect(table.get(hashOf(n))).toBe(model.get(toHex(hashOf(n))));
        expect([...table.values()].sort()).toEqual([...model.values()].sort());
      }
    }),
    { numRuns: 50 },
  );
});
