import fc from "fast-check";
import { expect, test } from "vitest";
import { isSameProof } from "../../../../src/client/core/proof.ts";

const proof = fc.uint8Array({ minLength: 1, maxLength: 40 });

test("a proof is the same as its copy", () => {
  fc.assert(fc.property(proof, (bytes) => isSameProof(bytes.slice(), bytes)));
});

test("a proof that differs in one bit, anywhere, is another", () => {
  fc.assert(
    fc.property(proof, fc.nat(), fc.nat(7), (bytes, at, bit) => {
      const said = bytes.slice();
      said[at % said.length] = (said[at % said.length] ?? 0) ^ (1 << bit);
      expect(isSameProof(said, bytes)).toBe(false);
    }),
  );
});

test("two differences don't make up for each other", () => {
  expect(isSameProof(Uint8Array.of(1, 1), Uint8Array.of(2, 2))).toBe(false);
});

test("none, a part or more than a proof is none", () => {
  const expected = Uint8Array.of(1, 2, 3);
  for (const said of [undefined, Uint8Array.of(), Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3, 0)])
    expect(isSameProof(said, expected)).toBe(false);
});
