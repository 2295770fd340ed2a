import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, scratch } from "../support/data.ts";
import { HostilePeer, listenAsPeer, message, uint32 } from "../support/hostile-peer.ts";
import { handshakeBytes, hex } from "../support/scripted-peer.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const PIECE = 65_536;
const BYTES = 4_000_000;
const PIECES = Math.ceil(BYTES / PIECE);
const HAVE_ALL = message("0e");
const HAVE_NONE = message("0f");
const UNCHOKE = message("01");
const INTERESTED = message("02");

let place: ReturnType<typeof scratch>;
let share: WireShare;
const running: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  place = scratch();
  share = await publishForWire(place.dir, BYTES);
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});
afterAll(async () => {
  await share.publisher.stop();
  place.remove();
});

let nextId = 10;
async function call(): Promise<HostilePeer> {
  const peer = await HostilePeer.call(share.port, { infoHash: share.infoHash, id: nextId++ % 250 });
  running.push({ stop: async () => peer.destroy() });
  return peer;
}

function request(piece: number, begin: number, length: number): Uint8Array {
  return message(`06 ${uint32(piece)} ${uint32(begin)} ${uint32(length)}`);
}

function get(out: string, ...flags: string[]): ShareProcess {
  const getter = new ShareProcess([
    "get",
    share.torrent,
    "-o",
    path.join(place.dir, out),
    "--no-lan",
    ...flags,
  ]);
  running.push(getter);
  return getter;
}

/** Resident memory in MB, and open descriptors. */
function usage(child: ShareProcess): { readonly memory: number; readonly descriptors: number } {
  const proc = `/proc/${child.process.pid}`;
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, "utf8")) ?? [];
  return { memory: Number(kilobytes) / 1_000, descriptors: readdirSync(`${proc}/fd`).length };
}

describe("a publisher", () => {
  const bitfield = (bytes: number, last = 0) =>
    message(`05 ${"00".repeat(bytes - 1)}${last.toString(16).padStart(2, "0")}`);
  const right = Math.ceil(PIECES / 8);

  it.each<[string, () => readonly Uint8Array[]]>([
    ["a message of 4 GiB", () => [hex("ffffffff 07")]],
    ["a message of 1 MiB that is not what is so long", () => [hex("00100000 04")]],
    ["a request behind the last piece", () => [HAVE_NONE, request(PIECES, 0, 16_384)]],
    ["a request of nothing", () => [HAVE_NONE, request(0, 0, 0)]],
    ["a request above 128 KiB", () => [HAVE_NONE, request(0, 0, 131_073)]],
    ["a request that runs over the piece's end", () => [HAVE_NONE, request(0, PIECE - 1, 2)]],
    ["a request at 4 GiB", () => [HAVE_NONE, request(0, 0xffffffff, 16_384)]],
    ["a short bitfield", () => [bitfield(right - 1)]],
    ["a long bitfield", () => [bitfield(right + 1)]],
    ["a bitfield with spare bits", () => [bitfield(right, 1)]],
    ["a late bitfield", () => [HAVE_NONE, INTERESTED, bitfield(right)]],
    ["a late have-all", () => [HAVE_NONE, HAVE_ALL]],
    ["a have of no piece", () => [HAVE_NONE, message(`04 ${uint32(PIECES)}`)]],
    ["a have of three bytes", () => [HAVE_NONE, message("04 000000")]],
    ["a choke with a body", () => [HAVE_NONE, message("00 00")]],
    ["an extension handshake that is no dictionary", () => [message("14 00 6c6c6c")]],
    ["a dictionary nested beyond reason", () => [message(`14 00 64 31 3a 6d ${"6c".repeat(5_000)}`)]],
  ])("closes the connection that brings %s", async (_, words) => {
    const peer = await call();
    peer.say(...words());
    await Promise.race([peer.closed, new Promise((resolve) => setTimeout(resolve, 15_000))]);
    expect(peer.isClosed).toBe(true);
  });

  it("stays as it was while data come that it never asked for", async () => {
    const peer = await call();
    peer.say(HAVE_ALL, INTERESTED);
    const block = message(`07 ${uint32(0)} ${uint32(0)} ${"66".repeat(16_384)}`);
    for (let i = 0; i < 300; i++) peer.say(block);
    await peer.until(() => peer.isClosed, 1_000);
    expect(await digestTree(path.join(place.dir, "folder"))).toEqual(share.digests);
  });

  it("bounds what a peer costs that asks for everything over and over and reads nothing", async () => {
    const before = usage(share.publisher);
    const peers = await Promise.all([call(), call(), call()]);
    for (const peer of peers) {
      peer.say(HAVE_NONE, INTERESTED);
      expect(await peer.until(() => peer.messages().some((body) => body[0] === 1), 15_000)).toBe(true);
      peer.socket.pause();
      const requests = Array.from({ length: 10_000 }, (_, i) => request(i % (PIECES - 1), 0, 65_536));
      peer.say(...requests);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(usage(share.publisher).memory - before.memory).toBeLessThan(60);
  });

  it("serves an honest receiver beside 1,000 that sit there and say nothing more, and has no descriptor left of them", async () => {
    const before = usage(share.publisher).descriptors;
    const idle = await Promise.all(Array.from({ length: 1_000 }, () => call()));
    for (const peer of idle) peer.say(HAVE_NONE, INTERESTED);
    const getter = get("beside", "--peer", `127.0.0.1:${share.port}`);
    await getter.succeed(50_000);
    expect(await digestTree(path.join(place.dir, "beside/folder"))).toEqual(share.digests);
    for (const peer of idle) peer.destroy();
    await share.publisher.until(
      () => (usage(share.publisher).descriptors <= before + 2 ? true : undefined),
      10_000,
    );
  });
});

/** What a peer does once it is called and has heard the handshake. */
type Behaviour = (peer: HostilePeer) => void;

function seedsAnd(act: (peer: HostilePeer, body: Uint8Array) => void): Behaviour {
  return (peer) => {
    peer.say(HAVE_ALL, UNCHOKE);
    let seen = 0;
    const timer = setInterval(() => {
      const messages = peer.messages();
      for (const body of messages.slice(seen)) act(peer, body);
      seen = messages.length;
    }, 5);
    void peer.closed.then(() => clearInterval(timer));
  };
}

function piece(
  body: Uint8Array,
  change: { begin?: number; length?: number; piece?: number } = {},
): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset);
  const length = change.length ?? view.getUint32(9);
  const header = `07 ${uint32(change.piece ?? view.getUint32(1))} ${uint32(change.begin ?? view.getUint32(5))}`;
  return message(`${header} ${"00".repeat(length)}`);
}

const isRequest = (body: Uint8Array) => body[0] === 6;

const behaviours: readonly (readonly [string, Behaviour])[] = [
  ["sends zeros for every block", seedsAnd((peer, body) => isRequest(body) && peer.say(piece(body)))],
  [
    "sends blocks too short",
    seedsAnd((peer, body) => isRequest(body) && peer.say(piece(body, { length: 100 }))),
  ],
  ["sends empty blocks", seedsAnd((peer, body) => isRequest(body) && peer.say(piece(body, { length: 0 })))],
  ["sends other blocks", seedsAnd((peer, body) => isRequest(body) && peer.say(piece(body, { begin: 3 })))],
  [
    "sends other pieces",
    seedsAnd((peer, body) => isRequest(body) && peer.say(piece(body, { piece: 999_999 }))),
  ],
  [
    "rejects everything at once",
    seedsAnd(
      (peer, body) =>
        isRequest(body) && peer.say(message(`10 ${Buffer.from(body.subarray(1)).toString("hex")}`)),
    ),
  ],
  ["has everything and sends nothing", seedsAnd(() => {})],
  [
    "chokes and unchokes without end",
    seedsAnd((peer) => peer.say(...Array.from({ length: 50 }, (_, i) => message(i % 2 === 0 ? "00" : "01")))),
  ],
  ["announces a message of 4 GiB", (peer) => peer.say(HAVE_ALL, UNCHOKE, hex("ffffffff 07"))],
  ["sends noise", (peer) => peer.say(new Uint8Array(100_000).map((_, i) => (i * 7919) % 251))],
  ["hangs up at once", (peer) => peer.destroy()],
  ["never says a word", () => {}],
];

describe("a receiver", () => {
  it("completes from one honest publisher among peers of every bad kind, in bounded memory", async () => {
    const ports: number[] = [];
    for (const [index, [name, behave]] of behaviours.entries()) {
      const peer = await listenAsPeer((each) => {
        if (name === "never says a word") return;
        each.say(handshakeBytes({ id: 100 + index, infoHash: hex(share.infoHash) }));
        behave(each);
      });
      running.push(peer);
      ports.push(peer.port);
    }
    const peers = [...ports, share.port].flatMap((port) => ["--peer", `127.0.0.1:${port}`]);
    const getter = get("among", ...peers);
    await getter.event("started");
    let most = 0;
    const timer = setInterval(() => {
      if (getter.process.exitCode === null) most = Math.max(most, usage(getter).memory);
    }, 200);
    await getter.succeed(55_000).finally(() => clearInterval(timer));
    expect(await digestTree(path.join(place.dir, "among/folder"))).toEqual(share.digests);
    expect(most).toBeLessThan(250);
    expect(getter.stderr).toEqual([]);
  });
});
