import { expect, test } from "vitest";
import { toHex } from "../../../src/protocol/bytes.ts";
import { SipHash } from "../../../src/tracker/core/sip-hash.ts";

/** From the authors' own table: key 00 to 0f, message 00, 01, ... of the given length. */
test.each([
  [0, "310e0edd47db6f72"],
  [1, "fd67dc93c539f874"],
  [2, "5a4fa9d909806c0d"],
  [3, "2d7efbd796666785"],
  [7, "37d1018bf50002ab"],
  [8, "6224939a79f5f593"],
  [15, "e545be4961ca29a1"],
])("SipHash-2-4 of %i bytes", (length, expected) => {
  const counted = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);
  const out = new Uint8Array(10);
  const hash = new SipHash(counted(16));
  // Twice, since the state is kept.
  for (let i = 0; i < 2; i++) hash.hash(counted(length), out, 1);
  expect(toHex(out)).toBe(`00${expected}00`);
});
