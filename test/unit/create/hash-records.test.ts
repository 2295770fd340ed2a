import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeRecords,
  encodeRecords,
  findRecords,
  HASH_BYTES,
  type HashRecords,
  KEY_BYTES,
  mergeRecords,
  NO_RECORDS,
} from "../../../src/create/core/hash-records.ts";
import { nodeHashes } from "../../../src/platform/hashes.ts";

const { sha256 } = nodeHashes;

/** Records whose keys and hashes are filled with the given numbers. */
function records(...numbers: readonly number[]): HashRecords {
  const fill = (bytes: number) => Uint8Array.from(numbers.flatMap((n) => Array<number>(bytes).fill(n)));
  return { keys: fill(KEY_BYTES), hashes: fill(HASH_BYTES) };
}

/** What is found for each of the wanted numbers, as the number that fills its hash. */
function find(kept: HashRecords, ...wanted: readonly number[]): (number | undefined)[] {
  const found = wanted.map((): number | undefined => undefined);
  findRecords(kept, records(...wanted).keys, (index, hash) => {
    expect(hash).toHaveLength(HASH_BYTES);
    found[index] = hash[0];
  });
  return found;
}

describe("the file of remembered hashes", () => {
  it("comes back as it was written, none or many", () => {
    for (const kept of [NO_RECORDS, records(7), records(1, 2, 3)]) {
      expect(decodeRecords(encodeRecords(kept, sha256), sha256)).toEqual(kept);
    }
  });

  it("is as laid out in its description", () => {
    const bytes = encodeRecords(records(0xab), sha256);
    expect(Buffer.from(bytes).toString("hex")).toMatch(
      /^626f6f6a756d2068617368657320310a00000001(ab){36}[0-9a-f]{32}$/,
    );
    expect(bytes.subarray(-16)).toEqual(sha256(bytes.subarray(0, -16)).subarray(0, 16));
  });

  it("is refused as a whole when any bit of it is wrong, or any byte missing or too many", () => {
    const bytes = encodeRecords(records(1, 2), sha256);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeRecords(damaged, sha256), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeRecords(bytes.subarray(0, length), sha256), `${length} bytes`).toBeUndefined();
    }
    expect(decodeRecords(Uint8Array.of(...bytes, 0), sha256)).toBeUndefined();
  });

  it("is refused, whatever else there may be in its place", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(decodeRecords(bytes, sha256)).toBeUndefined();
      }),
    );
  });
});

describe("looking up", () => {
  it("finds what is kept, in the same order or another, and nothing else", () => {
    const kept = records(1, 2, 3, 4);
    expect(find(kept, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    expect(find(kept, 4, 9, 3, 1, 1)).toEqual([4, undefined, 3, 1, 1]);
    expect(find(kept, 1, 2, 3, 4, 5)).toEqual([1, 2, 3, 4, undefined]);
    expect(find(NO_RECORDS, 1)).toEqual([undefined]);
  });
});

describe("merging", () => {
  it("keeps new records first, and old ones that are not among them while there is room", () => {
    expect(mergeRecords(records(3, 1), records(1, 2, 4, 5), 4)).toEqual(records(3, 1, 2, 4));
    expect(mergeRecords(records(3, 1), records(2), 2)).toEqual(records(3, 1));
    expect(mergeRecords(records(3), NO_RECORDS, 10)).toEqual(records(3));
  });

  it("prefers the new hash of a key", () => {
    const newer = { keys: records(1).keys, hashes: records(9).hashes };
    expect(mergeRecords(newer, records(1, 2), 10).hashes).toEqual(records(9, 2).hashes);
  });
});
