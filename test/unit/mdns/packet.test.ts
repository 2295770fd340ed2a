import fc from "fast-check";
import { expect, it, test } from "vitest";
import { type DnsRecord, query, response } from "../../../src/mdns/core/messages.ts";
import { decodeMessage, encodeMessage } from "../../../src/mdns/packet.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import { cpuMillis } from "../../support/cpu-time.ts";

const bytes = (hex: string) => {
  const found = fromHex(hex.replaceAll(/\s/g, ""));
  if (found === undefined) throw new Error("not hexadecimal");
  return found;
};
/** `_boojum._tcp.local`. */
const TYPE = "075f626f6f6a756d 045f746370 056c6f63616c 00";

test("a question is that of RFC 1035 and 6762: no id, no flags, class IN", () => {
  const asked = encodeMessage(query([{ name: "_boojum._tcp.local", type: "PTR" }]));
  expect(toHex(asked)).toBe(toHex(bytes(`0000 0000 0001 0000 0000 0000 ${TYPE} 000c 0001`)));
});

test("an answer is authoritative, and flushes where it should", () => {
  const record: DnsRecord = { type: "A", name: "a.local", ttl: 120, flush: true, address: "10.0.0.1" };
  const answer = encodeMessage(response([record]));
  const expected = "0000 8400 0000 0001 0000 0000 0161 056c6f63616c 00 0001 8001 00000078 0004 0a000001";
  expect(toHex(answer)).toBe(toHex(bytes(expected)));
  expect(decodeMessage(answer)?.answers).toEqual([record]);
});

it("reads what others write: compressed names, questions that want a unicast answer, unknown types", () => {
  // PTR "x._boojum._tcp.local", SRV and TXT by pointers, an NSEC that nobody here needs.
  const message = bytes(`0000 8400 0000 0004 0000 0000 ${TYPE} 000c 0001 00001194 0004 0178 c00c
    c02a 0021 8001 00000078 0009 0000 0000 1ae1 0161 00
    c02a 0010 8001 00001194 0006 05 623d312e35
    c02a 002f 8001 00000078 0005 c02a 000140`);
  const read = decodeMessage(message);
  expect(read?.answers).toEqual([
    { type: "PTR", name: "_boojum._tcp.local", ttl: 4500, flush: false, target: "x._boojum._tcp.local" },
    { type: "SRV", name: "x._boojum._tcp.local", ttl: 120, flush: true, port: 6881, target: "a" },
    { type: "TXT", name: "x._boojum._tcp.local", ttl: 4500, flush: true, entries: ["b=1.5"] },
  ]);
  const unicast = bytes(`0000 0000 0001 0000 0000 0000 ${TYPE} 000c 8001`);
  expect(decodeMessage(unicast)?.questions).toEqual([{ name: "_boojum._tcp.local", type: "PTR" }]);
});

it.each([
  ["nothing", ""],
  ["half a header", "0000 8400 0000"],
  ["a name that points to itself", "0000 8400 0001 0000 0000 0000 c00c 000c 0001"],
  ["a name that points ahead", "0000 8400 0001 0000 0000 0000 c010 000c 0001 00"],
  ["a name without an end", "0000 8400 0001 0000 0000 0000 3f61"],
  ["an error response", `0000 8403 0001 0000 0000 0000 ${TYPE} 000c 0001`],
  ["more records than it can hold", "0000 8400 0000 ffff 0000 0000"],
  ["a record cut off", `0000 8400 0000 0001 0000 0000 ${TYPE} 000c 0001 00001194 0014 01`],
])("is no message: %s", (_, hex) => {
  expect(decodeMessage(bytes(hex))).toBeUndefined();
});

it("costs little, whatever is in it", () => {
  // A chain of pointers, each to the one before, and as many records as may be that begin at its end.
  const chain = Array.from({ length: 3_500 }, (_, i) => (0xc000 + 12 + 2 * Math.max(0, i - 1)).toString(16));
  const last = (0xc000 + 12 + 2 * 3_400).toString(16);
  const hex = `0000 8400 0001 007f 0000 0000 00 ${chain.join("")} ${`${last} 0001 0001 00000000 0000`.repeat(127)}`;
  const message = bytes(hex);
  // As many as are looked at in a second.
  const time = cpuMillis(() => {
    for (let i = 0; i < 44; i++) decodeMessage(message);
  }, 3);
  expect(time).toBeLessThan(500);
});

it("never throws, and is never larger than what came", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const message = decodeMessage(Uint8Array.of(0, 0, 0x84, 0, 0, 1, 0, 2, 0, 0, 0, 0, ...noise));
      expect(message?.answers.length ?? 0).toBeLessThanOrEqual(2);
    }),
  );
  expect(decodeMessage(new Uint8Array(9_001))).toBeUndefined();
});
