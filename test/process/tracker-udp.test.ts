import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { createUdpAnnounce } from "../../src/client/discovery/tracker-udp.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { datagramDialer } from "../../src/platform/datagram-channel.ts";
import { listenDatagrams } from "../../src/platform/datagrams.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { anySource } from "../../src/platform/source-address.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { type Publication, publish } from "../../src/share.ts";
import { scratch } from "../support/data.ts";
import { announceRequest, connectRequest, u16, u32, urlData } from "../support/udp-tracker.ts";

const place = scratch();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => place.remove());

async function open(options: {
  port?: number;
  bind?: readonly string[];
  onEvent?: (event: { event: string }) => void;
}): Promise<Publication> {
  const dir = path.join(place.dir, "data");
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "a.txt"), "hello");
  const publication = await publish([dir], { port: 0, cacheDir: path.join(place.dir, "cache"), ...options });
  closing.push(() => publication.close());
  return publication;
}

async function ask(to: string, port: number, datagram: Uint8Array): Promise<number[]> {
  const socket: Socket = createSocket(to.includes(":") ? "udp6" : "udp4");
  try {
    const answered = once(socket, "message", { signal: AbortSignal.timeout(5_000) });
    socket.send(datagram, port, to);
    const [reply] = (await answered) as [Buffer]; // what dgram's "message" begins with
    return [...reply];
  } finally {
    socket.close();
  }
}

test.each(["127.0.0.1", "::1"])(
  "a publication tracks over UDP at %s, on the port of its pages",
  async (to) => {
    const { port, ready } = await open({});
    const [share] = await ready;
    const infoHash = fromHex(share?.infoHash ?? "") ?? expect.fail("no info hash");
    const connection = Uint8Array.from(await ask(to, port, connectRequest())).subarray(8);
    const options = urlData(`/announce/${share?.share}`);
    const reply = await ask(to, port, announceRequest({ connection, infoHash, options }));
    expect(reply.slice(0, 20)).toEqual([...u32(1), ...u32(0x0a0b0c0d), ...u32(300), ...u32(1), ...u32(1)]);
    // Its own seeder, at the address that was asked.
    const address = to === "::1" ? [...new Array<number>(15).fill(0), 1] : [127, 0, 0, 1];
    expect(reply.slice(20)).toEqual([...address, ...u16(port)]);
  },
);

test.each([[["127.0.0.1"]], [["::1"]], [["127.0.0.1", "::1"]]])(
  "%j alone can be listened on",
  async (bind) => {
    const events: { event: string }[] = [];
    const { port } = await open({ bind, onEvent: (event) => events.push(event) });
    for (const address of bind) expect(await ask(address, port, connectRequest())).toHaveLength(16);
    expect(events).not.toContainEqual(expect.objectContaining({ code: "udp" }));
  },
);

test("a UDP port that is taken costs a warning, not the publication", async () => {
  const taken = await open({});
  const { port } = taken;
  await taken.close();
  const other = await listenDatagrams({ port, bind: [] }, () => undefined);
  closing.push(() => other.close());
  const events: { event: string }[] = [];
  const publication = await open({ port, onEvent: (event) => events.push(event) });
  await publication.ready;
  expect(events).toContainEqual(expect.objectContaining({ event: "warning", code: "udp" }));
});

test("nothing holds the port when a publication is closed", async () => {
  const publication = await open({});
  await publication.close();
  const again = await listenDatagrams({ port: publication.port, bind: [] }, () => undefined);
  await again.close();
});

test.each(["127.0.0.1", "[::1]"])(
  "a download announces itself over UDP to %s, and says stopped",
  async (host) => {
    const publication = await open({});
    const [share] = await publication.ready;
    const announce = createUdpAnnounce({
      clock: systemClock,
      random: systemRandom,
      dial: datagramDialer(anySource),
      resolve: async () => [],
    });
    const params = {
      infoHash: infoHash(fromHex(share?.infoHash ?? "") ?? expect.fail("no info hash")),
      peerId: peerId(new Uint8Array(20).fill(0x2d)),
      port: 7000,
      uploaded: 0,
      downloaded: 0,
      left: 5,
      key: "0a",
      numwant: 50,
    };
    const url = `udp://${host}:${publication.port}/announce/${share?.share}`;
    const signal = AbortSignal.timeout(5_000);
    const reply = await announce(url, { ...params, event: "started" }, signal);
    const seeder = { host: host.replace(/[[\]]/g, ""), port: publication.port };
    expect(reply).toMatchObject({ interval: 300, seeders: 1, leechers: 1, peers: [seeder] });
    const stopped = await announce(url, { ...params, event: "stopped", numwant: 0 }, signal);
    expect(stopped).toMatchObject({ leechers: 0, peers: [] });
    await expect(announce(`${url}x`, params, signal)).rejects.toThrow(
      /refused the announce: "unknown torrent/,
    );
  },
);

test("a port where nobody listens is known at once", async () => {
  const channel = await datagramDialer(anySource)("127.0.0.1", 9);
  closing.push(() => channel.close());
  const refused = new Promise<Error>((resolve) => channel.listen({ message: () => {}, error: resolve }));
  channel.send(new Uint8Array(1));
  expect((await refused).message).toMatch(/ECONNREFUSED/);
});
