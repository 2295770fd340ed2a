import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeExtendedHandshake, parseExtendedHandshake } from "../../../../src/client/core/extension.ts";
import { fromLatin1, toLatin1 } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";

const parse = (text: string) => parseExtendedHandshake(fromLatin1(text));

test("our extension handshake is the dictionary of BEP 10, keys sorted", () => {
  const own = {
    client: "Boojum 0.1.0",
    listenPort: 6881,
    requestQueue: 2000,
    uploadOnly: true,
    metadataSize: 31_235,
    extensions: new Map([["ut_metadata", 3]]),
  };
  expect(toLatin1(encodeExtendedHandshake(own))).toBe(
    "d1:md11:ut_metadatai3ee13:metadata_sizei31235e1:pi6881e4:reqqi2000e11:upload_onlyi1e1:v12:Boojum 0.1.0e",
  );
  expect(
    toLatin1(
      encodeExtendedHandshake({ client: "x", requestQueue: 1, uploadOnly: false, extensions: new Map() }),
    ),
  ).toBe("d1:mde4:reqqi1e11:upload_onlyi0e1:v1:xe");
});

test("a proof goes along under our own name, and only one that could be one is read", () => {
  const proof = Uint8Array.of(1, 2, 3);
  const own = { client: "x", requestQueue: 1, uploadOnly: false, extensions: new Map(), proof };
  expect(toLatin1(encodeExtendedHandshake(own))).toBe(
    "d6:boojum3:\x01\x02\x031:mde4:reqqi1e11:upload_onlyi0e1:v1:xe",
  );
  expect(parse("d6:boojum3:\x01\x02\x03e").proof).toEqual(proof);
  expect(parse(`d6:boojum65:${"x".repeat(65)}e`).proof).toBeUndefined();
  expect(parse("d6:boojumi1ee").proof).toBeUndefined();
});

test("a proof stays what it was when the memory it was read in is used again", () => {
  const memory = Buffer.from(fromLatin1("d6:boojum3:\x01\x02\x03e"));
  const { proof } = parseExtendedHandshake(memory);
  memory.fill(0xff);
  expect(proof).toEqual(Uint8Array.of(1, 2, 3));
});

test("the example of BEP 10 is read, whatever else is in it", () => {
  expect(parse("d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e")).toEqual({
    client: "µTorrent 1.2",
    listenPort: 6881,
    requestQueue: undefined,
    uploadOnly: false,
    metadataSize: undefined,
    extensions: new Map([
      ["LT_metadata", 1],
      ["\xb5T_PEX", 2],
    ]),
  });
});

test.each([
  ["d4:reqqi0ee", "requestQueue"],
  ["d4:reqqi-5ee", "requestQueue"],
  ["d4:reqq3:abce", "requestQueue"],
  ["d1:pi0ee", "listenPort"],
  ["d1:pi65536ee", "listenPort"],
  ["d13:metadata_sizei2147483648ee", "metadataSize"],
  ["d13:metadata_sizei-1ee", "metadataSize"],
  ["d1:v0:e", "client"],
] as const)("%s says nothing about %s", (text, key) => {
  expect(parse(text)[key]).toBeUndefined();
});

test("extensions may be off; ids out of range and giant names are left out", () => {
  const parsed = parse(`d1:md1:ai0e1:bi256e1:ci-1e1:di255e1:e1:x100:${"y".repeat(100)}i5eee`);
  expect([...parsed.extensions]).toEqual([
    ["a", 0],
    ["d", 255],
  ]);
  expect(parse("d1:mi5ee").extensions.size).toBe(0);
});

test("of a longer list of extensions only the first 64 are taken", () => {
  const names = Array.from({ length: 65 }, (_, i) => String.fromCharCode(0x30 + i));
  const parsed = parse(`d1:md${names.map((name) => `1:${name}i1e`).join("")}ee`);
  expect([...parsed.extensions.keys()]).toEqual(names.slice(0, 64));
});

test("a long name is cut to 64 characters", () => {
  expect(parse(`d1:v200000:${"n".repeat(200_000)}e`).client).toBe("n".repeat(64));
});

test.each(["", "le", "i1e", "de ", "d1:v", `${"l".repeat(1000)}`, `d1:ml${"i1e".repeat(2000)}ee`])(
  "%.20s is refused",
  (text) => {
    expect(() => parse(text)).toThrow(ProtocolError);
  },
);

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseExtendedHandshake(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});
