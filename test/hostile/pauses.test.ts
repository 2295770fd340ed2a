/** Programs that are stopped and go on later, clocks that jump, and ends of connections that have said everything. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { commandPath, type ShareEvent, type ShareProcess } from "../support/command.ts";
import { digestTree, noise } from "../support/data.ts";
import { freePort } from "../support/free-port.ts";
import { HostilePeer, message, uint32 } from "../support/hostile-peer.ts";
import { useStage } from "../support/stage.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const stage = useStage();
const { at } = stage;
const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop("SIGKILL")));
});

async function publishWire(bytes: number, ...flags: string[]): Promise<WireShare> {
  const share = await publishForWire(at(), bytes, flags);
  running.push(share.publisher);
  return share;
}

function getFrom(share: WireShare, ...flags: string[]): ShareProcess {
  return stage.get(share.torrent, "--no-lan", "--peer", `127.0.0.1:${share.port}`, ...flags);
}

const bytesDone = (getter: ShareProcess) => Number(getter.lastEvent("progress")?.["bytesDone"] ?? 0);
const expectWhole = async (share: WireShare, out = "out/folder") =>
  expect(await digestTree(at(out))).toEqual(share.digests);
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a program that is stopped in the middle (SIGSTOP) and goes on later", () => {
  it("as the publisher: its receiver waits for it, and completes", async () => {
    const share = await publishWire(4_000_000, "--limit-up", "1MB/s");
    const getter = getFrom(share);
    await getter.until(() => bytesDone(getter) > 500_000 || undefined, 20_000);
    share.publisher.process.kill("SIGSTOP");
    // What was under way arrives; after that there is nothing.
    await wait(2_000);
    const before = bytesDone(getter);
    await wait(2_000);
    expect(bytesDone(getter)).toBe(before);
    share.publisher.process.kill("SIGCONT");
    await getter.succeed(40_000);
    await expectWhole(share);
  });

  it("as the receiver: it resumes where it was, and the publisher serves another one meanwhile", async () => {
    const share = await publishWire(4_000_000, "--limit-up", "2MB/s");
    const getter = getFrom(share);
    await getter.until(() => bytesDone(getter) > 500_000 || undefined, 20_000);
    getter.process.kill("SIGSTOP");
    const other = stage.share(
      "get",
      share.torrent,
      ...["-o", at("other"), "--no-lan", "--peer", `127.0.0.1:${share.port}`],
    );
    await other.succeed(30_000);
    getter.process.kill("SIGCONT");
    await getter.succeed(30_000);
    await expectWhole(share);
    await expectWhole(share, "other/folder");
  });

  it("as one of two seeders: the other gives everything, without waiting for it", async () => {
    const share = await publishWire(3_000_000, "--limit-up", "1MB/s");
    const port = await freePort();
    const helper = stage.share(
      "get",
      share.torrent,
      ...["-o", at("helper"), "--no-lan", "--seed", "--port", String(port), "--limit-up", "1MB/s"],
      ...["--peer", `127.0.0.1:${share.port}`],
    );
    await helper.event("done", 30_000);
    const getter = getFrom(share, "--peer", `127.0.0.1:${port}`);
    await getter.until(() => bytesDone(getter) > 300_000 || undefined, 20_000);
    helper.process.kill("SIGSTOP");
    await getter.succeed(40_000);
    await expectWhole(share);
    helper.process.kill("SIGCONT");
  });
});

describe("a clock that is wrong, or jumps by years while everything runs,", () => {
  const folders = readdirSync("/usr/lib").map((name) => path.join("/usr/lib", name, "faketime"));
  const library = folders.map((folder) => path.join(folder, "libfaketimeMT.so.1")).find(existsSync);

  /** libfaketime reads how far the wall clock is off from a file, all the time; intervals stay what they are. */
  function withClock(...args: string[]): Child {
    return stage.run(process.execPath, [commandPath, ...args, "--json"], {
      env: {
        LD_PRELOAD: library ?? expect.fail("faketime isn't installed"),
        FAKETIME_TIMESTAMP_FILE: at("clock"),
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
  }
  const yearAt = async (url: unknown) =>
    new Date((await fetch(String(url), { method: "HEAD" })).headers.get("date") ?? "").getFullYear();
  const thisYear = new Date().getFullYear();
  const eventOf = (child: Child, name: string) =>
    child.until(
      () => child.stdout.map((line) => JSON.parse(line) as ShareEvent).find(({ event }) => event === name),
      20_000,
    );

  it.each<[string, string, string, number]>([
    ["20 years ahead, then 10 back", "+7300d", "-3650d", 1],
    ["10 years back, then 20 ahead", "-3650d", "+7300d", -1],
  ])("is no obstacle: %s", async (_, first, second, direction) => {
    mkdirSync(at("folder"));
    writeFileSync(at("folder/a"), noise(2_000_000, 1));
    writeFileSync(at("clock"), `${first}\n`);
    const flags = ["--bind", "127.0.0.1", "--port", "0", "--cache-dir", at("cache"), "--limit-up", "700KB/s"];
    const publisher = withClock("publish", "folder", "--expire", "1h", ...flags);
    const { url } = await eventOf(publisher, "ready");
    const year = await yearAt(url);
    expect(Math.sign(year - thisYear)).toBe(direction);
    const getter = withClock("get", String(url), "-o", at("out"), "--no-lan", "--timeout", "20s");
    await eventOf(getter, "started");
    await wait(1_000);
    writeFileSync(at("clock"), `${second}\n`);
    await getter.succeed(40_000);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
    expect(Math.sign((await yearAt(url)) - thisYear)).toBe(-direction);
    // Nothing has expired, and nothing spins.
    expect(publisher.process.exitCode).toBeNull();
    const lines = publisher.stdout.length;
    await wait(1_000);
    expect(publisher.stdout.length - lines).toBeLessThanOrEqual(3);
    publisher.process.kill("SIGTERM");
    expect(await publisher.end(10_000)).toBe(0);
  });
});

describe("who shuts its sending side", () => {
  it("after asking by HTTP still gets the whole answer", async () => {
    const share = await publishWire(3_000_000);
    const target = `${new URL(share.url).pathname}/files/a.bin`;
    const socket = connect(share.port, "127.0.0.1");
    let received = 0;
    socket.on("data", (bytes) => (received += bytes.length));
    socket.end(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${share.port}\r\nConnection: close\r\n\r\n`);
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received).toBeGreaterThan(1_500_000);
  });

  it("as a peer is let go, before or after its handshake, and holds no descriptor", async () => {
    const share = await publishWire(300_000);
    const silent = connect({ port: share.port, host: "127.0.0.1", allowHalfOpen: true });
    const isClosed = new Promise((resolve) => silent.once("close", () => resolve("closed")));
    silent.on("error", () => {}).resume();
    silent.end();
    const peer = await HostilePeer.call(share.port, { infoHash: share.infoHash, id: 3 });
    peer.say(message("0f"), message("02"));
    await peer.until(() => peer.messages().length > 0);
    peer.socket.end();
    expect(await Promise.race([isClosed, wait(15_000)])).toBe("closed");
    await Promise.race([peer.closed, wait(15_000)]);
    expect(peer.isClosed).toBe(true);
    await getFrom(share).succeed(20_000);
  });

  it("as a peer, with requests before it, may get them or be let go; the others go on", async () => {
    const share = await publishWire(1_000_000);
    const peer = await HostilePeer.call(share.port, { infoHash: share.infoHash, id: 4 });
    peer.say(message("0f"), message("02"));
    await peer.until(() => peer.messages().some((body) => body[0] === 1), 15_000);
    peer.say(message(`06 ${uint32(0)} ${uint32(0)} ${uint32(16_384)}`));
    peer.socket.end();
    await Promise.race([peer.closed, wait(15_000)]);
    expect(peer.isClosed).toBe(true);
    await getFrom(share).succeed(20_000);
    await expectWhole(share);
  });
});
