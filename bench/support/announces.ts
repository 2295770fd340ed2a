/** Announces of many peers over UDP, as fast as a tracker answers. */
import { createSocket, type Socket } from "node:dgram";
import { performance } from "node:perf_hooks";
import { announceRequest, connectRequest } from "../../test/support/udp-tracker.ts";

/** Announces that go on until they are stopped. */
export interface Load {
  /** How many were answered. */
  readonly count: () => number;
  readonly stop: () => Promise<void>;
}

export interface Crowd {
  readonly swarms: number;
  /** Of all swarms together. */
  readonly peers: number;
}

/** Announces in flight. */
export const CONCURRENCY = 64;
/** Peers at one address: whoever takes another's address and port takes its place. */
const PEERS_AT_ADDRESS = 50_000;

/** The info hash of the n-th peer's swarm. */
export function hashOf(n: number, { swarms }: Crowd): Uint8Array {
  const hash = new Uint8Array(20).fill(0x20 + ((n % swarms) % 100));
  new DataView(hash.buffer).setUint16(0, Math.floor((n % swarms) / 100));
  return hash;
}

/** A port that no other peer of its swarm at its address has. */
export function portOf(n: number, { swarms, peers }: Crowd): number {
  return 1024 + (Math.floor((n % peers) / swarms) % PEERS_AT_ADDRESS);
}

/** What is lost is asked again by a watchdog. */
export async function announceOverUdp(port: number, crowd: Crowd): Promise<Load> {
  const inSwarm = Math.ceil(crowd.peers / crowd.swarms);
  const senders = await Promise.all(
    Array.from({ length: Math.ceil(inSwarm / PEERS_AT_ADDRESS) }, (_, i) =>
      openSender(port, `127.0.0.${1 + i}`),
    ),
  );
  const total = { done: 0, told: 0, next: 0, last: performance.now() };
  const ask = () => {
    const n = total.next++;
    const sender = senders[Math.floor((n % crowd.peers) / crowd.swarms / PEERS_AT_ADDRESS)];
    if (sender === undefined) throw new Error("more peers than places");
    const request = Buffer.from(sender.template);
    request.set(hashOf(n, crowd), 16);
    request.writeUInt32BE(n % crowd.peers, 40);
    request.writeUInt32BE((n % crowd.peers) + 1, 88);
    request.writeUInt16BE(portOf(n, crowd), 96);
    sender.socket.send(request, () => {});
  };
  for (const { socket } of senders) {
    socket.on("message", (reply) => {
      if (reply[3] !== 1) throw new Error(`refused: ${reply.subarray(8).toString()}`);
      total.done++;
      total.told += (reply.length - 20) / 6;
      total.last = performance.now();
      ask();
    });
  }
  for (let i = 0; i < CONCURRENCY; i++) ask();
  const watchdog = setInterval(() => {
    if (performance.now() - total.last > 100) for (let i = 0; i < CONCURRENCY; i++) ask();
  }, 100);
  return {
    count: () => total.done,
    stop: async () => {
      clearInterval(watchdog);
      for (const { socket } of senders) await new Promise<void>((resolve) => socket.close(() => resolve()));
      // Answers without peers are quickly given.
      const least = Math.min(20, inSwarm / 4);
      if (total.told < least * total.done)
        throw new Error(`${(total.told / total.done).toFixed(1)} peers a reply, of 50 wanted`);
    },
  };
}

async function openSender(port: number, address: string): Promise<{ socket: Socket; template: Buffer }> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  const connection = await new Promise<Uint8Array>((resolve) => {
    socket.once("message", (reply) => resolve(Uint8Array.from(reply.subarray(8, 16))));
    socket.send(connectRequest());
  });
  const template = Buffer.from(announceRequest({ connection, infoHash: new Uint8Array(20), numwant: 50 }));
  // No address of its own wish: bittorrent-tracker would believe it, and tell nobody about peers that are all in one place.
  template.fill(0, 84, 88);
  socket.on("error", () => {});
  return { socket, template };
}
