/** Web seeds and peers of which one lies, while both give parts of the same large pieces. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { digestTree } from "../support/data.ts";
import { FileServer } from "../support/file-server.ts";
import { type HostilePeer, listenAsPeer, message, uint32 } from "../support/hostile-peer.ts";
import { handshakeBytes, hex } from "../support/scripted-peer.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const stage = useStage();
const { at } = stage;
const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

const FILES = ["a.bin", "c.txt", "sub/b.bin"];
/** Of 3 MB: each source has some of every piece. */
const LARGE = ["--piece-size", "1MiB"];

async function publishLarge(...flags: string[]): Promise<WireShare> {
  const share = await publishForWire(at(), 3_000_000, [...LARGE, ...flags]);
  running.push(share.publisher);
  return share;
}

/** @returns where it is; `change` may damage what it gives. */
async function webSeed(change: (bytes: Uint8Array) => void): Promise<{ seed: FileServer; url: string }> {
  const seed = new FileServer();
  for (const file of FILES) {
    const bytes = new Uint8Array(readFileSync(at("folder", file)));
    change(bytes);
    seed.files.set(`/folder/${file}`, bytes);
  }
  const url = await seed.listen();
  running.push({ stop: () => seed.close() });
  return { seed, url };
}

function getFrom(share: WireShare, url: string, port: number): ShareProcess {
  const torrent = rewriteTorrent(share.torrent, [], at("both.torrent"), [url]);
  return stage.get(torrent, "--no-lan", "--timeout", "40s", "--peer", `127.0.0.1:${port}`);
}

async function expectWhole(getter: ShareProcess, share: WireShare): Promise<void> {
  await getter.succeed(50_000);
  expect(await digestTree(at("out/folder"))).toEqual(share.digests);
}

describe("a web seed and a peer, one of which lies", () => {
  it.each<[string, (bytes: Uint8Array) => void]>([
    ["in every byte", (bytes) => bytes.fill(0x55)],
    [
      "in one bit of each half piece",
      (bytes) => {
        for (let i = 77; i < bytes.length; i += 524_288) bytes[i] = (bytes[i] ?? 0) ^ 4;
      },
    ],
  ])("complete by the peer when it is the web seed, %s; the peer is not blamed", async (_, lie) => {
    const share = await publishLarge("--limit-up", "1MB/s");
    const { seed, url } = await webSeed(lie);
    const getter = getFrom(share, url, share.port);
    await expectWhole(getter, share);
    expect(seed.requests.length).toBeGreaterThan(0);
    // It was heard, found out, and left; what it cost is bounded.
    expect(seed.requests.length).toBeLessThan(20);
    const said = getter.events.filter(({ event }) => event === "warning").map(({ message: text }) => text);
    expect(said.join()).not.toContain("127.0.0.1:" + share.port);
  });

  it("complete by the web seed when it is the peer", async () => {
    const share = await publishLarge();
    await share.publisher.stop();
    const { url } = await webSeed(() => {});
    let asked = 0;
    const liar = await listenAsPeer((peer) => {
      peer.socket.once("data", () => {
        peer.say(handshakeBytes({ id: 9, infoHash: hex(share.infoHash) }), message("0e"), message("01"));
      });
      answerWithZeros(peer, () => asked++);
    });
    running.push(liar);
    const getter = getFrom(share, url, liar.port);
    await expectWhole(getter, share);
  });

  it("say so when both do, and claim nothing", async () => {
    const share = await publishLarge();
    await share.publisher.stop();
    const { url } = await webSeed((bytes) => bytes.fill(1));
    const liar = await listenAsPeer((peer) => {
      peer.socket.once("data", () => {
        peer.say(handshakeBytes({ id: 9, infoHash: hex(share.infoHash) }), message("0e"), message("01"));
      });
      answerWithZeros(peer, () => {});
    });
    running.push(liar);
    const torrent = rewriteTorrent(share.torrent, [], at("both.torrent"), [url]);
    const getter = stage.get(torrent, "--no-lan", "--timeout", "4s", "--peer", `127.0.0.1:${liar.port}`);
    expect(await getter.end(40_000)).toBe(5);
    expect(getter.lastEvent("progress")?.["bytesDone"] ?? 0).toBe(0);
  });
});

function answerWithZeros(peer: HostilePeer, asked: () => void): void {
  let seen = 0;
  const timer = setInterval(() => {
    const messages = peer.messages();
    for (const body of messages.slice(seen)) {
      if (body[0] !== 6) continue;
      asked();
      const view = new DataView(body.buffer, body.byteOffset);
      const header = `07 ${uint32(view.getUint32(1))} ${uint32(view.getUint32(5))}`;
      peer.say(message(`${header} ${"00".repeat(view.getUint32(9))}`));
    }
    seen = messages.length;
  }, 10);
  void peer.closed.then(() => clearInterval(timer));
}
