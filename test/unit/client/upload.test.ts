import { beforeEach, describe, expect, test } from "vitest";
import { RunBuffers } from "../../../src/client/peers/run-buffers.ts";
import { type RateLimiter, REQUEST_QUEUE, Upload } from "../../../src/client/peers/upload.ts";
import { Wire } from "../../../src/client/peers/wire.ts";
import type { BlockRef } from "../../../src/client/peers/wire-types.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { type PieceIndex, pieceIndex } from "../../../src/protocol/ids.ts";
import { PieceLayout } from "../../../src/protocol/layout.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import {
  handshakeBytes,
  RecordingHandler,
  ScriptedTransport,
  testInfoHash,
  testPeerId,
} from "../../support/scripted-peer.ts";

const BLOCK = 16_384;
const PIECE = 64 * BLOCK;
const layout = new PieceLayout([10 * PIECE], PIECE);

/** Block `n` of `piece`, in 16 KiB blocks. */
function block(piece: number, n: number, length = BLOCK): BlockRef {
  return { piece: pieceIndex(piece), begin: n * BLOCK, length };
}

/** The byte at `offset` of `piece` in {@link TestStorage}. */
const byteAt = (piece: number, offset: number) => (piece * 31 + (offset >> 8) * 7 + offset) & 0xff;

class TestStorage {
  readonly reads: string[] = [];
  /** Answers reads when told, instead of at once. */
  isSlow = false;
  failing: number | undefined;
  readonly #waiting: (() => void)[] = [];

  read(piece: PieceIndex, begin: number, targets: readonly Uint8Array[]): Promise<void> | undefined {
    this.reads.push(`${piece} ${begin} ${targets.reduce((sum, target) => sum + target.length, 0)}`);
    if (piece === this.failing && !this.isSlow) return Promise.reject(new Error("EIO"));
    let at = begin;
    for (const target of targets) {
      for (let i = 0; i < target.length; i++) target[i] = byteAt(piece, at++);
    }
    if (!this.isSlow) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => (piece === this.failing ? reject(new Error("EIO")) : resolve()));
    });
  }

  /** Answers the oldest read. */
  answer(): void {
    this.#waiting.shift()?.();
  }
}

/** Reads `piece` messages and others out of what was sent. */
function decode(sent: string): string[] {
  const messages: string[] = [];
  for (let at = 0; at < sent.length; ) {
    const length = Number.parseInt(sent.slice(at, at + 8), 16);
    const id = Number.parseInt(sent.slice(at + 8, at + 10), 16);
    const body = sent.slice(at + 10, at + 8 + 2 * length);
    const [piece = 0, begin = 0, third = 0] = [0, 8, 16].map((i) =>
      Number.parseInt(body.slice(i, i + 8), 16),
    );
    if (id === 7) {
      const data = body.slice(16);
      const good = Uint8Array.from({ length: data.length / 2 }, (_, i) => byteAt(piece, begin + i));
      messages.push(`piece ${piece} ${begin} ${data === toHex(good) ? "good" : "bad"} ${good.length}`);
    } else if (id === 16) messages.push(`reject ${piece} ${begin} ${third}`);
    else messages.push(`message ${id}`);
    at += 8 + 2 * length;
  }
  return messages;
}

function seeder(options: { fast?: boolean; limiter?: RateLimiter; choking?: boolean } = {}) {
  const clock = new FakeClock();
  const transport = new ScriptedTransport();
  const storage = new TestStorage();
  const buffers = new RunBuffers();
  const handler = new RecordingHandler();
  const errors: string[] = [];
  const wire = new Wire({ transport, clock, layout, infoHash: testInfoHash, peerId: testPeerId(1) });
  wire.start(handler);
  transport.deliver(handshakeBytes(options.fast === false ? { reserved: "0000000000000000" } : {}));
  const upload = new Upload({
    wire,
    storage,
    clock,
    buffers,
    ...(options.limiter !== undefined && { limiter: options.limiter }),
    onReadError: (piece, error) => errors.push(`${piece} ${error instanceof Error ? error.message : ""}`),
  });
  handler.onRequest = (request) => upload.request(request);
  handler.onDrain = () => upload.drained();
  handler.onClose = () => upload.close();
  if (options.choking !== true) upload.unchoke();
  wire.flush();
  transport.takeSent();
  return { clock, transport, storage, buffers, handler, wire, upload, errors };
}

describe("a run of neighbouring requests", () => {
  test("is one read and one write, with a header before each block", async () => {
    const { clock, transport, storage, upload, buffers, wire } = seeder();
    for (const n of [4, 5, 6]) upload.request(block(1, n));
    const { writes } = transport;
    await clock.advance(0);
    expect(storage.reads).toEqual([`1 ${4 * BLOCK} ${3 * BLOCK}`]);
    expect(transport.writes - writes).toBe(1);
    const sent = transport.takeSent();
    expect(sent.startsWith("00004009070000000100010000")).toBe(true);
    expect(decode(sent)).toEqual([4, 5, 6].map((n) => `piece 1 ${n * BLOCK} good ${BLOCK}`));
    expect([wire.payloadUp, buffers.lent, upload.queued]).toEqual([3 * BLOCK, 0, 0]);
  });

  test("ends after 128 KiB, at another piece, at a gap, and when the order changes", async () => {
    const { clock, transport, storage, upload } = seeder();
    for (let n = 0; n < 9; n++) upload.request(block(1, n));
    upload.request(block(2, 9));
    upload.request(block(2, 11));
    upload.request(block(2, 10));
    await clock.advance(0);
    expect(storage.reads).toEqual([
      `1 0 ${8 * BLOCK}`,
      `1 ${8 * BLOCK} ${BLOCK}`,
      `2 ${9 * BLOCK} ${BLOCK}`,
      `2 ${11 * BLOCK} ${BLOCK}`,
      `2 ${10 * BLOCK} ${BLOCK}`,
    ]);
    expect(decode(transport.takeSent()).every((message) => message.includes("good"))).toBe(true);
  });

  test("may have blocks of any length", async () => {
    const { clock, transport, upload } = seeder();
    upload.request(block(1, 0));
    upload.request({ piece: pieceIndex(1), begin: BLOCK, length: 100 });
    upload.request({ piece: pieceIndex(1), begin: BLOCK + 100, length: BLOCK });
    upload.request({ piece: pieceIndex(2), begin: 5, length: 131_072 });
    await clock.advance(0);
    expect(decode(transport.takeSent())).toEqual([
      `piece 1 0 good ${BLOCK}`,
      `piece 1 ${BLOCK} good 100`,
      `piece 1 ${BLOCK + 100} good ${BLOCK}`,
      "piece 2 5 good 131072",
    ]);
  });
});

describe("a peer that does not read", () => {
  test("costs 640 KiB and a capped queue, however much it asks for", async () => {
    const { clock, transport, storage, upload, buffers } = seeder();
    storage.read = () => undefined;
    transport.isReading = false;
    for (let n = 0; n < 10_000; n++) upload.request(block(n % 10, n % 64));
    await clock.advance(1000);
    expect(upload.queued).toBeLessThanOrEqual(REQUEST_QUEUE);
    expect(transport.bufferedBytes).toBeLessThan(524_288 + 131_072 + 8000 * 17 + 1000);
    expect(buffers.lent).toBeLessThanOrEqual(40);
    transport.isReading = true;
    transport.drain();
    await clock.advance(1000);
    expect([upload.queued, buffers.lent, clock.pending]).toEqual([0, 0, 1]);
  });

  test("has what is above its queue rejected when it is fast, and dropped when it is not", () => {
    for (const fast of [true, false]) {
      const { transport, upload, wire } = seeder({ fast });
      for (let n = 0; n < REQUEST_QUEUE; n++) upload.request(block(0, 0));
      upload.request(block(3, 1));
      wire.flush();
      expect(decode(transport.takeSent())).toEqual(fast ? [`reject 3 ${BLOCK} ${BLOCK}`] : []);
      expect(upload.queued).toBe(REQUEST_QUEUE);
    }
  });

  test("gives every buffer back when it leaves", async () => {
    const { clock, transport, upload, buffers, wire } = seeder();
    transport.isReading = false;
    for (let n = 0; n < 64; n++) upload.request(block(0, n));
    await clock.advance(0);
    expect(buffers.lent).toBeGreaterThan(0);
    wire.close();
    transport.drain();
    await clock.advance(0);
    expect([buffers.lent, upload.queued, clock.pending]).toEqual([0, 0, 0]);
  });
});

describe("cancel and choke", () => {
  test("a cancelled request is not read; a fast peer is told so", async () => {
    const { clock, transport, storage, upload } = seeder();
    upload.request(block(1, 0));
    upload.request(block(1, 1));
    upload.cancel(block(1, 0));
    upload.cancel(block(7, 7));
    await clock.advance(0);
    expect(storage.reads).toEqual([`1 ${BLOCK} ${BLOCK}`]);
    expect(decode(transport.takeSent())).toEqual([`reject 1 0 ${BLOCK}`, `piece 1 ${BLOCK} good ${BLOCK}`]);
  });

  test("a choke empties the queue and rejects all but allowed-fast pieces", async () => {
    const { clock, transport, upload } = seeder();
    upload.allowFast(pieceIndex(2));
    upload.request(block(1, 0));
    upload.request(block(2, 0));
    upload.choke();
    upload.request(block(3, 0));
    upload.request(block(2, 1));
    await clock.advance(0);
    expect(decode(transport.takeSent())).toEqual([
      "message 17",
      "message 0",
      `reject 1 0 ${BLOCK}`,
      `reject 3 0 ${BLOCK}`,
      `piece 2 0 good ${BLOCK}`,
      `piece 2 ${BLOCK} good ${BLOCK}`,
    ]);
  });

  test("a choke is all that a peer without BEP 6 hears, even of a block that is being read", async () => {
    const { clock, transport, storage, upload, buffers } = seeder({ fast: false });
    storage.isSlow = true;
    upload.allowFast(pieceIndex(1));
    upload.request(block(1, 0));
    upload.request(block(1, 5));
    await clock.advance(0);
    upload.choke();
    storage.answer();
    await clock.advance(0);
    expect(decode(transport.takeSent())).toEqual(["message 0"]);
    expect([storage.reads.length, buffers.lent]).toEqual([1, 0]);
  });

  test("a fast peer gets the block that was being read when it was choked", async () => {
    const { clock, transport, storage, upload } = seeder();
    storage.isSlow = true;
    upload.request(block(1, 0));
    await clock.advance(0);
    upload.choke();
    storage.answer();
    await clock.advance(0);
    expect(decode(transport.takeSent())).toEqual(["message 0", `piece 1 0 good ${BLOCK}`]);
  });
});

describe("reading", () => {
  test("goes on when a slow disk answers, one run at a time", async () => {
    const { clock, transport, storage, upload } = seeder();
    storage.isSlow = true;
    for (let n = 0; n < 16; n++) upload.request(block(1, n));
    await clock.advance(0);
    expect(storage.reads.length).toBe(1);
    storage.answer();
    await clock.advance(0);
    expect([storage.reads.length, decode(transport.takeSent()).length]).toEqual([2, 8]);
    storage.answer();
    await clock.advance(0);
    expect(decode(transport.takeSent()).length).toBe(8);
  });

  test("that fails rejects the piece's requests, tells the owner, and serves the rest", async () => {
    for (const isSlow of [false, true]) {
      const { clock, transport, storage, upload, errors, buffers } = seeder();
      storage.isSlow = isSlow;
      storage.failing = 1;
      upload.request(block(1, 0));
      upload.request(block(2, 0));
      upload.request(block(1, 9));
      await clock.advance(0);
      storage.answer();
      await clock.advance(0);
      storage.answer();
      await clock.advance(0);
      expect(decode(transport.takeSent())).toEqual([
        `reject 1 0 ${BLOCK}`,
        `reject 1 ${9 * BLOCK} ${BLOCK}`,
        `piece 2 0 good ${BLOCK}`,
      ]);
      expect([errors, buffers.lent]).toEqual([["1 EIO"], 0]);
    }
  });

  test("that throws is a failure like any other", async () => {
    const { clock, storage, upload, errors, wire } = seeder();
    storage.read = () => {
      throw new Error("closed");
    };
    upload.request(block(4, 0));
    await clock.advance(0);
    expect([errors, wire.isClosed]).toEqual([["4 closed"], false]);
  });

  test("that ends after the peer has left sends nothing", async () => {
    const { clock, transport, storage, upload, buffers, wire, errors } = seeder();
    storage.isSlow = true;
    storage.failing = 2;
    upload.request(block(1, 0));
    await clock.advance(0);
    wire.close();
    storage.answer();
    await clock.advance(0);
    expect([transport.takeSent(), buffers.lent, errors]).toEqual(["", 0, []]);
  });
});

describe("fairness", () => {
  test("one peer sends 512 KiB, then another has its turn", async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    for (const name of ["a", "b"]) {
      const transport = new ScriptedTransport();
      const wire = new Wire({ transport, clock, layout, infoHash: testInfoHash, peerId: testPeerId(1) });
      wire.start(new RecordingHandler());
      transport.deliver(handshakeBytes());
      const storage = { read: () => void order.push(name) };
      const upload = new Upload({ wire, storage, clock, buffers: new RunBuffers(), onReadError: () => {} });
      upload.unchoke();
      for (let n = 0; n < 64; n++) upload.request(block(0, n));
    }
    await clock.advance(0);
    expect(order.join("")).toBe("aaaabbbbaaaabbbb");
  });
});

describe("a rate limit", () => {
  let granted: (() => void) | undefined;
  let taken: number[];
  const limiter: RateLimiter = {
    grain: 2 * BLOCK,
    take(bytes, call) {
      taken.push(bytes);
      granted = call;
      return taken.length === 1;
    },
    forget(call) {
      if (granted === call) granted = undefined;
    },
  };
  beforeEach(() => {
    granted = undefined;
    taken = [];
  });

  test("is asked a grain at a time, and nothing is sent before it grants", async () => {
    const { clock, transport, upload } = seeder({ limiter });
    for (let n = 0; n < 4; n++) upload.request(block(1, n));
    await clock.advance(1000);
    expect(taken).toEqual([2 * BLOCK, 2 * BLOCK]);
    expect(decode(transport.takeSent()).length).toBe(2);
    granted?.();
    expect(decode(transport.takeSent()).length).toBe(2);
  });

  test("is not asked twice for what a choke left unsent", async () => {
    const { clock, transport, upload } = seeder({ limiter });
    for (let n = 0; n < 4; n++) upload.request(block(1, n));
    await clock.advance(0);
    upload.choke();
    granted?.();
    upload.unchoke();
    upload.request(block(5, 0));
    await clock.advance(0);
    expect(taken).toEqual([2 * BLOCK, 2 * BLOCK]);
    expect(decode(transport.takeSent()).at(-1)).toBe(`piece 5 0 good ${BLOCK}`);
  });

  test("forgets a peer that has left", async () => {
    const { clock, upload, wire } = seeder({ limiter });
    for (let n = 0; n < 4; n++) upload.request(block(1, n));
    await clock.advance(0);
    expect(granted).toBeDefined();
    wire.close();
    expect(granted).toBeUndefined();
  });
});
