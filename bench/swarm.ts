/**
 * One seeder and eight leechers, each behind a link of its own, side by side: time over the bound, copies sent.
 * --mbit, --mib, --leechers, --rounds; --only boojum leaves the other out; --mixed 1 measures swarms of several clients.
 * Linux, root.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, run } from "../test/support/child.ts";
import { ShareProcess } from "../test/support/command.ts";
import { digestFile, noise, scratch } from "../test/support/data.ts";
import { libtorrent } from "../test/support/peers/libtorrent.ts";
import { type PeerJob, patience } from "../test/support/peers/peer.ts";
import { transmission } from "../test/support/peers/transmission.ts";
import { machine, median, option, type Row, report } from "./support/measure.ts";
import { inTurn } from "./support/stage.ts";

const mbit = option("mbit", 50);
const mib = option("mib", 64);
const leechers = option("leechers", 8);
const rounds = option("rounds", 5);
const trackerUrl = "http://10.99.0.254:6969/announce";
const pieceKiB = 64;

/** Data that is there is looked at and seeded, the rest downloaded: one job both ways. */
async function ours(job: PeerJob): Promise<ShareProcess> {
  const port = String(job.port);
  const args = ["get", job.torrent, "-o", job.dir, "--port", port, "--seed", "--no-lan"];
  const child = new ShareProcess(args, { network: job.network });
  await child.event("done", patience);
  return child;
}

const boojum = { seed: ours, get: ours };
const peers = { boojum, libtorrent, transmission } as const;
type Name = keyof typeof peers;
/** Who seeds, and who downloads. */
interface Swarm {
  readonly label: string;
  readonly seeder: Name;
  readonly leechers: readonly Name[];
}

const many = (name: Name, count: number): Name[] => Array.from({ length: count }, () => name);
const half = Math.floor(leechers / 3);
const isMixed = option("mixed", 0) !== 0;
/** Who downloads in a mixed swarm, with some of ours and with libtorrent in their place. */
const mixed = {
  "half of the leechers ours": [
    ...many("boojum", leechers - 2 * half),
    ...many("libtorrent", half),
    ...many("transmission", half),
  ],
  "libtorrent in our place": [...many("libtorrent", leechers - half), ...many("transmission", half)],
};
const swarms: readonly Swarm[] = isMixed
  ? (["libtorrent", "boojum"] as const).flatMap((seeder) =>
      Object.entries(mixed).map(([who, those]) => ({
        label: `${seeder} seeds, ${who}`,
        seeder,
        leechers: those,
      })),
    )
  : (["boojum", "libtorrent"] as const).map((name) => ({
      label: name,
      seeder: name,
      leechers: many(name, leechers),
    }));

const only = process.argv.indexOf("--only");
/** `--only NAME`: swarms that NAME seeds. */
function isChosen({ seeder }: Swarm): boolean {
  return only < 0 || seeder === process.argv[only + 1];
}

/** Namespaces begin with this; the bridge is in the one without a number. */
const prefix = process.argv[process.argv.indexOf("--inside") + 1] ?? "";
const networkOf = (host: number): string => `${prefix}-${host}`;

interface Sample {
  /** Seconds from the start of the leechers until each had everything. */
  readonly seconds: readonly number[];
  /** What left the seeder's link, over the size. */
  readonly sent: number;
}

function job(place: string, torrent: string, host: number): PeerJob {
  const dir = path.join(place, `out-${host}`);
  const state = path.join(place, `state-${host}`);
  for (const folder of [dir, state]) mkdirSync(folder);
  return { torrent, dir, address: `10.99.0.${host}`, port: 50_000 + host, state, network: networkOf(host) };
}

async function measure(place: string, payload: string, torrent: string, swarm: Swarm): Promise<Sample> {
  const seeding = { ...job(place, torrent, 1), dir: path.dirname(payload) };
  const jobs = swarm.leechers.map((_, i) => job(place, torrent, i + 2));
  const running: Child[] = [];
  try {
    const seeder = await peers[swarm.seeder].seed(seeding);
    running.push(seeder);
    await sleep(2_000); // Its announce must have reached the tracker.
    const before = bytesSent(seeder);
    const start = performance.now();
    const seconds = await Promise.all(
      swarm.leechers.map(async (name, i) => {
        const leecher = jobs[i];
        if (leecher === undefined) throw new Error("a job a leecher");
        running.push(await peers[name].get(leecher));
        return (performance.now() - start) / 1000;
      }),
    );
    const sent = (bytesSent(seeder) - before) / statSync(payload).size;
    const expected = await digestFile(payload);
    for (const { dir } of jobs) {
      if ((await digestFile(path.join(dir, path.basename(payload)))) !== expected)
        throw new Error(`${dir} differs`);
    }
    return { seconds, sent };
  } finally {
    await Promise.all(running.map((child) => child.stop()));
    for (const { dir, state } of [...jobs, { dir: path.join(place, "out-1"), state: seeding.state }]) {
      for (const folder of [dir, state]) rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** What left the link of the namespace that `child` runs in: everything counted. */
function bytesSent(child: Child): number {
  const line = readFileSync(`/proc/${child.process.pid}/net/dev`, "utf8")
    .split("\n")
    .find((one) => /^ *e0:/.test(one));
  return Number(line?.trim().split(/\s+/)[9] ?? Number.NaN);
}

async function compare(): Promise<void> {
  const place = scratch("/dev/shm");
  const tracker = new ShareProcess(["tracker", "--port", "6969"]);
  try {
    const payload = path.join(place.dir, "source", "payload.bin");
    mkdirSync(path.dirname(payload));
    writeFileSync(payload, noise(mib << 20, 1));
    const torrent = path.join(place.dir, "payload.torrent");
    const exponent = String(Math.log2(pieceKiB << 10));
    await run("mktorrent", ["-a", trackerUrl, "-l", exponent, "-o", torrent, payload]);
    const bits = (mib * 8 * 1.048576) / mbit;
    const bound = Math.max(bits, (leechers * bits) / (leechers + 1));
    const samples = await inTurn(swarms.filter(isChosen), { rounds, warmUp: false }, async (swarm) => {
      const sample = await measure(place.dir, payload, torrent, swarm);
      const last = Math.max(...sample.seconds);
      console.log(
        `${swarm.label}: ${last.toFixed(2)} s, ${(last / bound).toFixed(3)} x the bound, ${sample.sent.toFixed(3)} copies`,
      );
      return sample;
    });
    const title = `1 seeder, ${leechers} leechers, ${mbit} Mbit/s each way, ${mib} MiB, pieces of ${pieceKiB} KiB; bound ${bound.toFixed(2)} s; medians of ${rounds}`;
    const rows = [...samples].flatMap(([swarm, values]) => rowsOf(swarm, values, bound));
    report(isMixed ? `swarm-mixed-${mbit}` : `swarm-${mbit}`, title, rows);
  } finally {
    await tracker.stop();
    place.remove();
  }
}

/** One row for the swarm, and in a mixed one a row for each kind of leecher. */
function rowsOf(swarm: Swarm, samples: readonly Sample[], bound: number): Row[] {
  const kinds = [...new Set(swarm.leechers)];
  const row = (label: string, isOne: (name: Name) => boolean): Row => {
    const times = samples.map(({ seconds }) =>
      seconds.filter((_, i) => isOne(swarm.leechers[i] ?? "boojum")),
    );
    const last = median(times.map((of) => Math.max(...of)));
    return {
      label,
      figures: {
        "last s": last,
        "first s": median(times.map((of) => Math.min(...of))),
        "last / bound": last / bound,
        "seeder sent / size": median(samples.map(({ sent }) => sent)),
      },
    };
  };
  const all = row(swarm.label, () => true);
  if (kinds.length === 1) return [all];
  return [all, ...kinds.map((kind) => row(`${swarm.label}: ${kind}`, (name) => name === kind))];
}

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "inherit" });

/** A bridge, and behind it a namespace for every peer whose link is shaped both ways. */
function build(name: string): void {
  const tbf = ["root", "tbf", "rate", `${mbit}mbit`, "burst", "32kb", "latency", "100ms"];
  const tc = (...args: string[]) => execFileSync("tc", args, { stdio: "inherit" });
  ip("netns", "add", name);
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "link", "add", "br0", "type", "bridge");
  ip("-n", name, "addr", "add", "10.99.0.254/24", "dev", "br0");
  ip("-n", name, "link", "set", "br0", "up");
  for (let host = 1; host <= leechers + 1; host++) {
    const own = `${name}-${host}`;
    ip("netns", "add", own);
    ip("-n", own, "link", "set", "lo", "up");
    ip("-n", name, "link", "add", `p${host}`, "type", "veth", "peer", "name", "e0", "netns", own);
    ip("-n", name, "link", "set", `p${host}`, "master", "br0", "up");
    ip("-n", own, "addr", "add", `10.99.0.${host}/24`, "dev", "e0");
    ip("-n", own, "link", "set", "e0", "up");
    tc("-n", own, "qdisc", "add", "dev", "e0", ...tbf);
    tc("-n", name, "qdisc", "add", "dev", `p${host}`, ...tbf);
  }
}

function tearDown(name: string): void {
  const existing = execFileSync("ip", ["netns", "list"], { encoding: "utf8" }).split("\n");
  for (const line of existing) {
    const [own = ""] = line.split(" ");
    if (own === name || own.startsWith(`${name}-`)) ip("netns", "del", own);
  }
}

async function inNetworks(): Promise<void> {
  const name = `boojum-swarm-${process.pid}`;
  try {
    build(name);
    const args = ["bench/run.mjs", "swarm", "--inside", name, ...process.argv.slice(3)];
    const child = new Child(process.execPath, args, { network: name });
    child.process.stdout?.pipe(process.stdout);
    child.process.stderr?.pipe(process.stderr);
    process.exitCode = Number(await child.exited);
  } finally {
    tearDown(name);
  }
}

if (process.argv.includes("--inside")) {
  console.log(machine());
  await compare();
} else {
  await inNetworks();
}
