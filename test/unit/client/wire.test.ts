import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptHandshake, type IncomingPeer } from "../../../src/client/peers/accept.ts";
import { OwnConnectionError, PeerTimeoutError } from "../../../src/client/peers/peer-errors.ts";
import { Wire } from "../../../src/client/peers/wire.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { concatBytes, toHex } from "../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";
import { PieceLayout } from "../../../src/protocol/layout.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryNetwork } from "../../support/memory-transport.ts";
import {
  handshakeBytes,
  hex,
  RecordingHandler,
  ScriptedTransport,
  testInfoHash,
  testPeerId,
} from "../../support/scripted-peer.ts";

/** 10 pieces of 32 KiB; the last one has 1000 bytes. */
const layout = new PieceLayout([9 * 32_768 + 1000], 32_768);
const p = pieceIndex;

/** A wire whose peer has finished its handshake, unless `handshake` is false. */
function connect(options: { reserved?: string; handshake?: boolean; pieceCount?: number } = {}) {
  const clock = new FakeClock();
  const transport = new ScriptedTransport();
  const handler = new RecordingHandler();
  const wire = new Wire({
    transport,
    clock,
    layout: options.pieceCount === undefined ? layout : new PieceLayout([options.pieceCount * 16], 16),
    infoHash: testInfoHash,
    peerId: testPeerId(1),
  });
  wire.start(handler);
  if (options.handshake !== false) {
    transport.deliver(handshakeBytes(options.reserved === undefined ? {} : { reserved: options.reserved }));
    handler.take();
    transport.takeSent();
  }
  return { clock, transport, handler, wire };
}

const message = (id: string, payload = "") => {
  const body = hex(`${id}${payload}`);
  return concatBytes([hex(body.length.toString(16).padStart(8, "0")), body]);
};

describe("a node of the DHT (BEP 5)", () => {
  const withNode = "0000000000000005";
  const ports: number[] = [];
  const open = (reserved: string) => {
    ports.length = 0;
    const transport = new ScriptedTransport();
    const handler = new RecordingHandler();
    const wire = new Wire({
      transport,
      clock: new FakeClock(),
      layout,
      infoHash: testInfoHash,
      peerId: testPeerId(1),
      dht: { port: 6881, onPort: (port) => ports.push(port) },
    });
    wire.start(handler);
    const greeting = transport.takeSent();
    transport.deliver(handshakeBytes({ reserved }));
    return { transport, handler, wire, greeting };
  };

  test("is told of when both are one, and the peer's is heard of once", () => {
    const { transport, greeting } = open(withNode);
    expect(greeting).toBe(toHex(handshakeBytes({ id: 1, reserved: "0000000000100005" })));
    expect(transport.takeSent()).toBe("00000003091ae1");
    // Before it says which pieces it has, as some do.
    transport.deliver(concatBytes([message("09", "c350"), message("0e"), message("09", "c351")]));
    expect(ports).toEqual([50_000]);
    expect(transport.isDestroyed).toBe(false);
  });

  test("is not told of to a peer that is none, whose message means nothing", () => {
    const { transport } = open("0000000000000004");
    expect(transport.takeSent()).toBe("");
    transport.deliver(message("09", "c350"));
    expect(ports).toEqual([]);
  });

  test("is not told of by default", () => {
    const { transport } = connect({ reserved: withNode });
    transport.deliver(message("09", "c350"));
    expect(transport.takeSent()).toBe("");
    expect(transport.isDestroyed).toBe(false);
  });

  test("at half a port ends the connection", () => {
    const { transport } = open(withNode);
    transport.deliver(message("09", "c3"));
    expect(transport.isDestroyed).toBe(true);
  });
});

describe("the handshake", () => {
  test("is sent at once when we dialled, with the bits of BEP 6 and BEP 10", () => {
    const { transport } = connect({ handshake: false });
    expect(transport.takeSent()).toBe(toHex(handshakeBytes({ id: 1 })));
  });

  test("may arrive byte by byte, with messages right behind it", () => {
    const { transport, handler } = connect({ handshake: false });
    const bytes = concatBytes([handshakeBytes({ reserved: "0000000000000004" }), message("0e")]);
    for (const byte of bytes) transport.deliver(Uint8Array.of(byte));
    expect(handler.take()).toEqual(["handshake fast=true extended=false", "pieces 10/10"]);
  });

  test("closes on another protocol at its first wrong byte", () => {
    const { transport, handler } = connect({ handshake: false });
    transport.deliver(hex("13 42 69 75"));
    expect(handler.closeReason).toBeInstanceOf(ProtocolError);
    expect(transport.isDestroyed).toBe(true);
  });

  test("closes on another torrent's info hash", () => {
    const { transport, handler } = connect({ handshake: false });
    transport.deliver(handshakeBytes({ infoHash: new Uint8Array(20) }));
    expect(handler.closeReason?.message).toMatch(/another torrent/);
    expect(handler.calls).toEqual([]);
  });

  test("closes when the peer is ourselves", () => {
    const { transport, handler } = connect({ handshake: false });
    transport.deliver(handshakeBytes({ id: 1 }));
    expect(handler.closeReason).toBeInstanceOf(OwnConnectionError);
  });

  test("is given 10 s, however slowly it trickles in", async () => {
    const { clock, transport, handler } = connect({ handshake: false });
    for (const byte of handshakeBytes().subarray(0, 9)) {
      transport.deliver(Uint8Array.of(byte));
      await clock.advance(1000);
    }
    expect(handler.closes).toBe(0);
    await clock.advance(1001);
    expect(handler.closeReason).toBeInstanceOf(PeerTimeoutError);
    expect(clock.pending).toBe(0);
  });
});

describe("an incoming peer", () => {
  function accept() {
    const clock = new FakeClock();
    const transport = new ScriptedTransport();
    const seen: { peer?: IncomingPeer; refused: number; reason?: Error | undefined } = { refused: 0 };
    acceptHandshake({
      transport,
      clock,
      accepted: (peer) => {
        seen.peer = peer;
      },
      refused: (reason) => {
        seen.refused++;
        seen.reason = reason;
      },
    });
    return { clock, transport, seen };
  }

  test("is answered by the torrent it asked for, and loses none of what it sent", () => {
    const { clock, transport, seen } = accept();
    const bytes = concatBytes([handshakeBytes(), message("02"), message("04", "00000003")]);
    transport.deliver(bytes.subarray(0, 30));
    transport.deliver(bytes.subarray(30, 74));
    if (seen.peer === undefined) throw new Error("not accepted");
    expect(transport.isPaused).toBe(true);
    const handler = new RecordingHandler();
    const wire = new Wire({
      transport,
      clock,
      layout,
      infoHash: testInfoHash,
      peerId: testPeerId(1),
      incoming: seen.peer,
    });
    wire.start(handler);
    expect(transport.takeSent()).toBe(toHex(handshakeBytes({ id: 1 })));
    expect(transport.isPaused).toBe(false);
    transport.deliver(bytes.subarray(74));
    expect(handler.take()).toEqual(["handshake fast=true extended=true", "interested", "have 3"]);
    expect(wire.bytesDown).toBe(bytes.length);
  });

  test("that says nothing is closed after 10 s", async () => {
    const { clock, transport, seen } = accept();
    await clock.advance(10_000);
    expect(seen.reason).toBeInstanceOf(PeerTimeoutError);
    expect([transport.isDestroyed, seen.refused, clock.pending]).toEqual([true, 1, 0]);
  });

  test("that speaks something else is closed, once", () => {
    const { transport, seen } = accept();
    transport.deliver(new Uint8Array(100));
    transport.hangUp();
    expect([seen.refused, seen.peer]).toEqual([1, undefined]);
    expect(seen.reason).toBeInstanceOf(ProtocolError);
  });
});

describe("sending", () => {
  test("collects the messages of one turn into one write", async () => {
    const { transport, wire } = connect();
    wire.interested();
    wire.sendRequest({ piece: p(1), begin: 16_384, length: 16_384 });
    wire.sendHave(p(2));
    expect(transport.takeSent()).toBe("");
    const { writes } = transport;
    await Promise.resolve();
    expect(transport.takeSent()).toBe("00000001020000000d06000000010000400000004000000000050400000002");
    expect(transport.writes - writes).toBe(1);
  });

  test("answers within the delivery, in one write", () => {
    const { transport, handler, wire } = connect();
    handler.onUnchoke = () => {
      wire.sendRequest({ piece: p(0), begin: 0, length: 16_384 });
      wire.sendRequest({ piece: p(0), begin: 16_384, length: 16_384 });
    };
    const { writes } = transport;
    transport.deliver(message("01"));
    expect(transport.takeSent()).toHaveLength(2 * 34);
    expect(transport.writes - writes).toBe(1);
  });

  test("says what we have in the shortest form that the peer understands", () => {
    const forms = (reserved: string) =>
      [new Bitfield(10), Bitfield.full(10), Bitfield.from(hex("a040"), 10)].map((pieces) => {
        const { transport, wire } = connect({ reserved });
        wire.sendPieces(pieces);
        wire.flush();
        return transport.takeSent();
      });
    expect(forms("0000000000000004")).toEqual(["000000010f", "000000010e", "0000000305a040"]);
    expect(forms("0000000000000000")).toEqual(["", "0000000305ffc0", "0000000305a040"]);
  });

  test("tells a change of a flag once", () => {
    const { transport, wire } = connect();
    wire.choke();
    wire.notInterested();
    wire.unchoke();
    wire.unchoke();
    wire.interested();
    wire.interested();
    wire.flush();
    expect(transport.takeSent()).toBe("00000001010000000102");
  });

  test("keeps the messages of BEP 6 and BEP 10 from peers that don't speak them", () => {
    const { transport, wire } = connect({ reserved: "0000000000000000" });
    wire.sendReject({ piece: p(0), begin: 0, length: 1 });
    wire.sendSuggest(p(0));
    wire.sendAllowedFast(p(0));
    wire.sendExtended(3, hex("6465"));
    wire.sendExtendedHandshake({ client: "x", requestQueue: 1, uploadOnly: false, extensions: new Map() });
    wire.flush();
    expect(transport.takeSent()).toBe("");
  });

  test("keeps what was written untouched until the transport has taken it", () => {
    const { transport, wire } = connect();
    const written: Uint8Array[] = [];
    const done: (() => void)[] = [];
    transport.write = (bytes, isDone) => {
      written.push(bytes);
      if (isDone !== undefined) done.push(isDone);
      return true;
    };
    for (let piece = 0; piece < 4; piece++) {
      wire.sendHave(p(piece));
      wire.flush();
    }
    expect(written.map(toHex)).toEqual([0, 1, 2, 3].map((i) => `00000005040000000${i}`));
    for (const call of done) call();
    wire.sendHave(p(9));
    wire.flush();
    expect(toHex(written[4] ?? new Uint8Array())).toBe("000000050400000009");
  });

  test("parts from a peer that never reads what it provokes", () => {
    const { transport, handler, wire } = connect();
    transport.isReading = false;
    handler.onRequest = (block) => wire.sendReject(block);
    const request = message("06", "000000000000000000004000");
    const many = concatBytes(Array.from({ length: 1000 }, () => request));
    let delivered = 0;
    while (handler.closes === 0 && delivered < 200) {
      transport.deliver(many);
      delivered++;
    }
    expect(handler.closeReason?.message).toMatch(/does not read/);
    expect(transport.bufferedBytes).toBeLessThan(1_100_000);
  });
});

describe("time", () => {
  test("a keep-alive goes out after 100 s without a word of ours", async () => {
    const { clock, transport } = connect();
    await clock.advance(60_000);
    transport.deliver(hex("00000000"));
    await clock.advance(39_000);
    expect(transport.takeSent()).toBe("");
    await clock.advance(1001);
    expect(transport.takeSent()).toBe("00000000");
    transport.deliver(hex("00000000"));
    await clock.advance(100_000);
    expect(transport.takeSent()).toBe("00000000");
  });

  test("a silent peer is left after 130 s, a paused one is not", async () => {
    const { clock, handler, wire } = connect();
    await clock.advance(100_000);
    wire.pause();
    await clock.advance(300_000);
    wire.resume();
    await clock.advance(129_000);
    expect(handler.closes).toBe(0);
    await clock.advance(2000);
    expect(handler.closeReason).toBeInstanceOf(PeerTimeoutError);
    expect(clock.pending).toBe(0);
  });
});

describe("closing", () => {
  test("tells the reason once, and nothing after it", async () => {
    const { clock, transport, handler, wire } = connect();
    handler.onHave = () => wire.close(new Error("enough"));
    transport.deliver(concatBytes([message("04", "00000001"), message("02"), message("04", "ffffffff")]));
    transport.deliver(message("02"));
    transport.hangUp(new Error("reset"));
    wire.close();
    wire.interested();
    wire.flush();
    await clock.advance(1_000_000);
    expect([handler.take(), handler.closes, handler.closeReason?.message]).toEqual([[], 1, "enough"]);
    expect([transport.takeSent(), wire.isClosed, clock.pending]).toEqual(["", true, 0]);
  });

  test("passes on why the socket closed", () => {
    const { transport, handler } = connect();
    transport.hangUp(new Error("ECONNRESET"));
    expect(handler.closeReason?.message).toBe("ECONNRESET");
  });

  test("a mistake in the handler ends that connection alone", () => {
    const { transport, handler } = connect();
    handler.onInterested = () => {
      throw new TypeError("ours");
    };
    transport.deliver(message("02"));
    expect(handler.closeReason).toBeInstanceOf(TypeError);
  });
});

test("two wires talk over a slow link on fake time, and count what they carry", async () => {
  const clock = new FakeClock();
  const network = new MemoryNetwork(clock, { delay: 20 });
  const near = network.host("10.0.0.1", { up: 100_000 });
  const far = network.host("10.0.0.2");
  const common = { clock, layout, infoHash: testInfoHash };
  const server = new RecordingHandler();
  let serving: Wire | undefined;
  far.listen(6881, (transport) =>
    acceptHandshake({
      transport,
      clock,
      accepted: (incoming) => {
        serving = new Wire({ ...common, transport, incoming, peerId: testPeerId(2) });
        server.onHandshake = () => serving?.sendPieces(Bitfield.full(10));
        serving.start(server);
      },
      refused: (reason) => {
        throw reason;
      },
    }),
  );
  const dialled = near.dial({ host: "10.0.0.2", port: 6881 }, new AbortController().signal);
  await clock.advance(40);
  const client = new RecordingHandler();
  const wire = new Wire({ ...common, transport: await dialled, peerId: testPeerId(1) });
  wire.start(client);
  await clock.advance(100);
  expect(client.take()).toEqual(["handshake fast=true extended=true", "pieces 10/10"]);
  wire.interested();
  await clock.advance(100);
  expect(server.take()).toEqual(["interested"]);
  expect([wire.bytesUp, wire.bytesDown]).toEqual([serving?.bytesDown, serving?.bytesUp]);
  serving?.close();
  await clock.advance(100);
  expect([client.closes, client.closeReason, server.closes]).toEqual([1, undefined, 1]);
  expect([clock.pending, near.connections, far.connections]).toEqual([0, 0, 0]);
});

test("any bytes at all are answered with calls or a close, never with a throw", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
      fc.boolean(),
      (parts, handshake) => {
        const { transport, handler, clock } = connect({ handshake });
        for (const part of parts) transport.deliver(part);
        if (handler.closes > 0) {
          expect(handler.closeReason).toBeInstanceOf(ProtocolError);
          expect([transport.isDestroyed, clock.pending]).toEqual([true, 0]);
        }
      },
    ),
  );
});
