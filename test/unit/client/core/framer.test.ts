import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Framer, type MessageSink } from "../../../../src/client/core/framer.ts";
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

interface Agreed {
  readonly fast?: boolean;
  readonly extended?: boolean;
  readonly lateBitfields?: boolean;
  readonly layout?: PieceLayout;
}

function framer(options: Agreed = {}) {
  const seen = sink();
  return {
    seen,
    framer: new Framer({
      sink: seen,
      layout: options.layout ?? layout,
      fast: options.fast ?? true,
      extended: options.extended ?? true,
      lateBitfields: options.lateBitfields ?? false,
    }),
  };
}

/** Pushes at once; the calls, or the error. */
function feed(bytes: string, options: Agreed = {}): string[] | string {
  const { framer: it, seen } = framer(options);
  try {
    it.push(hex(bytes));
    return seen.calls;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return "closed";
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

describe("a peer is closed", () => {
  test.each([
    ["for a length of 4 GiB, before anything else arrives", "ffffffff"],
    ["for a length just above the longest message", "00040001 63"],
    ["for a long choke", "00000002 0000"],
    ["for a short have", "00000004 04 000000"],
    ["for a long have", "00000006 04 0000000000"],
    ["for a have out of range", "00000005 04 0000000a"],
    ["for a have of piece 2^32 - 1", "00000005 04 ffffffff"],
    ["for a short bitfield", "00000002 05 ff"],
    ["for a long bitfield", "00000004 05 ffc000"],
    ["for spare bits in a bitfield", "00000003 05 ffe0"],
    ["for a bitfield after another", "00000003 05 ffc0 00000003 05 ffc0"],
    ["for a bitfield after a have", "00000005 04 00000001 00000003 05 ffc0"],
    ["for have all after interested", "00000001 02 00000001 0e"],
    ["for have none after a bitfield", "00000003 05 ffc0 00000001 0f"],
    ["for a request of length 0", "0000000d 06 00000001 00000000 00000000"],
    ["for a request above 128 KiB", "0000000d 06 00000001 00000000 00020001"],
    ["for a request past the end of its piece", "0000000d 06 00000001 0003c001 00004000"],
    ["for a request past the end of the torrent", "0000000d 06 00000009 00000000 000003e9"],
    ["for a request whose end overflows", "0000000d 06 00000001 ffffffff 00004000"],
    ["for a request of a piece out of range", "0000000d 06 0000000a 00000000 00000001"],
    ["for a short request", "0000000c 06 00000001 00000000 000000"],
    ["for a short cancel", "0000000c 08 00000001 00000000 000000"],
    ["for an empty block", "00000009 07 00000001 00000000"],
    ["for a block without a place", "00000005 07 00000001"],
    ["for a block above 128 KiB, at its header", "0002000a 07"],
    ["for a block past the end of the torrent", "0000000b 07 00000009 000003e7 abcd"],
    ["for a block of a piece out of range", "0000000a 07 0000000a 00000000 ab"],
    ["for a reject out of range", "0000000d 10 0000000a 00000000 00000001"],
    ["for an allowed-fast piece out of range", "00000005 11 0000000a"],
    ["for a suggested piece out of range", "00000005 0d ffffffff"],
    ["for an extended message without an id", "00000001 14"],
  ])("%s", (_, bytes) => {
    expect(feed(bytes)).toBe("closed");
    const { framer: it } = framer();
    expect(() => {
      for (const byte of hex(bytes)) it.push(Uint8Array.of(byte));
    }).toThrow(ProtocolError);
  });

  test.each(["00000001 0e", "00000001 0f", "00000005 0d 00000001", "00000005 11 00000001"])(
    "for %s, of an extension that was not agreed",
    (bytes) => {
      expect(feed(bytes, { fast: false })).toBe("closed");
    },
  );
});

test("an extended message to somebody who does not speak BEP 10 is skipped", () => {
  expect(feed("00000004 14 03 6465 00000001 02", { extended: false })).toEqual(["interested"]);
});

test("a late bitfield stands for haves where the peer is known to send such, and is held to the same size", () => {
  expect(feed("00000001 0f 00000003 05 a040", { lateBitfields: true })).toEqual(
    feed("00000001 0f 00000005 04 00000000 00000005 04 00000002 00000005 04 00000009"),
  );
  expect(feed("00000001 0f 00000003 05 a020", { lateBitfields: true })).toBe("closed");
  expect(feed("00000001 0f 00000001 0e", { lateBitfields: true })).toBe("closed");
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
