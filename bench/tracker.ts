/**
 * Announces a second over kept connections, new connections and UDP, and memory for many peers: this tracker beside
 * opentracker and bittorrent-tracker (npm), in one run. One process makes the load; when it uses a whole core, the row
 * is the generator's limit as much as the tracker's, and `load cores` says so.
 *
 * npm run bench -- tracker [--seconds 3] [--peers 100000] [--rounds 5]
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Child, run } from "../test/support/child.ts";
import { freePort } from "../test/support/free-port.ts";
import { announceOverUdp, CONCURRENCY, hashOf, type Load, portOf } from "./support/announces.ts";
import { median, option, report, usageOf } from "./support/measure.ts";
import { inTurn } from "./support/stage.ts";

const SECONDS = option("seconds", 3);
const PEERS = option("peers", 100_000);
const ROUNDS = option("rounds", 5);
const SWARMS = 100;
/** Announces before it is measured, or ten seconds of them. */
const WARM_UP = 20_000;
const root = fileURLToPath(new URL("..", import.meta.url));
const home = path.join(root, "artifacts/bench/npm");

const crowd = { swarms: SWARMS, peers: PEERS };
const hashes = Array.from({ length: SWARMS }, (_, i) => hashOf(i, crowd));
const escape = (bytes: Uint8Array) =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const escapedHashes = hashes.map(escape);

/** The n-th peer: its swarm, id and port. */
function target(n: number): string {
  const id = `-XX0000-${String(n % PEERS).padStart(12, "0")}`;
  const port = portOf(n, crowd);
  return `/announce?info_hash=${escapedHashes[n % SWARMS]}&peer_id=${id}&port=${port}&uploaded=0&downloaded=0&left=1&compact=1&numwant=50&key=${n % PEERS}`;
}

interface Tracker {
  readonly name: string;
  readonly start: (port: number, dir: string) => Child;
}

const trackers: readonly Tracker[] = [
  {
    name: "boojum",
    start: (port) =>
      new Child(process.execPath, [
        path.join(root, "dist/cli.cjs"),
        ...["tracker", "--port", String(port), "--bind", "127.0.0.1"],
      ]),
  },
  {
    name: "opentracker",
    start: (port, dir) => {
      const list = path.join(dir, "white");
      writeFileSync(list, `${hashes.map((hash) => Buffer.from(hash).toString("hex")).join("\n")}\n`);
      // It gives up its rights and changes its root before it reads the list.
      chmodSync(dir, 0o755);
      const at = String(port);
      return new Child("opentracker", ["-i", "127.0.0.1", "-p", at, "-P", at, "-d", dir, "-w", "white"], {
        cwd: dir,
      });
    },
  },
  {
    name: "bittorrent-tracker",
    start: (port) =>
      new Child(process.execPath, [
        path.join(home, "node_modules/bittorrent-tracker/bin/cmd.js"),
        ...["--port", String(port), "--http-hostname", "127.0.0.1", "--udp-hostname", "127.0.0.1"],
        ...["--udp6-hostname", "::1", "--http", "--udp", "--quiet", "--trust-proxy=false"],
      ]),
  },
];

/** Raw sockets: the next request goes out when the answer's end has come. */
function httpLoad(port: number, isKept: boolean): Load {
  let done = 0;
  let next = 0;
  const running = new AbortController();
  const sockets = new Set<Socket>();
  const ended: Promise<void>[] = [];
  const work = async () => {
    while (!running.signal.aborted) await new Promise<void>((resolve) => converse(resolve));
  };
  const converse = (resolve: () => void) => {
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    socket.setNoDelay(true);
    let pending = "";
    const ask = () => {
      const connection = isKept ? "keep-alive" : "close";
      socket.write(
        `GET ${target(next++)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: ${connection}\r\n\r\n`,
      );
    };
    socket.on("connect", ask);
    socket.on("error", () => {});
    socket.on("data", (part) => {
      pending += part.toString("latin1");
      const body = pending.indexOf("\r\n\r\n") + 4;
      const length = Number(/content-length: *(\d+)/i.exec(pending.slice(0, body))?.[1] ?? Number.NaN);
      if (body < 4 || !(pending.length >= body + length)) return;
      if (pending.includes("14:failure reason")) throw new Error(`refused: ${pending.slice(body)}`);
      pending = "";
      done++;
      if (isKept && !running.signal.aborted) ask();
      else socket.end();
    });
    socket.on("close", () => {
      sockets.delete(socket);
      resolve();
    });
  };
  for (let i = 0; i < CONCURRENCY; i++) ended.push(work());
  return {
    count: () => done,
    stop: async () => {
      running.abort();
      for (const socket of sockets) socket.destroy();
      await Promise.all(ended);
    },
  };
}

async function measure(child: Child, start: () => Load | Promise<Load>) {
  const load = await start();
  // By count: on a busy machine half a second is not enough for anything that compiles as it runs.
  for (let i = 0; i < 40 && load.count() < WARM_UP; i++) await sleep(250);
  const before = {
    count: load.count(),
    at: performance.now(),
    usage: usageOf(child.process.pid),
    own: process.cpuUsage(),
  };
  await sleep(SECONDS * 1000);
  const seconds = (performance.now() - before.at) / 1000;
  const own = process.cpuUsage(before.own);
  const rate = (load.count() - before.count) / seconds;
  const server = (usageOf(child.process.pid).cpuSeconds - before.usage.cpuSeconds) / seconds;
  await load.stop();
  return { rate, server, load: (own.user + own.system) / 1e6 / seconds };
}

async function untilOpen(port: number): Promise<void> {
  const agent = new Agent();
  for (let i = 0; i < 100; i++) {
    const isOpen = await new Promise<boolean>((resolve) =>
      get({ port, host: "127.0.0.1", path: "/scrape", agent }, (response) => {
        response.resume().on("end", () => resolve(true));
      }).on("error", () => resolve(false)),
    );
    // opentracker reads its list on the side; a moment later it knows it.
    if (isOpen) return void (await sleep(1_000));
    await sleep(100);
  }
  throw new Error("the tracker does not answer");
}

/** Over UDP, as fast as it goes, until every peer was announced twice (some datagrams are lost). */
async function fill(port: number): Promise<void> {
  const load = await announceOverUdp(port, crowd);
  for (let i = 0; i < 1200 && load.count() < 2 * PEERS; i++) await sleep(50);
  await load.stop();
}

if (!existsSync(path.join(home, "node_modules/bittorrent-tracker"))) {
  mkdirSync(home, { recursive: true });
  if (!existsSync(path.join(home, "package.json")))
    writeFileSync(path.join(home, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "bittorrent-tracker@11"], {
    cwd: home,
  });
  // Its native WebRTC module comes as a download that --ignore-scripts leaves out; no run here uses WebRTC.
  const stub =
    "class Stub { constructor() { throw new Error('no WebRTC') } }\n" +
    "export default new Proxy({}, { get: (_, key) => (/^[A-Z]/.test(String(key)) ? Stub : () => {}) });\n";
  writeFileSync(path.join(home, "node_modules/node-datachannel/dist/esm/lib/node-datachannel.mjs"), stub);
}
const modes: readonly (readonly [string, (port: number) => Load | Promise<Load>])[] = [
  ["kept HTTP", (port) => httpLoad(port, true)],
  ["new HTTP", (port) => httpLoad(port, false)],
  ["UDP", (port) => announceOverUdp(port, crowd)],
];

/** Runs a tracker of its own for one measurement. */
async function withTracker<T>(
  tracker: Tracker,
  work: (child: Child, port: number) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(path.join(tmpdir(), "boojum-bench-"));
  const port = await freePort();
  const child = tracker.start(port, dir);
  try {
    await untilOpen(port);
    return await work(child, port);
  } finally {
    await child.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What a row has, by its label. */
type Figures = ReadonlyMap<string, Readonly<Record<string, number>>>;

async function measureTracker(tracker: Tracker): Promise<Figures> {
  const figures = new Map<string, Record<string, number>>();
  for (const [mode, load] of modes) {
    const {
      rate,
      server,
      load: cores,
    } = await withTracker(tracker, (child, port) => measure(child, () => load(port)));
    figures.set(`${tracker.name}, ${mode}`, {
      "announces/s": rate,
      "a CPU second": rate / server,
      "tracker cores": server,
      "load cores": cores,
      "MiB more": Number.NaN,
    });
  }
  const growth = await withTracker(tracker, async (child, port) => {
    const before = usageOf(child.process.pid).peakMiB;
    await fill(port);
    return usageOf(child.process.pid).peakMiB - before;
  });
  return figures.set(`${tracker.name}, ${PEERS} peers`, { "MiB more": growth });
}

function medianOf(label: string, samples: readonly Figures[]): Record<string, number> {
  const columns = Object.keys(samples[0]?.get(label) ?? {});
  return Object.fromEntries(
    columns.map((column) => [column, median(samples.map((of) => of.get(label)?.[column] ?? Number.NaN))]),
  );
}

const samples = await inTurn(trackers, { rounds: ROUNDS, warmUp: false }, measureTracker);
const rows = [...samples.values()].flatMap((of) =>
  [...(of[0]?.keys() ?? [])].map((label) => ({ label, figures: medianOf(label, of) })),
);
report("tracker", `Trackers, one process of load on the same machine; medians of ${ROUNDS}`, rows);
