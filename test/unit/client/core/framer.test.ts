import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Framer, type FramerOptions, type MessageSink } from "../../../../src/client/core/framer.ts";
import { MessageWriter, writePieceHeader } from "../../../../src/client/core/messages.ts";
import type { Bitfield } from "../../../../src/protocol/bitfield.ts";
import { concatBytes, toHex } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";
import { PieceLayout } from "../../../../src/protocol/layout.ts";
import { hex } from "../../../support/scripted-peer.ts";

/** 10 pieces of 256 KiB; the last one has 1000 bytes. */
const layout = new PieceLayout([9 * 262_144 + 1000], 262_144);

/** Writes down what arrives; bytes are read during the call, as they must be. */
function sink(): MessageSink & { readonly calls: string[]; readonly views: Uint8Array[] } {
  const calls: string[] = [];
  const views: Uint8Array[] = [];
  const say =
    (name: string) =>
    (...args: readonly (number | Bitfield)[]) => {
      calls.push([name, ...args.map((arg) => (typeof arg === "number" ? arg : `${arg.count}`))].join(" "));
    };
  return {
    calls,
    views,
    onChoke: say("choke"),
    onUnchoke: say("unchoke"),
    onInterested: say("interested"),
    onNotInterested: say("notInterested"),
    onHave: say("have"),
    onPieces: say("pieces"),
    onRequest: say("request"),
    onCancel: say("cancel"),
    onReject: say("reject"),
    onAllowedFast: say("allowedFast"),
    onSuggest: say("suggest"),
    onBlock(piece, begin, data) {
      calls.push(`block ${piece} ${begin} ${toHex(data)}`);
      views.push(data);
    },
    onExtended(id, payload) {
      calls.push(`extended ${id} ${toHex(payload)}`);
      views.push(payload);
    },
  };
}

type Agreed = Partial<FramerOptions>;

function framer(options: Agreed = {}) {
  const seen = sink();
  return { seen, framer: new Framer({ sink: seen, layout, fast: true, extended: true, ...options }) };
}

/** Pushes at once; the calls, or why the peer is closed. */
function feed(bytes: string, options: Agreed = {}): string[] | string {
  const { framer: it, seen } = framer(options);
  try {
    it.push(hex(bytes));
    return seen.calls;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.message;
  }
}

const block = (piece: number, begin: number, data: Uint8Array) => {
  const header = new Uint8Array(13);
  writePieceHeader(header, 0, { piece, begin, length: data.length });
  return concatBytes([header, data]);
};

describe("each message is told as BEP 3, 6 and 10 mean it", () => {
  test.each([
    ["00000000", []],
    ["00000001 00", ["choke"]],
    ["00000001 01", ["unchoke"]],
    ["00000001 02", ["interested"]],
    ["00000001 03", ["notInterested"]],
    ["00000005 04 00000009", ["have 9"]],
    ["00000003 05 a040", ["pieces 3"]],
    ["0000000d 06 00000001 00004000 00004000", ["request 1 16384 16384"]],
    ["0000000d 06 00000001 00000000 00020000", ["request 1 0 131072"]],
    ["0000000d 06 00000009 00000000 000003e8", ["request 9 0 1000"]],
    ["0000000b 07 00000001 00004000 abcd", ["block 1 16384 abcd"]],
    ["0000000d 08 00000001 00004000 00004000", ["cancel 1 16384 16384"]],
    ["00000003 09 1ae1", []],
    ["00000005 0d 00000002", ["suggest 2"]],
    ["00000001 0e", ["pieces 10"]],
    ["00000001 0f", ["pieces 0"]],
    ["0000000d 10 00000001 00004000 00004000", ["reject 1 16384 16384"]],
    ["00000005 11 00000003", ["allowedFast 3"]],
    ["00000004 14 03 6465", ["extended 3 6465"]],
    ["00000004 15 010203 00000001 02", ["interested"]],
    ["00000001 63 00000001 02", ["interested"]],
  ])("%s", (bytes, calls) => {
    expect(feed(bytes)).toEqual(calls);
  });
});

const late = (id: number) => `sent message ${id}, which is only allowed at the start`;

describe("a peer is closed", () => {
  test.each([
    [
      "for a length of 4 GiB, before anything else arrives",
      "ffffffff",
      "announced a message of 4294967295 bytes",
    ],
    ["for a length just above the longest message", "00040001", "announced a message of 262145 bytes"],
    ["for a long choke", "00000002 0000", "sent a message 0 of 2 bytes instead of 1"],
    ["for a short have", "00000004 04 000000", "sent a message 4 of 4 bytes instead of 5"],
    ["for a long have", "00000006 04 0000000000", "sent a message 4 of 6 bytes instead of 5"],
    ["for a have out of range", "00000005 04 0000000a", "spoke of piece 10 of 10"],
    ["for a have of piece 2^32 - 1", "00000005 04 ffffffff", "spoke of piece 4294967295 of 10"],
    ["for a short bitfield", "00000002 05 ff", "sent a message 5 of 2 bytes instead of 3"],
    ["for a long bitfield", "00000004 05 ffc000", "sent a message 5 of 4 bytes instead of 3"],
    ["for a bitfield after another", "00000003 05 ffc0 00000003 05 ffc0", late(5)],
    ["for a bitfield after a have", "00000005 04 00000001 00000003 05 ffc0", late(5)],
    ["for a bitfield after a block", "0000000a 07 00000001 00000000 ab 00000003 05 ffc0", late(5)],
    ["for have all after interested", "00000001 02 00000001 0e", late(14)],
    ["for have none after a bitfield", "00000003 05 ffc0 00000001 0f", late(15)],
    [
      "for a request of length 0",
      "0000000d 06 00000001 00000000 00000000",
      "spoke of 0 bytes at 0 in piece 1",
    ],
    [
      "for a request above 128 KiB",
      "0000000d 06 00000001 00000000 00020001",
      "spoke of 131073 bytes at 0 in piece 1",
    ],
    [
      "for a request past the end of its piece",
      "0000000d 06 00000001 0003c001 00004000",
      "spoke of 16384 bytes at 245761 in piece 1",
    ],
    [
      "for a request past the end of the torrent",
      "0000000d 06 00000009 00000000 000003e9",
      "spoke of 1001 bytes at 0 in piece 9",
    ],
    [
      "for a request whose end overflows",
      "0000000d 06 00000001 ffffffff 00004000",
      "spoke of 16384 bytes at 4294967295 in piece 1",
    ],
    [
      "for a request of a piece out of range",
      "0000000d 06 0000000a 00000000 00000001",
      "spoke of piece 10 of 10",
    ],
    [
      "for a short request",
      "0000000c 06 00000001 00000000 000000",
      "sent a message 6 of 12 bytes instead of 13",
    ],
    [
      "for a short cancel",
      "0000000c 08 00000001 00000000 000000",
      "sent a message 8 of 12 bytes instead of 13",
    ],
    ["for an empty block", "00000009 07 00000001 00000000", "sent a block of 0 bytes"],
    ["for a block without a place", "00000005 07 00000001", "sent a block of -4 bytes"],
    ["for a block above 128 KiB, at its header", "0002000a 07", "sent a block of 131073 bytes"],
    [
      "for a block past the end of the torrent",
      "0000000b 07 00000009 000003e7 abcd",
      "spoke of 2 bytes at 999 in piece 9",
    ],
    ["for a block of a piece out of range", "0000000a 07 0000000a 00000000 ab", "spoke of piece 10 of 10"],
    ["for a reject out of range", "0000000d 10 0000000a 00000000 00000001", "spoke of piece 10 of 10"],
    ["for an allowed-fast piece out of range", "00000005 11 0000000a", "spoke of piece 10 of 10"],
    ["for a suggested piece out of range", "00000005 0d ffffffff", "spoke of piece 4294967295 of 10"],
    ["for an extended message without an id", "00000001 14", "sent an extended message without an id"],
  ])("%s", (_, bytes, problem) => {
    expect(feed(bytes)).toBe(`the peer ${problem}`);
    const { framer: it } = framer();
    expect(() => {
      for (const byte of hex(bytes)) it.push(Uint8Array.of(byte));
    }).toThrow(ProtocolError);
  });

  test("for spare bits in a bitfield", () => {
    expect(feed("00000003 05 ffe0")).toBe("a bitfield has spare bits set");
  });

  test.each([
    [14, "00000001 0e"],
    [15, "00000001 0f"],
    [13, "00000005 0d 00000001"],
    [17, "00000005 11 00000001"],
    [16, "0000000d 10 00000001 00000000 00000001"],
  ])("for message %d of the fast extension, if that was not agreed", (id, bytes) => {
    expect(feed(bytes, { fast: false })).toBe(`the peer sent message ${id} of the fast extension unasked`);
  });

  test("for a message longer than the bitfield of a large torrent", () => {
    const large = new PieceLayout([4_000_000 * 16], 16);
    expect(feed("0007a122", { layout: large })).toBe("the peer announced a message of 500002 bytes");
    expect(feed("0007a121 63", { layout: large })).toBe("the peer sent a message 99 of 500001 bytes");
  });
});

test("a block may have 128 KiB, and end with its torrent", () => {
  const { framer: it, seen } = framer();
  it.push(block(1, 131_072, new Uint8Array(131_072)));
  it.push(block(9, 999, Uint8Array.of(0xab)));
  expect(seen.calls.map((call) => call.slice(0, 20))).toEqual(["block 1 131072 00000", "block 9 999 ab"]);
});

test("what is skipped may come in parts, behind something else and before it", () => {
  const { framer: it, seen } = framer();
  it.push(hex("00000001 02 00000008 63 0102"));
  it.push(hex("03 04"));
  it.push(hex("050607 00000001 03"));
  expect(seen.calls).toEqual(["interested", "notInterested"]);
});

test("the port of the peer's node is told to whoever wants to know", () => {
  const ports: number[] = [];
  expect(feed("00000003 09 1ae1 00000003 05 ffc0", { onPort: (port) => ports.push(port) })).toEqual([
    "pieces 10",
  ]);
  expect(ports).toEqual([0x1ae1]);
  expect(feed("00000002 09 1a", { onPort: () => undefined })).toBe(
    "the peer sent a message 9 of 2 bytes instead of 3",
  );
});

test("before the torrent's size is known all but extension messages are skipped, whatever they say", () => {
  const all = "00000005 04 ffffffff 00000002 0000 00000004 14 03 6465 00000001 0e 00000003 05 ffff";
  expect(feed(all, { extensionsOnly: true })).toEqual(["extended 3 6465"]);
  expect(feed(all)).toBe("the peer spoke of piece 4294967295 of 10");
});

test("an extended message to somebody who does not speak BEP 10 is skipped", () => {
  expect(feed("00000004 14 03 6465 00000001 02", { extended: false })).toEqual(["interested"]);
});

test("a late bitfield stands for haves where the peer is known to send such, and is held to the same size", () => {
  expect(feed("00000001 0f 00000003 05 a040", { lateBitfields: true })).toEqual(
    feed("00000001 0f 00000005 04 00000000 00000005 04 00000002 00000005 04 00000009"),
  );
  expect(feed("00000001 0f 00000003 05 a020", { lateBitfields: true })).toBe("a bitfield has spare bits set");
  expect(feed("00000001 0f 00000001 0e", { lateBitfields: true })).toBe(`the peer ${late(14)}`);
});

test("extension messages, keep-alives and unknown ones may come before the bitfield", () => {
  expect(feed("00000000 00000004 14 00 6465 00000003 09 1ae1 00000003 05 ffc0")).toEqual([
    "extended 0 6465",
    "pieces 10",
  ]);
});

test("a torrent with millions of pieces has a bitfield longer than any other message", () => {
  const pieceCount = 4_000_000;
  const { framer: it, seen } = framer({ layout: new PieceLayout([pieceCount * 16], 16) });
  const bytes = new Uint8Array(5 + pieceCount / 8).fill(0xff);
  bytes.set(hex("0007a121 05"));
  for (let at = 0; at < bytes.length; at += 60_000) it.push(bytes.subarray(at, at + 60_000));
  expect(seen.calls).toEqual([`pieces ${pieceCount}`]);
});

test("a block that arrives whole is handed over without a copy", () => {
  const { framer: it, seen } = framer();
  const bytes = concatBytes([hex("00000001 02"), block(1, 0, new Uint8Array(16_384))]);
  it.push(bytes);
  expect(seen.views[0]?.buffer).toBe(bytes.buffer);
  expect(seen.views[0]?.byteOffset).toBe(5 + 13);
});

test("blocks that arrive in parts are put together in one and the same memory", () => {
  const { framer: it, seen } = framer();
  for (let n = 0; n < 8; n++) {
    const bytes = block(1, n * 16_384, new Uint8Array(16_384).fill(n));
    it.push(bytes.subarray(0, 10_000));
    it.push(bytes.subarray(10_000));
  }
  expect(new Set(seen.views.map((view) => view.buffer)).size).toBe(1);
  expect(seen.calls[7]).toBe(`block 1 ${7 * 16_384} ${"07".repeat(16_384)}`);
});

test("a long unknown message is skipped without being kept", () => {
  const { framer: it, seen } = framer();
  it.push(hex("00040000 63"));
  for (let i = 0; i < 4; i++) it.push(new Uint8Array(65_536).subarray(i === 3 ? 1 : 0));
  it.push(hex("00000001 02"));
  expect(seen.calls).toEqual(["interested"]);
});

test("nothing is handed over after a stop, even of the same delivery", () => {
  const { framer: it, seen } = framer();
  seen.onInterested = () => it.stop();
  it.push(hex("00000001 01 00000001 02 00000001 00 ffffffff"));
  expect(seen.calls).toEqual(["unchoke"]);
});

/** Valid messages of every kind, as bytes. */
const anyMessage = fc.oneof(
  ...["00000000", "00000001 00", "00000001 01", "00000001 02", "00000001 03", "00000002 63 00"].map((text) =>
    fc.constant(hex(text)),
  ),
  fc.nat(9).map((piece) => written((out) => out.have(piece))),
  fc.nat(9).map((piece) => written((out) => out.allowedFast(piece))),
  fc
    .tuple(fc.nat(8), fc.nat(200_000), fc.integer({ min: 1, max: 60_000 }))
    .map(([piece, begin, length]) => written((out) => out.request(piece, begin, length))),
  fc
    .tuple(fc.nat(8), fc.nat(200_000), fc.uint8Array({ minLength: 1, maxLength: 3000 }))
    .map(([piece, begin, data]) => block(piece, begin, data)),
  fc
    .tuple(fc.nat(255), fc.uint8Array({ maxLength: 2000 }))
    .map(([id, payload]) => written((out) => out.extended(id, payload))),
);

function written(write: (out: MessageWriter) => void): Uint8Array {
  const out = new MessageWriter();
  write(out);
  return out.written.slice();
}

test("a session means the same however the network cuts it", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 }),
      (messages, cuts) => {
        const session = concatBytes([hex("00000003 05 a040"), ...messages]);
        const whole = framer();
        whole.framer.push(session);
        const parts = framer();
        for (let at = 0, i = 0; at < session.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          const part = session.slice(at, end);
          parts.framer.push(part);
          // Whatever was kept of it was copied.
          part.fill(0xdb);
          at = end;
        }
        expect(parts.seen.calls).toEqual(whole.seen.calls);
        expect(parts.seen.calls[0]).toBe("pieces 3");
      },
    ),
  );
});

test("arbitrary bytes end in calls or in a ProtocolError, nothing else", () => {
  const start = fc.constantFrom(
    "",
    "0000000d06",
    "0000000b07",
    "00000003",
    "000000",
    "00000005",
    "00020009 07",
  );
  fc.assert(
    fc.property(start, fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 8 }), (prefix, parts) => {
      const { framer: it } = framer();
      try {
        for (const part of [hex(prefix), ...parts]) it.push(part);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: 500 },
  );
});
