import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AnnounceParams } from "../../src/client/core/announce-types.ts";
import { createHttpAnnounce } from "../../src/client/discovery/tracker-http.ts";
import { createUdpAnnounce } from "../../src/client/discovery/tracker-udp.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { datagramDialer } from "../../src/platform/datagram-channel.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { anySource } from "../../src/platform/source-address.ts";
import { fromHex, fromLatin1 } from "../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { createTorrentFile, readReport } from "../../src/share.ts";
import { Child, run } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { scratch } from "../support/data.ts";

const place = scratch();
let nextDir = 0;
let dir: string;
const running: ShareProcess[] = [];
beforeEach(() => {
  dir = path.join(place.dir, String(nextDir++));
  mkdirSync(dir);
});
afterEach(async () => {
  for (const child of running.splice(0)) await child.stop("SIGKILL");
});
afterAll(() => place.remove());

async function start(...args: string[]): Promise<{ child: ShareProcess; port: number }> {
  const child = new ShareProcess(["tracker", "--port", "0", "--bind", "127.0.0.1", ...args]);
  running.push(child);
  const { port } = await child.event("listening");
  return { child, port: Number(port) };
}

const http = createHttpAnnounce();
const udp = createUdpAnnounce({
  clock: systemClock,
  random: systemRandom,
  dial: datagramDialer(anySource),
  resolve: async () => [],
});
const HASH = "ab".repeat(20);

function params(name: string, fields: Partial<AnnounceParams> & { hash?: string } = {}): AnnounceParams {
  const { hash = HASH, ...rest } = fields;
  const id = peerId(fromLatin1(`-TR4000-${name}`.padEnd(20, "_")));
  const own = infoHash(fromHex(hash) ?? new Uint8Array(20));
  const port = 7000 + name.charCodeAt(0);
  return {
    infoHash: own,
    peerId: id,
    port,
    uploaded: 0,
    downloaded: 0,
    left: 5,
    key: "0a",
    numwant: 50,
    ...rest,
  };
}

const announce = (port: number, over: "http" | "udp", asked: AnnounceParams) =>
  (over === "http" ? http : udp)(`${over}://127.0.0.1:${port}/announce`, asked, AbortSignal.timeout(10_000));

async function get(port: number, target: string, host = `127.0.0.1:${port}`) {
  const response = await fetch(`http://127.0.0.1:${port}${target}`, { headers: { host } });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

async function torrent(name: string): Promise<{ file: string; hash: string }> {
  const source = path.join(dir, name);
  writeFileSync(source, name);
  const out = path.join(dir, `${name}.torrent`);
  const made = await createTorrentFile(source, { out }, new AbortController().signal);
  return { file: out, hash: made.infoHash };
}

describe("share tracker", () => {
  test("tracks any torrent, one swarm for both protocols, and shows it", async () => {
    const { child, port } = await start();
    await announce(port, "http", params("a", { left: 0 }));
    const reply = await announce(port, "udp", params("b"));
    expect(reply).toMatchObject({ seeders: 1, leechers: 1, peers: [{ host: "127.0.0.1", port: 7097 }] });
    const stats = JSON.parse((await get(port, "/stats.json")).text) as object;
    expect(stats).toMatchObject({ torrents: 1, seeders: 1, leechers: 1, announces: 2 });
    expect(stats).toHaveProperty("swarms", [{ infoHash: HASH, seeders: 1, leechers: 1, completed: 0 }]);
    const page = await get(port, "/stats");
    expect([page.status, page.type]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.text).toContain(HASH);
    const metrics = await get(port, "/metrics");
    expect(metrics.type).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(metrics.text).toContain("# TYPE boojum_tracker_leechers gauge\nboojum_tracker_leechers 1\n");
    expect((await get(port, "/")).status).toBe(404);
    await child.until(() => child.events.find(({ event, peers }) => event === "stats" && peers === 2));
    expect(await child.stop()).toBe(0);
    expect(child.events.at(-1)).toEqual({ event: "stopped" });
  });

  test("keeps swarms and finished downloads over a restart, even over SIGKILL once saved", async () => {
    const state = path.join(dir, "state");
    const first = await start("--state", state);
    await announce(first.port, "http", params("a"));
    await announce(first.port, "http", params("a", { left: 0, event: "completed" }));
    await announce(first.port, "udp", params("b"));
    expect(await first.child.stop()).toBe(0);
    expect(statSync(state).mode & 0o777).toBe(0o600);
    const second = await start("--state", state);
    const reply = await announce(second.port, "http", params("c"));
    expect(reply.peers.map((peer) => peer.port).sort()).toEqual([7097, 7098]);
    const stats = JSON.parse((await get(second.port, "/stats.json")).text) as object;
    expect(stats).toMatchObject({ seeders: 1, leechers: 2, completed: 1 });
  });

  test("does not begin with a damaged state, nor overwrites it", async () => {
    const state = path.join(dir, "state");
    writeFileSync(state, "something of the user's");
    const child = new ShareProcess(["tracker", "--port", "0", "--bind", "127.0.0.1", "--state", state]);
    expect(await child.end()).toBe(1);
    expect(child.events).toEqual([expect.objectContaining({ event: "error", code: "state" })]);
    expect(readFileSync(state, "utf8")).toBe("something of the user's");
  });

  test("does not begin with a state that can't be read", async () => {
    // A folder in its place: that is no missing file.
    const child = new ShareProcess(["tracker", "--port", "0", "--bind", "127.0.0.1", "--state", dir]);
    expect(await child.end()).toBe(1);
    expect(child.events).toEqual([expect.objectContaining({ event: "error", code: "state" })]);
  });

  test("tells each peer that comes and goes with --json", async () => {
    const { child, port } = await start();
    await announce(port, "udp", params("a"));
    await announce(port, "udp", params("a", { event: "stopped" }));
    const left = () => child.events.find(({ event, state }) => event === "peer" && state === "left");
    expect(await child.until(left)).toMatchObject({ infoHash: HASH, address: "127.0.0.1:7097" });
    expect(child.events).toContainEqual(expect.objectContaining({ event: "peer", state: "joined" }));
  });

  test("tracks the torrents of a folder only, as they come and go, and names them when told to", async () => {
    const one = await torrent("one");
    const allow = path.join(dir, "allow");
    mkdirSync(allow);
    copyFileSync(one.file, path.join(allow, "one.torrent"));
    writeFileSync(path.join(allow, "broken.torrent"), "de");
    const { child, port } = await start("--allow", allow, "--show-names");
    expect(child.events.filter(({ event }) => event === "warning")).toHaveLength(1);
    expect((await announce(port, "udp", params("a", { hash: one.hash }))).leechers).toBe(1);
    await expect(announce(port, "http", params("a"))).rejects.toThrow(/unknown torrent/);
    await expect(announce(port, "udp", params("a"))).rejects.toThrow(/unknown torrent/);
    expect((await get(port, "/stats")).text).toContain("<bdi>one</bdi>");
    const two = await torrent("two");
    copyFileSync(two.file, path.join(allow, "two.torrent"));
    rmSync(path.join(allow, "one.torrent"));
    const shown = async () =>
      (JSON.parse((await get(port, "/stats.json")).text) as { swarms: unknown[] }).swarms;
    await expect
      .poll(shown, { timeout: 20_000, interval: 500 })
      .toEqual([{ infoHash: two.hash, name: "two", seeders: 0, leechers: 0, completed: 0 }]);
  });

  test("notes each event in a log, which the report adds up", async () => {
    const log = path.join(dir, "log");
    const { child, port } = await start("--log", log);
    await announce(port, "http", params("a"));
    await announce(port, "http", params("a", { left: 0, event: "completed" }));
    await announce(port, "udp", params("b"));
    await announce(port, "udp", params("b", { event: "stopped" }));
    expect(await child.stop()).toBe(0);
    const lines = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      "joined",
      "completed",
      "joined",
      "left",
    ]);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      infoHash: HASH,
      address: "127.0.0.1:7097",
      progress: 0,
    });
    writeFileSync(log, `${lines.join("\n")}\nnonsense\n{"event":"joined"}\n`);
    expect(await readReport(log)).toMatchObject({
      torrents: 1,
      joined: 2,
      completed: 1,
      left: 1,
      unreadable: 2,
      hours: [{ joined: 2, completed: 1 }],
      swarms: [{ infoHash: HASH, joined: 2, completed: 1 }],
    });
    const text = await run(process.execPath, [commandPath, "tracker", "report", log]);
    expect(text).toContain("1 torrent: 2 joined, 1 completed, 1 left");
    expect(text).toContain(`${"#".repeat(20)}${"-".repeat(20)} 2, 1`);
  });

  test("notes events in a log without --json too, goes on where the last run ended, for its owner only", async () => {
    const log = path.join(dir, "log");
    for (const name of ["a", "b"]) {
      const args = [commandPath, "tracker", "--port", "0", "--bind", "127.0.0.1", "--log", log];
      const child = new Child(process.execPath, args);
      try {
        const url = await child.until(({ stdout }) => stdout.find((line) => line.startsWith("http:")));
        await announce(Number(new URL(url).port), "http", params(name));
      } finally {
        expect(await child.stop()).toBe(0);
      }
    }
    expect(statSync(log).mode & 0o777).toBe(0o600);
    expect(await readReport(log)).toMatchObject({ joined: 2, unreadable: 0 });
  });

  test("sums a log up: leaving is no row of its own, the most downloaded torrent is first", async () => {
    const log = path.join(dir, "log");
    const line = (time: string, event: string, hash: string) =>
      `${JSON.stringify({ time: `2026-01-01T${time}Z`, event, infoHash: hash.repeat(40) })}\n`;
    writeFileSync(
      log,
      [
        line("10:00:00.000", "joined", "a"),
        line("10:59:59.999", "joined", "a"),
        line("11:00:00.000", "joined", "b"),
        line("11:30:00.000", "completed", "b"),
        line("12:30:00.000", "left", "c"),
        `${" ".repeat(10_001)}${line("13:00:00.000", "joined", "d")}`,
      ].join(""),
    );
    expect(await readReport(log)).toEqual({
      event: "report",
      from: "2026-01-01T10:00:00.000Z",
      to: "2026-01-01T12:30:00.000Z",
      torrents: 2,
      joined: 3,
      completed: 1,
      left: 1,
      unreadable: 1,
      hours: [
        { hour: "2026-01-01T10:00Z", joined: 2, completed: 0 },
        { hour: "2026-01-01T11:00Z", joined: 1, completed: 1 },
      ],
      swarms: [
        { infoHash: "b".repeat(40), joined: 1, completed: 1 },
        { infoHash: "a".repeat(40), joined: 2, completed: 0 },
      ],
    });
  });

  test("shows hashes, not names, unless told to", async () => {
    const one = await torrent("one");
    const allow = path.join(dir, "allow");
    mkdirSync(allow);
    copyFileSync(one.file, path.join(allow, "one.torrent"));
    const { port } = await start("--allow", allow);
    const { text } = await get(port, "/stats");
    expect(text).toContain(one.hash);
    expect(text).not.toContain("<bdi>one</bdi>");
    expect((await get(port, "/stats.json")).text).not.toContain('"name"');
  });

  test("refuses what makes no sense", async () => {
    for (const args of [
      ["tracker", "report"],
      ["tracker", "repot", "x"],
    ]) {
      expect(await new ShareProcess(args).end()).toBe(2);
    }
    expect(await new ShareProcess(["tracker", "report", path.join(dir, "none")]).end()).toBe(1);
    expect(await new ShareProcess(["tracker", "--allow", path.join(dir, "none")]).end()).toBe(1);
    expect(existsSync(path.join(dir, "none"))).toBe(false);
  });

  test("answers other host names with 421", async () => {
    const { port } = await start();
    const socket = await import("node:net").then(({ connect }) => connect(port, "127.0.0.1"));
    socket.end("GET /stats HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const part of socket) text += String(part);
    expect(text).toMatch(/^HTTP\/1.1 421 /);
  });
});

describe("a publication's statistics", () => {
  test("tell of listed shares, and nothing of unlisted ones", async () => {
    writeFileSync(path.join(dir, "open.txt"), "x");
    const start = async (...args: string[]) => {
      const child = new ShareProcess([
        ...args,
        "--port",
        "0",
        "--bind",
        "127.0.0.1",
        "--cache-dir",
        path.join(dir, "c"),
      ]);
      running.push(child);
      const ready = await child.event("ready");
      return { port: Number((await child.event("listening"))["port"]), ready };
    };
    const open = await start(path.join(dir, "open.txt"));
    expect((await get(open.port, "/stats")).text).toContain("<bdi>open.txt</bdi>");
    const hidden = await start(path.join(dir, "open.txt"), "--unlisted");
    const url = `http://127.0.0.1:${hidden.port}/announce/${String(hidden.ready["share"])}`;
    await http(url, params("a", { hash: String(hidden.ready["infoHash"]) }), AbortSignal.timeout(5_000));
    const stats = JSON.parse((await get(hidden.port, "/stats.json")).text) as object;
    expect(stats).toMatchObject({ torrents: 0, seeders: 0, leechers: 0, announces: 0, swarms: [] });
    expect((await get(hidden.port, "/metrics")).text).toMatch(/leechers 0\n/);
  });
});
