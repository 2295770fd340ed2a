import { expect, test } from "vitest";
import { MetadataAssembly } from "../../../../src/client/core/metadata-assembly.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_PART,
  parseMetadataMessage,
} from "../../../../src/client/core/metadata-messages.ts";
import { bytesEqual, fromLatin1, toLatin1 } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";

const truth = Uint8Array.from({ length: 3 * METADATA_PART + 5 }, (_, i) => (i * 7) & 0xff);
const lie = truth.map((byte, i) => (i === 20_000 ? ~byte : byte));
const partOf = (whole: Uint8Array, part: number) =>
  whole.subarray(part * METADATA_PART, (part + 1) * METADATA_PART);
const assembly = () => new MetadataAssembly((bytes) => bytesEqual(bytes, truth));

/** Asks and answers in turn until somebody has it or nobody is asked any more. */
function run(to: MetadataAssembly, peers: Map<number, Uint8Array>): { got?: Uint8Array; liars: number[] } {
  const liars: number[] = [];
  for (let idle = 0; idle < peers.size; ) {
    for (const [peer, data] of peers) {
      const part = to.next(peer);
      idle = part === undefined ? idle + 1 : 0;
      if (part === undefined) continue;
      const received = to.receive(peer, part, partOf(data, part));
      if (received.kind === "complete") return { got: received.metadata, liars };
      if (received.kind !== "wrong") continue;
      for (const liar of received.liars) {
        liars.push(liar);
        peers.delete(liar);
      }
    }
  }
  return { liars };
}

test("the messages are those of BEP 9", () => {
  expect(toLatin1(encodeMetadataRequest(0))).toBe("d8:msg_typei0e5:piecei0ee");
  expect(toLatin1(encodeMetadataReject(3))).toBe("d8:msg_typei2e5:piecei3ee");
  const data = encodeMetadataData(truth, 3);
  expect(toLatin1(data.subarray(0, -5))).toBe("d8:msg_typei1e5:piecei3e10:total_sizei49157ee");
  expect(data.subarray(-5)).toEqual(truth.subarray(-5));
  expect(parseMetadataMessage(data)).toEqual({ kind: "data", part: 3, bytes: truth.subarray(-5) });
  expect(parseMetadataMessage(fromLatin1("d8:msg_typei0e5:piecei7ee"))).toEqual({ kind: "request", part: 7 });
  expect(parseMetadataMessage(encodeMetadataReject(3))).toEqual({ kind: "reject", part: 3 });
  expect(parseMetadataMessage(fromLatin1("d8:msg_typei9e5:piecei7ee"))).toBeUndefined();
});

test.each([
  "",
  "i5e",
  "d8:msg_typei0ee",
  "d5:piecei0ee",
  "d8:msg_typei0e5:piecei-1ee",
  "d8:msg_typei0e5:piecei0eex",
  "d",
])("%j is no message", (text) => {
  expect(() => parseMetadataMessage(fromLatin1(text))).toThrow(ProtocolError);
});

test.each([0, -1, 1.5, 10_000_001, 2 ** 31])("a size of %d bytes is refused", (size) => {
  const to = assembly();
  expect(to.join(1, size)).toBe(false);
  expect(to.next(1)).toBeUndefined();
});

test("several peers are asked for different parts", () => {
  const to = assembly();
  for (const peer of [1, 2, 3]) to.join(peer, truth.length);
  expect([to.next(1), to.next(2), to.next(3), to.next(1)]).toEqual([0, 1, 2, 3]);
});

test("one honest peer among liars of the same size is enough, and only liars are blamed", () => {
  const to = assembly();
  const peers = new Map([1, 2, 3, 4, 5].map((peer) => [peer, peer === 4 ? truth : lie]));
  for (const peer of peers.keys()) to.join(peer, truth.length);
  const { got, liars } = run(to, peers);
  expect(got).toEqual(truth);
  expect(liars).not.toContain(4);
});

test("a liar that gave everything is known at once", () => {
  const to = assembly();
  to.join(1, lie.length);
  expect(run(to, new Map([[1, lie]])).liars).toEqual([1]);
});

test("peers that claim other sizes don't hold up the rest", () => {
  const to = assembly();
  // Fewer would not fill all places; these never answer, and leave in time.
  for (let peer = 10; peer < 20; peer++) {
    to.join(peer, 1000 + peer);
    to.next(peer);
  }
  to.join(1, truth.length);
  expect(to.next(1)).toBeUndefined();
  to.leave(10);
  expect(run(to, new Map([[1, truth]])).got).toEqual(truth);
});

test("what wasn't asked for, or has another length, is not taken", () => {
  const to = assembly();
  to.join(1, truth.length);
  expect(to.receive(1, 0, partOf(truth, 0)).kind).toBe("unwanted");
  expect(to.next(1)).toBe(0);
  expect(to.receive(1, 0, partOf(truth, 0).subarray(1)).kind).toBe("unwanted");
  expect(to.progress.bytesDone).toBe(0);
});

test("a part is kept as it came, also when its memory is used again", () => {
  const to = assembly();
  to.join(1, truth.length);
  const memory = Buffer.alloc(METADATA_PART);
  let got: Uint8Array | undefined;
  for (let part = to.next(1); part !== undefined; part = to.next(1)) {
    const bytes = partOf(truth, part);
    memory.set(bytes);
    const received = to.receive(1, part, memory.subarray(0, bytes.length));
    if (received.kind === "complete") got = received.metadata;
    memory.fill(0);
  }
  expect(got).toEqual(truth);
});

/** `peer` gives a part that it was asked for. */
const give = (to: MetadataAssembly, peer: number, part: number | undefined, data = truth) =>
  to.receive(peer, part ?? -1, partOf(data, part ?? -1)).kind;

test("the largest size that a torrent may have is taken", () => {
  expect(assembly().join(1, 10_000_000)).toBe(true);
});

test("a peer that says the same size again goes on, and one that says another begins anew", () => {
  const to = assembly();
  to.join(1, truth.length);
  expect([to.next(1), to.join(1, truth.length), to.next(1)]).toEqual([0, true, 1]);
  give(to, 1, 0);
  expect(to.join(1, 10)).toBe(true);
  expect(to.next(1)).toBe(0);
  expect(to.progress).toEqual({ bytesDone: 0, bytesTotal: 10 });
});

test("a part is asked of two peers when there is nothing else to ask for, of none twice", () => {
  const to = assembly();
  for (const peer of [1, 2, 3]) to.join(peer, truth.length);
  expect([0, 1, 2, 3].map(() => to.next(1))).toEqual([0, 1, 2, 3]);
  expect(to.next(1)).toBeUndefined();
  give(to, 1, 0);
  expect([to.next(2), to.next(3), to.next(3), to.next(3)]).toEqual([1, 2, 3, undefined]);
  expect([to.next(2), to.next(2)]).toEqual([undefined, undefined]);
});

test("of a part that two give the first counts, and what has come isn't asked for again", () => {
  const to = assembly();
  for (const peer of [1, 2]) to.join(peer, truth.length);
  for (let part = 0; part < 4; part++) to.next(1);
  to.next(2);
  expect(give(to, 1, 0)).toBe("more");
  expect(
    give(
      to,
      2,
      0,
      lie.map((byte) => ~byte),
    ),
  ).toBe("more");
  expect([1, 2, 3].map((part) => give(to, 1, part))).toEqual(["more", "more", "complete"]);
});

test("a part that a peer lets go is asked of the next one, and doesn't count when it comes nevertheless", () => {
  const to = assembly();
  for (const peer of [1, 2]) to.join(peer, truth.length);
  to.next(1);
  to.release(1, 0);
  to.release(1, 3);
  expect(give(to, 1, 0)).toBe("unwanted");
  expect([to.next(2), to.next(1)]).toEqual([0, 1]);
});

test("what a peer was asked for is asked of others when it leaves, and what it gave stays", () => {
  const to = assembly();
  for (const peer of [1, 2]) to.join(peer, truth.length);
  give(to, 1, to.next(1));
  to.next(1);
  to.leave(1);
  expect(to.next(1)).toBeUndefined();
  expect(to.progress).toEqual({ bytesDone: METADATA_PART, bytesTotal: truth.length });
  expect([to.next(2), to.next(2)]).toEqual([1, 2]);
});

test("what several gave is forgotten with the last of them", () => {
  const to = assembly();
  to.join(1, truth.length);
  give(to, 1, to.next(1));
  to.leave(1);
  expect(to.progress).toEqual({ bytesDone: 0, bytesTotal: 0 });
  to.join(2, truth.length);
  expect(to.next(2)).toBe(0);
});

test("after a lie that several told each gives all of it alone, and nobody is blamed before", () => {
  const to = assembly();
  for (const peer of [1, 2]) to.join(peer, truth.length);
  for (const peer of [1, 2, 1]) give(to, peer, to.next(peer), lie);
  expect(to.receive(2, to.next(2) ?? -1, partOf(lie, 3))).toEqual({ kind: "wrong", liars: [] });
  expect([to.next(1), to.next(2), to.next(2)]).toEqual([0, 0, 1]);
  // It's gone, and so is what it gave alone.
  give(to, 2, 0);
  to.leave(2);
  to.join(2, truth.length);
  expect(to.next(2)).toBe(0);
  expect([1, 2, 3].map(() => to.next(1))).toEqual([1, 2, 3]);
  expect([0, 1, 2, 3].map((part) => give(to, 1, part))).toEqual(["more", "more", "more", "complete"]);
});

test("a known liar is asked for nothing more until it says something else", () => {
  const to = assembly();
  to.join(1, lie.length);
  const parts = [0, 1, 2, 3].map(() => to.next(1));
  expect(parts.map((part) => give(to, 1, part, lie))).toEqual(["more", "more", "more", "wrong"]);
  expect(to.next(1)).toBeUndefined();
});

test("six sizes are worked on at a time", () => {
  const to = assembly();
  const asked = [1, 2, 3, 4, 5, 6, 7].map((peer) => {
    to.join(peer, peer * 10);
    return to.next(peer);
  });
  expect(asked).toEqual([0, 0, 0, 0, 0, 0, undefined]);
  to.leave(3);
  expect(to.next(7)).toBe(0);
});

test("the progress told is that of the furthest", () => {
  const to = assembly();
  expect(to.progress).toEqual({ bytesDone: 0, bytesTotal: 0 });
  to.join(1, 2 * METADATA_PART);
  to.next(1);
  expect(to.progress).toEqual({ bytesDone: 0, bytesTotal: 2 * METADATA_PART });
  to.join(2, truth.length);
  for (const bytesDone of [1, 2, 3].map((parts) => parts * METADATA_PART)) {
    give(to, 2, to.next(2));
    expect(to.progress).toEqual({ bytesDone, bytesTotal: truth.length });
  }
});

test("what has one part is done with it", () => {
  const short = truth.subarray(0, 100);
  const to = new MetadataAssembly((bytes) => bytesEqual(bytes, short));
  to.join(1, 100);
  expect(to.next(1)).toBe(0);
  expect(to.receive(1, 0, short)).toEqual({ kind: "complete", metadata: short });
  expect(to.progress).toEqual({ bytesDone: 100, bytesTotal: 100 });
});
