/** One seeder to one and to four leechers over loopback, side by side; --mib, --mib4, --rounds. Linux, root. */
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, run } from "../test/support/child.ts";
import { digestFile, noise, scratch } from "../test/support/data.ts";
import { aria2 } from "../test/support/peers/aria2.ts";
import { libtorrent } from "../test/support/peers/libtorrent.ts";
import type { PeerJob, RealPeer } from "../test/support/peers/peer.ts";
import { transmission } from "../test/support/peers/transmission.ts";
import { rewriteTorrent } from "../test/support/torrent-file.ts";
import { boojum } from "./support/boojum.ts";
import { machine, median, option, type Row, report, usageOf, warmMemory } from "./support/measure.ts";
import { installWebtorrent, webtorrent } from "./support/webtorrent.ts";

const trackerUrl = "http://10.99.0.30:6969/announce";
const seederPort = 50_001;
const rounds = option("rounds", 3);
type Name = "boojum" | "libtorrent" | "aria2" | "transmission" | "webtorrent";
const others: Readonly<Record<Exclude<Name, "boojum">, RealPeer>> = {
  libtorrent,
  aria2,
  transmission,
  webtorrent,
};

interface Sample {
  readonly seconds: number;
  readonly seedCpu: number;
  readonly getCpu: number;
  readonly seedPeak: number;
  readonly getPeak: number;
}

let jobs = 0;
function fresh(place: string, name: string): string {
  const dir = path.join(place, `${name}-${++jobs}`);
  mkdirSync(dir);
  return dir;
}

interface Seeding {
  readonly child: Child;
  readonly torrent: string;
}

async function startSeeder(name: Name, place: string, payload: string, torrent: string): Promise<Seeding> {
  if (name === "boojum") {
    const { child, torrentUrl } = await boojum.publish(payload, seederPort, fresh(place, "state"));
    const bytes = new Uint8Array(await (await fetch(torrentUrl)).arrayBuffer());
    const announce = `http://10.99.0.1:${seederPort}/announce`;
    return { child, torrent: rewriteTorrent(bytes, [announce], path.join(place, "ours.torrent")) };
  }
  const dir = path.dirname(payload);
  const job = { torrent, dir, address: "10.99.0.1", port: seederPort, state: fresh(place, "state") };
  const child = await others[name].seed(job);
  await sleep(2000); // Its announce must have reached the tracker.
  return { child, torrent };
}

/** One seeder, `count` leechers of one kind at once: from the start of the first process to the last one's end. */
async function transfer(
  place: string,
  payload: string,
  torrent: string,
  pair: readonly [Name, Name],
  count: number,
): Promise<Sample> {
  const [seedName, getName] = pair;
  const seeder = await startSeeder(seedName, place, payload, torrent);
  const running: Child[] = [];
  const folders: string[] = [];
  try {
    warmMemory(place, statSync(payload).size * count);
    const before = usageOf(seeder.child.process.pid).cpuSeconds;
    const start = performance.now();
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const dir = fresh(place, "out");
        folders.push(dir);
        const port = 51_000 + ((jobs * 7) % 5000);
        const job: PeerJob = {
          torrent: seeder.torrent,
          dir,
          address: `10.99.0.${2 + i}`,
          port,
          state: fresh(place, "state"),
        };
        running.push(await (getName === "boojum" ? boojum.get(job) : others[getName].get(job)));
      }),
    );
    const seconds = (performance.now() - start) / 1000;
    const seed = usageOf(seeder.child.process.pid);
    const gets = running.map((child) => usageOf(child.process.pid));
    const sample: Sample = {
      seconds,
      seedCpu: seed.cpuSeconds - before,
      getCpu: gets.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      seedPeak: seed.peakMiB,
      getPeak: Math.max(...gets.map(({ peakMiB }) => peakMiB)),
    };
    const expected = await digestFile(payload);
    for (const folder of folders) {
      const copy = path.join(folder, path.basename(payload));
      if ((await digestFile(copy)) !== expected)
        throw new Error(`${getName} got something else than ${seedName} has`);
    }
    return sample;
  } finally {
    await Promise.all([seeder.child, ...running].map((child) => child.stop()));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(
  name: string,
  mib: number,
  count: number,
  pairs: readonly (readonly [Name, Name])[],
): Promise<void> {
  const place = scratch("/dev/shm");
  let tracker: Child | undefined;
  try {
    const payload = path.join(place.dir, "payload.bin");
    writeFileSync(payload, "");
    for (let i = 0; i < mib; i += 16)
      writeFileSync(payload, noise(Math.min(16, mib - i) << 20, i), { flag: "a" });
    const torrent = path.join(place.dir, "payload.torrent");
    await run("mktorrent", ["-a", trackerUrl, "-l", "20", "-o", torrent, payload]);
    tracker = startTracker(place.dir, await infoHashOf(torrent));

    const samples = new Map(pairs.map((pair) => [pair, [] as Sample[]]));
    for (let round = 0; round < rounds; round++) {
      for (const pair of pairs) {
        const sample = await transfer(place.dir, payload, torrent, pair, count);
        samples.get(pair)?.push(sample);
        console.log(`${pair.join(" -> ")} x ${count}: ${sample.seconds.toFixed(2)} s`);
      }
    }
    const rows: Row[] = [...samples].map(([pair, values]) => {
      const of = (pick: (sample: Sample) => number): number => median(values.map(pick));
      const seconds = of((sample) => sample.seconds);
      return {
        label: `${pair[0]} -> ${count > 1 ? `${count} x ` : ""}${pair[1]}`,
        figures: {
          "median s": seconds,
          "MB/s": (mib * 1.048576 * count) / seconds,
          "seed CPU s": of((sample) => sample.seedCpu),
          "get CPU s": of((sample) => sample.getCpu),
          "seed peak MiB": of((sample) => sample.seedPeak),
          "get peak MiB": of((sample) => sample.getPeak),
        },
      };
    });
    report(
      name,
      `1 to ${count}, ${mib} MiB over loopback, pieces of 1 MiB, medians of ${rounds} rounds`,
      rows,
    );
  } finally {
    await tracker?.stop();
    place.remove();
  }
}

/** Debian's opentracker, which tracks only what its white list names: nobody's own tracker is in the race. */
function startTracker(dir: string, infoHash: string): Child {
  // It gives up root and looks at the list from inside of its folder, which must therefore be open to all.
  const home = fresh(dir, "tracker");
  chmodSync(dir, 0o755);
  chmodSync(home, 0o777);
  writeFileSync(path.join(home, "whitelist"), `${infoHash}\n`);
  return new Child("opentracker", ["-i", "10.99.0.30", "-p", "6969", "-d", home, "-w", "whitelist"], {
    cwd: home,
  });
}

async function infoHashOf(torrent: string): Promise<string> {
  const shown = await run("transmission-show", [torrent]);
  const hash = /Hash: ([0-9a-f]{40})/.exec(shown)?.[1];
  if (hash === undefined) throw new Error(`no hash in ${shown}`);
  return hash;
}

/** Everything runs in a network of its own, where peers have addresses outside 127/8. */
async function inNetwork(): Promise<void> {
  await installWebtorrent();
  const wrapped = [
    "scripts/in-network.mjs",
    process.execPath,
    "bench/run.mjs",
    "transfer",
    "--inside",
    ...process.argv.slice(3),
  ];
  const child = new Child(process.execPath, wrapped);
  child.process.stdout?.pipe(process.stdout);
  child.process.stderr?.pipe(process.stderr);
  process.exitCode = Number(await child.exited);
}

if (process.argv.includes("--inside")) {
  console.log(machine());
  const all: readonly (readonly [Name, Name])[] = [
    ["boojum", "boojum"],
    ["libtorrent", "libtorrent"],
    ["boojum", "libtorrent"],
    ["libtorrent", "boojum"],
    ["aria2", "aria2"],
    ["boojum", "transmission"],
    ["webtorrent", "webtorrent"],
  ];
  await compare("transfer-1-1", option("mib", 1024), 1, all);
  const same = all.filter(([seeder, leecher]) => seeder === leecher);
  await compare("transfer-1-4", option("mib4", 256), 4, same);
} else {
  await inNetwork();
}
