import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acceptHandshake } from "../../src/client/peers/accept.ts";
import { RunBuffers } from "../../src/client/peers/run-buffers.ts";
import { Upload } from "../../src/client/peers/upload.ts";
import { Wire } from "../../src/client/peers/wire.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { dialTcp, TcpTransport, tcpDialer } from "../../src/platform/tcp.ts";
import type { Transport, TransportHandler } from "../../src/platform/transport.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import { noise } from "../support/data.ts";
import { RecordingHandler, testInfoHash, testPeerId } from "../support/scripted-peer.ts";

const never = new AbortController().signal;
let server: Server;
let accepted: Socket[];
let address: { host: string; port: number };

beforeEach(async () => {
  accepted = [];
  server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A TCP server's address is never a pipe's name.
  address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
});

afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  server.close();
  await once(server, "close");
});

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(done()).toBe(true);
}

async function firstSocket(): Promise<Socket> {
  await until(() => accepted.length > 0);
  const [socket] = accepted;
  if (socket === undefined) throw new Error("nobody came");
  return socket;
}

function recorder() {
  const seen = {
    text: "",
    bytes: 0,
    drains: 0,
    closes: [] as (Error | undefined)[],
    onData(bytes: Uint8Array) {
      seen.bytes += bytes.length;
      if (seen.text.length < 100) seen.text += new TextDecoder().decode(bytes);
    },
    onDrain: () => void seen.drains++,
    onClose: (error?: Error) => void seen.closes.push(error),
  };
  return seen satisfies TransportHandler;
}

describe("dialling", () => {
  test("gives a transport that knows its peer, from the address it was told to use", async () => {
    const transport = await tcpDialer(() => "127.0.0.2")(address, never);
    expect(transport.remote).toEqual(address);
    const socket = await firstSocket();
    expect(socket.remoteAddress).toBe("127.0.0.2");
    transport.destroy();
  });

  test("is refused where nobody listens", async () => {
    const { port } = address;
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const closed = (other.address() as AddressInfo).port;
    other.close();
    await once(other, "close");
    expect(closed).not.toBe(port);
    await expect(dialTcp({ host: "127.0.0.1", port: closed }, never)).rejects.toThrow(/ECONNREFUSED/);
  });

  test("ends when it is told to, before and during", async () => {
    await expect(dialTcp(address, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    const controller = new AbortController();
    const dialled = dialTcp(address, controller.signal);
    controller.abort(new Error("later"));
    await expect(dialled).rejects.toThrow("later");
  });
});

describe("a TCP transport", () => {
  test("delivers first what was read before it was made", async () => {
    const client = connect(address);
    client.write("the first bytes, and ");
    const socket = await firstSocket();
    socket.resume();
    const [first] = (await once(socket, "data")) as [Buffer];
    socket.pause();
    const transport = new TcpTransport(socket, first);
    const seen = recorder();
    transport.attach(seen);
    transport.resume();
    expect(seen.text).toBe("");
    client.write("the rest");
    await until(() => seen.bytes === 29);
    expect(seen.text).toBe("the first bytes, and the rest");
    client.destroy();
    await until(() => seen.closes.length === 1);
  });

  test("keeps what several connections receive apart, and keeps still while paused", async () => {
    const transports = [await dialTcp(address, never), await dialTcp(address, never)];
    await until(() => accepted.length === 2);
    const seen = transports.map(() => [] as number[]);
    for (const [i, transport] of transports.entries()) {
      let bytes = 0;
      transport.attach({
        ...recorder(),
        onData(data) {
          for (const byte of data) seen[i]?.push(byte);
          bytes += data.length;
          // In the middle of a burst, so that the other connection reads between two reads of this one.
          if (bytes < 300_000) {
            transport.pause();
            setTimeout(() => transport.resume(), 5);
          }
        },
      });
    }
    for (const [i, socket] of accepted.entries()) socket.write(new Uint8Array(400_000).fill(i + 1));
    await until(() => seen.every((bytes) => bytes.length >= 400_000));
    const mixed = seen.map((bytes) => new Set(bytes));
    expect(mixed).toEqual([new Set([1]), new Set([2])]);
    for (const transport of transports) transport.destroy();
  });

  /** Sends 8 MiB to `transport`. @returns how many buffers they came in. */
  async function buffersUsed(transport: Transport, sender: Socket): Promise<number> {
    const memory = new Set<ArrayBufferLike>();
    const hash = createHash("sha1");
    let bytes = 0;
    transport.attach({
      ...recorder(),
      onData(data) {
        memory.add(data.buffer);
        hash.update(data);
        bytes += data.length;
      },
    });
    transport.resume();
    const sent = noise(8 * 1_048_576, 1);
    for (let at = 0; at < sent.length; at += 1_048_576) sender.write(sent.subarray(at, at + 1_048_576));
    await until(() => bytes === sent.length);
    expect(hash.digest("hex")).toBe(createHash("sha1").update(sent).digest("hex"));
    return memory.size;
  }

  /** A connection whose first byte, which `rest` may take away, was read before it became a transport. */
  async function acceptedLate(rest: (first: Uint8Array) => Uint8Array) {
    const client = connect(address);
    client.write("?");
    const socket = await firstSocket();
    const transport = await new Promise<TcpTransport>((resolve) => {
      socket.once("data", (first: Buffer) => {
        socket.pause();
        resolve(new TcpTransport(socket, rest(first)));
      });
      socket.resume();
    });
    return { client, transport };
  }

  test("makes no memory of what it receives on a connection that it dialled", async () => {
    const transport = await dialTcp(address, never);
    expect(await buffersUsed(transport, await firstSocket())).toBe(1);
    transport.destroy();
  });

  test("makes none of what it receives on an accepted one, once its first bytes were read", async () => {
    const { client, transport } = await acceptedLate((first) => first.subarray(1));
    // The first bytes come in a buffer of Node's.
    expect(await buffersUsed(transport, client)).toBe(2);
    client.destroy();
  });

  test("loses nothing that arrives before somebody listens", async () => {
    const { client, transport } = await acceptedLate((first) => first);
    client.write(" and more");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const seen = recorder();
    transport.attach(seen);
    await new Promise((resolve) => setTimeout(resolve, 30));
    transport.pause();
    client.write(", at last");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen.text).toBe("? and more");
    transport.resume();
    await until(() => seen.text === "? and more, at last");
    client.end();
    await until(() => seen.closes.length === 1);
  });

  test("goes over to another handler between two deliveries", async () => {
    const transport = await dialTcp(address, never);
    const socket = await firstSocket();
    const [one, two] = [recorder(), recorder()];
    transport.attach({
      ...one,
      onData(bytes) {
        one.onData(bytes);
        transport.pause();
      },
    });
    socket.write("one");
    await until(() => one.bytes === 3);
    socket.write("two");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([one.bytes, two.bytes]).toEqual([3, 0]);
    transport.attach(two);
    transport.resume();
    await until(() => two.bytes === 3);
    socket.end();
    await until(() => two.closes.length === 1);
    expect([one.closes.length, two.closes]).toEqual([0, [undefined]]);
    const late = recorder();
    transport.attach(late);
    await until(() => late.closes.length === 1);
  });

  test("feels a peer that does not read, and drains when it does", async () => {
    const transport = await dialTcp(address, never);
    const socket = await firstSocket();
    const seen = recorder();
    transport.attach(seen);
    const part = new Uint8Array(1_048_576);
    let done = 0;
    let isFull = false;
    for (let i = 0; i < 64 && !isFull; i++) {
      isFull = !transport.write(part, () => done++);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(isFull).toBe(true);
    expect(transport.bufferedBytes).toBeGreaterThan(0);
    expect(seen.drains).toBe(0);
    socket.resume();
    await until(() => seen.drains === 1 && transport.bufferedBytes === 0);
    expect(done).toBeGreaterThan(0);
    transport.destroy();
    await until(() => seen.closes.length === 1);
  });

  test("calls done for what a close threw away, and tells a reset as an error", async () => {
    const transport = await dialTcp(address, never);
    const socket = await firstSocket();
    const seen = recorder();
    transport.attach(seen);
    let done = 0;
    for (let i = 0; i < 32; i++) transport.write(new Uint8Array(1_048_576), () => done++);
    socket.resetAndDestroy();
    await until(() => seen.closes.length === 1);
    expect(seen.closes[0]).toBeInstanceOf(Error);
    expect(transport.write(new Uint8Array(1), () => done++)).toBe(false);
    await until(() => done === 33);
  });
});

/** 40 pieces of 256 KiB and a short one, made of numbers. */
const layout = new PieceLayout([40 * 262_144 + 5000], 262_144);
const content = new Uint8Array(layout.totalLength).map((_, i) => (i * 2_654_435_761) >>> 13);

test("a torrent's data travel from one wire to another over real sockets, and nothing is left", async () => {
  const buffers = new RunBuffers();
  let seeding: Wire | undefined;
  const seeder = new RecordingHandler();
  server.on("connection", (socket) => {
    acceptHandshake({
      transport: new TcpTransport(socket),
      clock: systemClock,
      accepted(incoming) {
        const { transport } = incoming;
        const wire = new Wire({
          transport,
          incoming,
          layout,
          clock: systemClock,
          infoHash: testInfoHash,
          peerId: testPeerId(1),
        });
        const upload = new Upload({
          wire,
          clock: systemClock,
          buffers,
          storage: {
            read(piece, begin, targets) {
              let at = piece * layout.pieceLength + begin;
              for (const target of targets) {
                target.set(content.subarray(at, at + target.length));
                at += target.length;
              }
              // Every other read is answered later, as from a disk.
              return begin === 0 ? Promise.resolve() : undefined;
            },
          },
          onReadError: (_, error) => expect.unreachable(String(error)),
        });
        seeder.onHandshake = () => wire.sendPieces(Bitfield.full(layout.pieceCount));
        seeder.onInterested = () => upload.unchoke();
        seeder.onRequest = (block) => upload.request(block);
        seeder.onDrain = () => upload.drained();
        wire.start(seeder);
        seeding = wire;
      },
      refused: (reason) => expect.unreachable(String(reason)),
    });
  });
  const wire = new Wire({
    transport: await dialTcp(address, never),
    layout,
    clock: systemClock,
    infoHash: testInfoHash,
    peerId: testPeerId(2),
  });
  const got = new Uint8Array(content.length);
  const leecher = new RecordingHandler();
  leecher.onPieces = () => wire.interested();
  leecher.onUnchoke = () => {
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      for (let begin = 0; begin < layout.pieceSize(piece); begin += 16_384) {
        const length = Math.min(16_384, layout.pieceSize(piece) - begin);
        wire.sendRequest({ piece: pieceIndex(piece), begin, length });
      }
    }
  };
  leecher.onBlock = (piece, begin, data) => got.set(data, piece * layout.pieceLength + begin);
  wire.start(leecher);
  await until(() => wire.payloadDown >= content.length);
  const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");
  expect(sha1(got)).toBe(sha1(content));
  expect([wire.payloadDown, seeding?.payloadUp]).toEqual([content.length, content.length]);
  expect(wire.bytesDown).toBe(seeding?.bytesUp);
  wire.close();
  await until(() => seeder.closes === 1 && buffers.lent === 0);
  expect([leecher.closes, seeder.closeReason]).toEqual([1, undefined]);
});
