import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { allowedFastSet } from "../../../../src/client/core/allowed-fast.ts";
import { clientName } from "../../../../src/client/core/client-name.ts";
import { encodeHandshake, HandshakeReader } from "../../../../src/client/core/handshake.ts";
import {
  encodeHaves,
  MessageWriter,
  readU32,
  writePieceHeader,
} from "../../../../src/client/core/messages.ts";
import { fromLatin1, toHex } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";
import { infoHash, peerId } from "../../../../src/protocol/ids.ts";
import { handshakeBytes, hex, testInfoHash, testPeerId } from "../../../support/scripted-peer.ts";

describe("messages are written as the BEPs say", () => {
  test.each<[string, (out: MessageWriter) => void, string]>([
    ["keep-alive", (out) => out.keepAlive(), "00000000"],
    ["choke", (out) => out.choke(), "00000001 00"],
    ["unchoke", (out) => out.unchoke(), "00000001 01"],
    ["interested", (out) => out.interested(), "00000001 02"],
    ["not interested", (out) => out.notInterested(), "00000001 03"],
    ["have", (out) => out.have(0x01020304), "00000005 04 01020304"],
    ["bitfield", (out) => out.bitfield(hex("ff80")), "00000003 05 ff80"],
    ["request", (out) => out.request(1, 0x8000, 0x4000), "0000000d 06 00000001 00008000 00004000"],
    ["cancel", (out) => out.cancel(0xffffffff, 0, 1), "0000000d 08 ffffffff 00000000 00000001"],
    ["suggest", (out) => out.suggest(7), "00000005 0d 00000007"],
    ["have all", (out) => out.haveAll(), "00000001 0e"],
    ["have none", (out) => out.haveNone(), "00000001 0f"],
    ["reject", (out) => out.reject(1, 2, 3), "0000000d 10 00000001 00000002 00000003"],
    ["allowed fast", (out) => out.allowedFast(9), "00000005 11 00000009"],
    ["extended", (out) => out.extended(3, hex("6465")), "00000004 14 03 6465"],
  ])("%s", (_, write, expected) => {
    const out = new MessageWriter();
    write(out);
    expect(toHex(out.written)).toBe(toHex(hex(expected)));
  });

  test("the header of a piece message", () => {
    const target = new Uint8Array(20).fill(0xee);
    writePieceHeader(target, 2, { piece: 5, begin: 0x4000, length: 0x4000 });
    expect(toHex(target)).toBe(toHex(hex("eeee 00004009 07 00000005 00004000 eeeeeeeeee")));
  });

  test("many haves at once", () => {
    expect(toHex(encodeHaves([1, 0x10000]))).toBe(toHex(hex("00000005 04 00000001 00000005 04 00010000")));
  });

  test("end to end, however many there are", () => {
    const out = new MessageWriter();
    for (let i = 0; i < 1000; i++) out.have(i);
    expect(toHex(out.written)).toBe(toHex(encodeHaves(Array.from({ length: 1000 }, (_, i) => i))));
    out.clear();
    out.choke();
    expect(toHex(out.written)).toBe("0000000100");
  });

  test("integers are unsigned", () => {
    expect(readU32(hex("00 ffffffff"), 1)).toBe(4_294_967_295);
  });
});

describe("the handshake", () => {
  test("is written as BEP 3 says, with the bits of BEP 6 and BEP 10", () => {
    const handshake = { infoHash: testInfoHash, peerId: testPeerId(2), fast: true, extended: true };
    expect(toHex(encodeHandshake(handshake))).toBe(toHex(handshakeBytes()));
    expect(toHex(encodeHandshake({ ...handshake, fast: false, extended: false }))).toBe(
      toHex(handshakeBytes({ reserved: "0000000000000000" })),
    );
  });

  test("is read with any reserved bits, and leaves what follows", () => {
    const reader = new HandshakeReader();
    const bytes = new Uint8Array(70);
    bytes.set(handshakeBytes({ reserved: "ffffffffffeffffb" }));
    expect(reader.push(bytes)).toBe(68);
    expect(reader.handshake).toMatchObject({ fast: false, extended: false });
    expect(toHex(reader.handshake?.infoHash ?? new Uint8Array())).toBe("aa".repeat(20));
    expect(toHex(reader.handshake?.peerId ?? new Uint8Array())).toBe(toHex(testPeerId(2)));
  });

  test.each(["14", "13 62", "13 426974546f7272656e742070726f746f636f6d"])("refuses %s at once", (start) => {
    expect(() => new HandshakeReader().push(hex(start))).toThrow(ProtocolError);
  });
});

test("the allowed-fast set is that of BEP 6", () => {
  const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest();
  const options = {
    infoHash: infoHash(new Uint8Array(20).fill(0xaa)),
    host: "80.4.4.200",
    pieceCount: 1313,
    sha1,
  };
  expect(allowedFastSet({ ...options, count: 7 })).toEqual([1059, 431, 808, 1217, 287, 376, 1188]);
  expect(allowedFastSet({ ...options, count: 9 }).slice(7)).toEqual([353, 508]);
  expect(allowedFastSet({ ...options, pieceCount: 3, count: 10 }).toSorted()).toEqual([0, 1, 2]);
  expect(allowedFastSet({ ...options, host: "::1", count: 7 })).toEqual([]);
});

test.each([
  ["-TR3000-abcdefghijkl", "Transmission 3.0.0"],
  ["-TR4060-abcdefghijkl", "Transmission 4.0.6"],
  ["-UT355W-abcdefghijkl", "uTorrent 3.5.5"],
  ["-LT20B0-abcdefghijkl", "libtorrent 2.0.11"],
  ["-lt0D80-abcdefghijkl", "rTorrent 0.13.8"],
  ["-qB4650-abcdefghijkl", "qBittorrent 4.6.5"],
  ["-ZZ1234-abcdefghijkl", "ZZ 1.2.3"],
  ["A2-1-37-0-abcdefghij", "aria2 1.37.0"],
  ["M7-10-5--abc\x1b[31mdef", "M7-10-5--abc"],
  ["\x1b]0;evil\x07abcdefghijk", "unknown"],
])("the peer id %j is shown as %s", (id, name) => {
  expect(clientName(peerId(fromLatin1(id)))).toBe(name);
});
