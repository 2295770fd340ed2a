import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { concatBytes, toHex } from "../../../src/protocol/bytes.ts";
import { merkleRoot } from "../../../src/protocol/merkle.ts";

const { sha256 } = nodeHashes;
const join = (...hashes: Uint8Array[]) => sha256(concatBytes(hashes));
const zero = new Uint8Array(32);
const [a, b, c] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]; // as: three in, three out

describe("merkleRoot", () => {
  it("is the hash itself when there is one", () => {
    expect(merkleRoot(a, 16_384, nodeHashes)).toEqual(a);
  });

  it("fills up to a power of two with zero leaves (BEP 52)", () => {
    expect(merkleRoot(concatBytes([a, b]), 16_384, nodeHashes)).toEqual(join(a, b));
    expect(merkleRoot(concatBytes([a, b, c]), 16_384, nodeHashes)).toEqual(join(join(a, b), join(c, zero)));
    const four = join(join(a, b), join(c, a));
    expect(merkleRoot(concatBytes([a, b, c, a, b]), 16_384, nodeHashes)).toEqual(
      join(four, join(join(b, zero), join(zero, zero))),
    );
  });

  it("fills higher layers with the root of zero leaves, not with zeros", () => {
    const zeros = join(join(zero, zero), join(zero, zero));
    expect(merkleRoot(concatBytes([a, b, c]), 65_536, nodeHashes)).toEqual(join(join(a, b), join(c, zeros)));
  });

  it("hashes with the functions of FIPS 180-4", () => {
    expect(toHex(nodeHashes.sha1(new TextEncoder().encode("abc")))).toBe(
      "a9993e364706816aba3e25717850c26c9cd0d89d",
    );
    expect(toHex(sha256(new TextEncoder().encode("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
