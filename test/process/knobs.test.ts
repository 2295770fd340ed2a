/** The options that BitTorrent's first programs had, as their users know them: each by what others see of it. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { noise } from "../support/data.ts";
import { HostilePeer, listenAsPeer, message } from "../support/hostile-peer.ts";
import { handshakeBytes, hex } from "../support/scripted-peer.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const stage = useStage();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A torrent of one file of 256 pieces, and its info hash. */
async function torrent(trackers: readonly string[] = []) {
  writeFileSync(stage.at("data"), noise(4_194_304, 1));
  const created = stage.share("create", "data", "--piece-size", "16KiB");
  const { infoHash } = await created.event("created");
  await created.succeed();
  return {
    file: rewriteTorrent(stage.at("data.torrent"), trackers, stage.at("plain.torrent")),
    infoHash: String(infoHash),
  };
}

async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port; // it listens on TCP
}

/** Connects as a peer from an address of its own, as far as one machine has several. */
function callFrom(localAddress: string, port: number, infoHash: string, id: number): HostilePeer {
  const peer = new HostilePeer(connect({ port, host: "127.0.0.1", localAddress }));
  closing.push(() => peer.destroy());
  peer.say(handshakeBytes({ id, infoHash: hex(infoHash) }));
  return peer;
}

it("--max-peers: a publisher keeps so many connections with peers, and no more", async () => {
  writeFileSync(stage.at("data"), noise(100_000, 1));
  const publisher = stage.publish("data", "--max-peers", "3");
  const { infoHash } = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const peers: HostilePeer[] = [];
  for (let i = 2; i < 10; i++) {
    const peer = callFrom(`127.0.0.${i}`, Number(port), String(infoHash), i);
    peers.push(peer);
    await peer.until(() => peer.received.length >= 68 || peer.isClosed);
    expect(peers.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(4);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(peers.filter(({ isClosed }) => !isClosed)).toHaveLength(3);
});

it("--max-peers: a receiver calls so many peers, and no more", async () => {
  const { file } = await torrent();
  let open = 0;
  let most = 0;
  const flags: string[] = [];
  for (let i = 2; i < 8; i++) {
    const server = createServer((socket) => {
      most = Math.max(most, ++open);
      socket.on("error", () => {}).once("close", () => open--);
      closing.push(() => socket.destroy());
    });
    server.listen(0, `127.0.0.${i}`);
    await once(server, "listening");
    closing.push(() => server.close());
    flags.push("--peer", `127.0.0.${i}:${(server.address() as AddressInfo).port}`); // it listens on TCP
  }
  const receiver = stage.get(file, "--no-lan", "--max-peers", "2", ...flags);
  await receiver.event("started");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(most).toBe(2);
});

it("--request-queue: that many blocks are asked for at a time, and told to peers as reqq", async () => {
  const { file, infoHash } = await torrent();
  const asked = (peer: HostilePeer) => peer.messages().filter(([type]) => type === 6).length;
  const peers: HostilePeer[] = [];
  const seeder = await listenAsPeer((peer) => {
    peers.push(peer);
    peer.say(handshakeBytes({ id: peers.length, infoHash: hex(infoHash) }), message("0e"), message("01"));
  });
  closing.push(() => seeder.stop());
  const receiver = stage.get(file, "--no-lan", "--request-queue", "3", "--peer", `127.0.0.1:${seeder.port}`);
  await receiver.until(() => peers.find((peer) => asked(peer) > 0));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(peers.map(asked)).toEqual([3]);
  const extended = peers[0]?.messages().find(([type]) => type === 20);
  expect(Buffer.from(extended ?? []).toString("latin1")).toContain("4:reqqi3e");
});

it("--slots: so many are served at a time", async () => {
  writeFileSync(stage.at("data"), noise(100_000, 1));
  const publisher = stage.publish("data", "--slots", "2");
  const { infoHash } = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const peers = [2, 3, 4, 5, 6].map((i) => callFrom(`127.0.0.${i}`, Number(port), String(infoHash), i));
  for (const peer of peers) peer.say(message("0f"), message("02"));
  const unchoked = () => peers.filter((peer) => peer.messages().some(([type]) => type === 1));
  await peers[0]?.until(() => unchoked().length > 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(unchoked()).toHaveLength(2);
});

it("--min-port and --max-port: the first free one of them, and no other", async () => {
  const taken = createServer();
  const port = await listening(taken);
  const next = await freeAfter(port);
  const range = ["--min-port", `${port}`, "--max-port", `${next}`];
  writeFileSync(stage.at("data"), "x");
  const publisher = stage.publish("data", ...range);
  expect((await publisher.event("listening"))["port"]).toBe(next);
  const second = stage.plain("data", "--bind", "127.0.0.1", "--cache-dir", stage.at("other"), ...range);
  expect(await second.end()).toBe(1);
  expect(second.stderr.join("\n")).toContain(`All ports from ${port} to ${next} are taken`);
  const wrong = stage.plain("data", "--min-port", "7000", "--max-port", "6000");
  expect(await wrong.end()).toBe(2);
});

/** The first port above `port` that can be had, with all between them taken by us. */
async function freeAfter(port: number): Promise<number> {
  for (let next = port + 1; next < port + 50; next++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(next, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return next;
  }
  throw new Error("no free port");
}

it("--http-timeout: so long a server may be silent, whether it tracks or gives torrents", async () => {
  const silent = createHttpServer(() => {});
  const port = await listening(silent);
  closing.push(() => silent.closeAllConnections());
  const { file } = await torrent([`http://127.0.0.1:${port}/announce`]);
  const startedAt = performance.now();
  const receiver = stage.get(file, "--no-lan", "--http-timeout", "1");
  const url = stage.share("get", `http://127.0.0.1:${port}/x.torrent`, "--http-timeout", "1s");
  expect((await receiver.event("warning"))["message"]).toMatch(/gave no answer: it took too long/);
  expect((await url.event("error"))["message"]).toMatch(/stood still|answer/);
  expect(await url.end()).toBe(1);
  // Both have longer patience by default: 15 and 30 seconds.
  expect(performance.now() - startedAt).toBeLessThan(8_000);
});

it("--ip: trackers over HTTP and UDP are asked to tell that address", async () => {
  const announces: string[] = [];
  const http = createHttpServer((request, response) => {
    announces.push(request.url ?? "");
    response.end("d8:intervali1800e5:peers0:e");
  });
  const datagrams: Buffer[] = [];
  const udp = createSocket("udp4", (datagram, from) => {
    if (datagram.length !== 16) return void datagrams.push(datagram);
    const reply = Buffer.alloc(16);
    datagram.copy(reply, 4, 12, 16);
    udp.send(reply, from.port, from.address);
  });
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  closing.push(() => udp.close());
  const port = await listening(http);
  writeFileSync(stage.at("data"), "x");
  const trackers = [`http://127.0.0.1:${port}/announce`, `udp://127.0.0.1:${udp.address().port}/announce`];
  const flags = trackers.flatMap((url) => ["--tracker", url]);
  const publisher = stage.publish("data", "--ip", "203.0.113.7", ...flags);
  await publisher.event("ready");
  await publisher.until(() => (announces.length > 0 && datagrams.length > 0 ? true : undefined), 10_000);
  expect(new URLSearchParams(announces[0]?.split("?")[1]).get("ip")).toBe("203.0.113.7");
  // BEP 15: the address is bytes 84 to 87 of an announce.
  expect([...(datagrams[0]?.subarray(84, 88) ?? [])]).toEqual([203, 0, 113, 7]);
});
