/** One seeder to some leechers, pair beside pair, round after round: who takes how long and uses how much. */
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Child, run } from "../../test/support/child.ts";
import { type Contender, type Seeding, startLeecher, startSeeder } from "./contenders.ts";
import { median, type Row, report, usageOf, warmMemory } from "./measure.ts";
import { foldersMade, freshFolder, inTurn } from "./stage.ts";
import { installWebtorrent } from "./webtorrent.ts";

/** Who seeds, and who gets. */
export type Pair = readonly [seeder: Contender, leecher: Contender];

export interface Contest {
  /** Names the result file. */
  readonly name: string;
  readonly title: string;
  /** An empty folder to work in, in memory. */
  readonly place: string;
  readonly payload: string;
  /** Of the payload. */
  readonly bytes: number;
  /** A power of two, at least 32 KiB. */
  readonly pieceLength: number;
  /** Leechers at once. */
  readonly count: number;
  readonly pairs: readonly Pair[];
  readonly rounds: number;
}

interface Sample {
  readonly seconds: number;
  readonly seedCpu: number;
  readonly getCpu: number;
  readonly seedPeak: number;
  readonly getPeak: number;
}

interface Entry {
  readonly pair: Pair;
  readonly samples: Sample[];
  failure: string | undefined;
}

const trackerAddress = "10.99.0.30";
const trackerPort = 6969;

/**
 * Runs the contest and reports it. Every copy is compared with the original. A pair that fails is left out from then
 * on, named in the report, and makes the process exit with 1.
 */
export async function contest(options: Contest): Promise<void> {
  const { place, payload, pieceLength, pairs, rounds } = options;
  const torrent = path.join(place, "payload.torrent");
  const announce = `http://${trackerAddress}:${trackerPort}/announce`;
  await run("mktorrent", ["-a", announce, "-l", String(Math.log2(pieceLength)), "-o", torrent, payload]);
  const tracker = startTracker(place, await infoHashOf(torrent));
  const entries: Entry[] = pairs.map((pair) => ({ pair, samples: [], failure: undefined }));
  try {
    await inTurn(entries, { rounds, warmUp: false }, async (entry) => {
      if (entry.failure === undefined) await measure(options, entry, torrent);
    });
  } finally {
    await tracker.stop();
  }
  publishResult(options, entries);
}

async function measure(options: Contest, entry: Entry, torrent: string): Promise<void> {
  const label = describe(entry.pair, options.count);
  try {
    const sample = await transfer(options, entry.pair, torrent);
    entry.samples.push(sample);
    console.log(
      `${label}: ${sample.seconds.toFixed(2)} s, CPU s ${sample.seedCpu.toFixed(2)} + ${sample.getCpu.toFixed(2)}`,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${label} failed: ${message}`);
    entry.failure = message.split("\n")[0] ?? "";
    process.exitCode = 1;
  }
}

function publishResult({ name, title, bytes, count, rounds }: Contest, entries: readonly Entry[]): void {
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const { pair, samples, failure } of entries) {
    const label = describe(pair, count);
    if (failure !== undefined) notes.push(`${label} failed in round ${samples.length + 1}: ${failure}`);
    if (samples.length > 0) rows.push({ label, figures: figuresOf(samples, bytes * count) });
  }
  report(name, `${title}, medians of ${rounds} rounds`, rows, notes);
}

function figuresOf(samples: readonly Sample[], bytes: number): Row["figures"] {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  const seconds = of((sample) => sample.seconds);
  return {
    "median s": seconds,
    "min s": Math.min(...samples.map((sample) => sample.seconds)),
    "max s": Math.max(...samples.map((sample) => sample.seconds)),
    "MB/s": bytes / 1e6 / seconds,
    "seed CPU s": of((sample) => sample.seedCpu),
    "get CPU s": of((sample) => sample.getCpu),
    "seed peak MiB": of((sample) => sample.seedPeak),
    "get peak MiB": of((sample) => sample.getPeak),
  };
}

function describe([seeder, leecher]: Pair, count: number): string {
  return `${seeder} -> ${count > 1 ? `${count} x ` : ""}${leecher}`;
}

/** From the start of the first leecher's process until the last one says that it has everything. */
async function transfer(options: Contest, [seeder, leecher]: Pair, torrent: string): Promise<Sample> {
  const { place, payload, pieceLength, bytes, count } = options;
  const state = freshFolder(place, "state");
  // Ports of their own for every run: no tracker or peer may take a newcomer for one that it knew. Below those that the
  // system gives to outgoing connections, with room for Transmission's RPC, 10,000 above.
  const firstPort = 15_000 + ((foldersMade() * 16) % 5_000);
  const seeding = await startSeeder(seeder, { payload, torrent, pieceLength, port: firstPort, state });
  const running: Child[] = [];
  const folders: string[] = [];
  try {
    warmMemory(place, bytes * count);
    const before = usageOf(seeding.child.process.pid).cpuSeconds;
    const start = performance.now();
    const starting = Array.from({ length: count }, async (_, i) => {
      const dir = freshFolder(place, "out");
      folders.push(dir);
      const job = {
        torrent: seeding.torrent,
        dir,
        port: firstPort + 1 + i,
        state: freshFolder(place, "state"),
      };
      running.push(await startLeecher(leecher, { ...job, address: `10.99.0.${2 + i}` }));
    });
    // All of them, so that those that started are stopped when another fails.
    const failed = (await Promise.allSettled(starting)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const seconds = (performance.now() - start) / 1000;
    const sample = use(seeding, running, before, seconds);
    for (const folder of folders)
      await run("diff", ["-rq", payload, path.join(folder, path.basename(payload))]);
    return sample;
  } finally {
    await Promise.all([seeding.child, ...running].map((child) => child.stop()));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

function use(seeding: Seeding, running: readonly Child[], before: number, seconds: number): Sample {
  const seed = usageOf(seeding.child.process.pid);
  const gets = running.map((child) => usageOf(child.process.pid));
  return {
    seconds,
    seedCpu: seed.cpuSeconds - before,
    getCpu: gets.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    seedPeak: seed.peakMiB,
    getPeak: Math.max(...gets.map(({ peakMiB }) => peakMiB)),
  };
}

/** Debian's opentracker, which tracks only what its white list names: nobody's own tracker is in the race. */
function startTracker(place: string, infoHash: string): Child {
  // It gives up root and looks at the list from inside of its folder, which must therefore be open to all.
  const home = freshFolder(place, "tracker");
  chmodSync(place, 0o755);
  chmodSync(home, 0o777);
  writeFileSync(path.join(home, "whitelist"), `${infoHash}\n`);
  const args = ["-i", trackerAddress, "-p", String(trackerPort), "-d", home, "-w", "whitelist"];
  return new Child("opentracker", args, { cwd: home });
}

async function infoHashOf(torrent: string): Promise<string> {
  const shown = await run("transmission-show", [torrent]);
  const hash = /Hash: ([0-9a-f]{40})/.exec(shown)?.[1];
  if (hash === undefined) throw new Error(`no hash in ${shown}`);
  return hash;
}

/**
 * Runs `main` in a network of its own, where peers have addresses outside 127/8, which some programs ignore (Linux,
 * root). What `main` prints appears as it comes.
 */
export async function inOwnNetwork(bench: string, main: () => Promise<void>): Promise<void> {
  if (process.argv.includes("--inside")) return main();
  if (chosen("webtorrent")) await installWebtorrent();
  const inside = [process.execPath, "bench/run.mjs", bench, "--inside", ...process.argv.slice(3)];
  const child = new Child(process.execPath, ["scripts/in-network.mjs", ...inside]);
  child.process.stdout?.pipe(process.stdout);
  child.process.stderr?.pipe(process.stderr);
  process.exitCode = Number(await child.exited);
}

/** `--only a,b` restricts a benchmark to pairs of these programs. */
export function chosenPairs(pairs: readonly Pair[]): readonly Pair[] {
  const kept = pairs.filter((pair) => pair.every(chosen));
  for (const pair of pairs) if (!kept.includes(pair)) console.log(`${pair.join(" -> ")}: left out by --only`);
  return kept;
}

function chosen(name: Contender): boolean {
  const at = process.argv.indexOf("--only");
  return at < 0 || (process.argv[at + 1] ?? "").split(",").includes(name);
}
