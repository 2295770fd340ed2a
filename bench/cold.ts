/**
 * From "share" to "everybody has it", nothing known before: one file over loopback and in memory. Ours hashes, serves and
 * downloads at once; beside it mktorrent -t2, then libtorrent on both sides, whose torrent must be there first. Linux, root.
 *
 * npm run bench -- cold [--rounds 5] [--mib 1024]
 */
import path from "node:path";
import { type Child, run } from "../test/support/child.ts";
import { ShareProcess } from "../test/support/command.ts";
import { digestFile, scratch } from "../test/support/data.ts";
import { libtorrent } from "../test/support/peers/libtorrent.ts";
import { inOwnNetwork } from "./support/contest.ts";
import { machine, median, option, report, usageOf, warmMemory } from "./support/measure.ts";
import { freshFolder, inTurn, noiseFile } from "./support/stage.ts";

interface Sample {
  readonly seconds: number;
  /** Of all processes, as far as they still run when the copy is there. */
  readonly cpu: number;
}

const mib = option("mib", 1024);
const rounds = option("rounds", 5);

async function ours(place: string, payload: string, out: string): Promise<Sample> {
  const start = performance.now();
  const cache = freshFolder(place, "cache");
  const publisher = new ShareProcess([payload, "--bind", "10.99.0.1", "--no-lan", "--cache-dir", cache]);
  const children: Child[] = [publisher];
  try {
    const { shares } = await publisher.event("listening");
    const [{ url }] = shares as [{ url: string }];
    // It stays, so that its CPU time can be read.
    const getter = new ShareProcess(["get", url, "-o", out, "--no-lan", "--seed"]);
    children.push(getter);
    await getter.event("done", 300_000);
    return { seconds: (performance.now() - start) / 1000, cpu: cpuOf(children) };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function theirs(place: string, payload: string, out: string): Promise<Sample> {
  const torrent = path.join(freshFolder(place, "made"), "made.torrent");
  const announce = "http://10.99.0.30:6969/announce";
  const children: Child[] = [new ShareProcess(["tracker", "--bind", "10.99.0.30", "--port", "6969"])];
  try {
    await children[0]?.until(({ stdout }) => stdout.find((line) => line.includes('"listening"')));
    const start = performance.now();
    await run("mktorrent", ["-t", "2", "-l", "20", "-a", announce, "-o", torrent, payload]);
    const job = {
      torrent,
      dir: path.dirname(payload),
      address: "10.99.0.1",
      port: 50_001,
      state: freshFolder(place, "state"),
    };
    const seeder = await libtorrent.seed(job);
    children.push(seeder);
    const getter = await libtorrent.get({
      ...job,
      dir: out,
      address: "10.99.0.2",
      port: 50_002,
      state: freshFolder(place, "state"),
    });
    children.push(getter);
    return { seconds: (performance.now() - start) / 1000, cpu: cpuOf([seeder, getter]) };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

function cpuOf(children: readonly Child[]): number {
  return children.reduce((sum, child) => sum + usageOf(child.process.pid).cpuSeconds, 0);
}

await inOwnNetwork("cold", async () => {
  console.log(machine());
  const place = scratch("/dev/shm");
  try {
    const payload = noiseFile(path.join(freshFolder(place.dir, "source"), "payload.bin"), mib);
    const expected = await digestFile(payload);
    const ways = [
      { label: "boojum, share and get at once", measure: ours },
      { label: "mktorrent -t2, then libtorrent to libtorrent", measure: theirs },
    ];
    const samples = await inTurn(ways, { rounds, warmUp: false }, async ({ label, measure }) => {
      const out = freshFolder(place.dir, "out");
      warmMemory(place.dir, mib * 2 ** 20);
      const sample = await measure(place.dir, payload, out);
      if ((await digestFile(path.join(out, "payload.bin"))) !== expected)
        throw new Error(`${label}: another file`);
      console.log(label, sample);
      await run("rm", ["-r", out]);
      return sample;
    });
    const rows = [...samples].map(([{ label }, all]) => ({
      label,
      figures: {
        "share to have, s": median(all.map(({ seconds }) => seconds)),
        "CPU s, making the torrent by mktorrent left out": median(all.map(({ cpu }) => cpu)),
      },
    }));
    report("cold", `Share to have, ${mib} MiB, nothing known before`, rows);
  } finally {
    place.remove();
  }
});
