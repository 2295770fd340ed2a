import { expect, test } from "vitest";
import { encodePex, MAX_PEX_PEERS, parsePex } from "../../../../src/client/core/pex-messages.ts";
import { fromLatin1, toLatin1 } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";

test("the message is that of BEP 11, with IPv6 apart", () => {
  const payload = encodePex(
    [
      { address: { host: "10.0.0.1", port: 0x1a2b }, seed: true, reachable: true },
      { address: { host: "fd00::1", port: 80 }, seed: false, reachable: false },
    ],
    [{ host: "10.0.0.2", port: 1 }],
  );
  const six = "\xfd" + "\0".repeat(14) + "\x01";
  expect(toLatin1(payload)).toBe(
    `d5:added6:\x0a\0\0\x01\x1a\x2b7:added.f1:\x126:added618:${six}\0\x508:added6.f1:\0` +
      "7:dropped6:\x0a\0\0\x02\0\x018:dropped60:e",
  );
  expect(parsePex(payload)).toEqual([
    { host: "10.0.0.1", port: 0x1a2b },
    { host: "fd00::1", port: 80 },
  ]);
});

test("who is known by a name only is left out", () => {
  const named = { host: "peer.example", port: 1 };
  const payload = encodePex([{ address: named, seed: true, reachable: true }], [named]);
  expect(toLatin1(payload)).toBe("d5:added0:7:added.f0:6:added60:8:added6.f0:7:dropped0:8:dropped60:e");
});

test("of a longer list only the first are taken", () => {
  const many = `d5:added${6 * 1000}:${"\x0a\0\0\x01\0\x01".repeat(1000)}e`;
  expect(parsePex(fromLatin1(many))).toHaveLength(MAX_PEX_PEERS);
});

test.each(["", "le", "d5:added5:\x0a\0\0\x01\0e", "d5:added6:\x0a\0\0\x01\0\x01"])(
  "%j is refused",
  (text) => {
    expect(() => parsePex(fromLatin1(text))).toThrow(ProtocolError);
  },
);

test("what has another type says nothing", () => {
  expect(parsePex(fromLatin1("d5:addedi5e6:added6lee"))).toEqual([]);
});
