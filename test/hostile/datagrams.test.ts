/** The UDP tracker and the DHT over networks that lose, delay, double, damage and cut datagrams; who sends noise; real processes. */
import { createSocket } from "node:dgram";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { ChaosDatagrams, type DatagramChaos } from "../support/chaos-datagrams.ts";
import type { ShareProcess } from "../support/command.ts";
import { digestTree, noise } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";
import { announceRequest, connectRequest } from "../support/udp-tracker.ts";

const stage = useStage();
const { at } = stage;
const proxies: ChaosDatagrams[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
});

async function chaos(target: number, how: DatagramChaos, seed?: number): Promise<ChaosDatagrams> {
  const proxy = await ChaosDatagrams.start(target, how, seed);
  proxies.push(proxy);
  return proxy;
}

interface Published {
  readonly publisher: ShareProcess;
  readonly port: number;
  readonly infoHash: string;
  /** A `.torrent` whose only tracker is the publisher's over UDP, at `port`. */
  torrentBy(port: number): string;
}

async function publishFolder(...flags: string[]): Promise<Published> {
  mkdirSync(at("folder"), { recursive: true });
  writeFileSync(at("folder/a"), noise(700_000, 1));
  writeFileSync(at("folder/b"), noise(300_000, 2));
  const publisher = stage.publish("folder", "--port", "0", ...flags);
  const ready = await publisher.event("ready");
  const torrent = new Uint8Array(await (await fetch(String(ready["torrentUrl"]))).arrayBuffer());
  return {
    publisher,
    port: Number((await publisher.event("listening"))["port"]),
    infoHash: String(ready["infoHash"]),
    torrentBy: (port) =>
      rewriteTorrent(torrent, [`udp://127.0.0.1:${port}/announce/${ready["share"]}`], at("udp.torrent")),
  };
}

async function expectWhole(getter: ShareProcess): Promise<void> {
  await getter.succeed(50_000);
  expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
}

describe("a tracker over UDP is found all the same", () => {
  it.each<[string, DatagramChaos, number]>([
    ["half a second away", { delay: 250, jitter: 100 }, 0],
    ["when everything comes twice, in any order", { double: 1, jitter: 80 }, 0],
    ["when the first two datagrams are lost", {}, 2],
    ["when a third is lost, damaged or cut", { drop: 0.12, flip: 0.12, cut: 0.12 }, 0],
  ])("%s", async (_, how, lost) => {
    const { port, torrentBy } = await publishFolder();
    const proxy = await chaos(port, how);
    proxy.dropFirst = lost;
    await expectWhole(stage.get(torrentBy(proxy.port), "--no-lan", "--timeout", "45s"));
    expect(proxy.counts.carried).toBeGreaterThan(1);
    expect(proxy.counts.dropped).toBeGreaterThanOrEqual(lost);
  });

  it("and a damaged answer is never taken for peers: whoever gets nothing else says that nobody is there", async () => {
    const { port, torrentBy } = await publishFolder();
    const proxy = await chaos(port, { flip: 1, cut: 0.5 });
    const getter = stage.get(torrentBy(proxy.port), "--no-lan", "--timeout", "8s");
    // Which bits flip decides whether the address survives; whatever happens, it ends in its own words.
    expect([0, 5]).toContain(await getter.end(40_000));
    expect(getter.stderr).toEqual([]);
    expect(proxy.counts.flipped).toBeGreaterThan(0);
  });
});

describe("the DHT", () => {
  it("leads to the publisher over a line that loses, doubles and damages", async () => {
    const { port, infoHash } = await publishFolder("--dht", "--dht-node", "127.0.0.1:9");
    const proxy = await chaos(port, { drop: 0.1, double: 0.2, flip: 0.05, jitter: 40 });
    const magnet = `magnet:?xt=urn:btih:${infoHash}`;
    const flags = ["--no-lan", "--dht", "--dht-node", `127.0.0.1:${proxy.port}`, "--timeout", "45s"];
    await expectWhole(stage.get(magnet, ...flags));
    expect(proxy.counts.doubled).toBeGreaterThan(0);
  });
});

/** Resident memory in MB. */
function memory(child: ShareProcess): number {
  const [, kilobytes = "0"] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.process.pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1_000;
}

it("40,000 datagrams of noise, valid beginnings and truncations leave a publisher as it was, and answering", async () => {
  const { publisher, port, infoHash, torrentBy } = await publishFolder("--dht", "--dht-node", "127.0.0.1:9");
  const socket = createSocket("udp4");
  let answered = 0;
  let answeredBytes = 0;
  let sentBytes = 0;
  socket.on("message", (bytes) => {
    answered++;
    answeredBytes += bytes.length;
  });
  const random = seededRandom(5);
  const whole = [
    connectRequest(),
    announceRequest({ connection: random.bytes(8), infoHash: Buffer.from(infoHash, "hex") }),
    Buffer.from(
      "d1:ad2:id20:abcdefghij01234567899:info_hash20:abcdefghij0123456789e1:q9:get_peers1:t2:aa1:y1:qe",
    ),
  ];
  const before = memory(publisher);
  for (let i = 0; i < 40_000; i++) {
    const kind = whole[Math.floor(random.next() * 4)];
    const bytes = (kind ?? random.bytes(Math.floor(random.next() * 1_400))).slice();
    if (bytes.length > 0 && random.next() < 0.7) bytes[Math.floor(random.next() * bytes.length)] = i & 255;
    const sent = random.next() < 0.3 ? bytes.subarray(0, Math.floor(random.next() * bytes.length)) : bytes;
    sentBytes += sent.length;
    socket.send(sent, port, "127.0.0.1");
    if (i % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.close();
  expect(answered).toBeGreaterThan(0);
  // Nobody gets another bombed by asking in its name.
  expect(answeredBytes).toBeLessThan(sentBytes);
  expect(memory(publisher) - before).toBeLessThan(60);
  await expectWhole(stage.get(torrentBy(port), "--no-lan", "--timeout", "20s"));
});
