/** Starting and idling: what `share` takes beside Node itself, until others can connect, and while nobody does. */
import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandPath, ShareProcess } from "../test/support/command.ts";
import { scratch } from "../test/support/data.ts";
import { median, option, type Row, report, usageOf } from "./support/measure.ts";
import { smallFiles } from "./support/small-files.ts";
import { inTurn, noiseFile } from "./support/stage.ts";
import { timed, timedRows } from "./support/timed.ts";

const place = scratch("/dev/shm");
const rounds = option("rounds", 15);
const fileCount = option("files", 20_000);
const mib = option("mib", 1024);
const idleSeconds = option("idle", 20);
const at = (name: string) => path.join(place.dir, name);

/** Seconds from the start of a publisher to `listening`, its first page, and `ready` unless that isn't waited for. */
async function publish(source: string, untilReady: boolean): Promise<Record<string, number>> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const child = new ShareProcess([source, "--port", "0", "--bind", "127.0.0.1", "--cache-dir", at("cache")]);
  const { port } = await child.event("listening");
  const listening = seconds();
  await (await fetch(`http://127.0.0.1:${String(port)}/`)).text();
  const answered = seconds();
  if (untilReady) await child.event("ready");
  const ready = untilReady ? seconds() : Number.NaN;
  await child.stop("SIGINT");
  return { listening, answered, ready };
}

async function commands(): Promise<void> {
  const contestants: Readonly<Record<string, readonly string[]>> = {
    "share --version": [commandPath, "--version"],
    "share --help": [commandPath, "--help"],
    "node -e 0": ["-e", "0"],
  };
  const runs = await inTurn(Object.keys(contestants), { rounds, warmUp: true }, (name) =>
    timed(process.execPath, contestants[name] ?? []),
  );
  report("start", `Start, ${rounds} rounds`, timedRows(runs));
}

async function publishers(): Promise<void> {
  writeFileSync(at("small.bin"), "a few bytes");
  // Nobody waits for its hashes here, so it needs no data.
  writeFileSync(at("huge.bin"), "");
  truncateSync(at("huge.bin"), 2 ** 40);
  noiseFile(at("large.bin"), mib);
  const folder = smallFiles(at("folder"), fileCount);
  // Younger files would not be remembered.
  await sleep(200);
  const sources: readonly (readonly [string, string, boolean])[] = [
    ["a small file", at("small.bin"), true],
    ["a file of 1 TiB", at("huge.bin"), false],
    [`${mib} MiB, hashed before`, at("large.bin"), true],
    [`${fileCount} files, hashed before`, folder, true],
  ];
  const rows: Row[] = [];
  for (const [label, source, untilReady] of sources) {
    const node: number[] = [];
    const runs: Record<string, number>[] = [];
    for (let round = -1; round < Math.min(rounds, 7); round++) {
      const alone = await timed(process.execPath, ["-e", "0"]);
      const run = await publish(source, untilReady);
      if (round < 0) continue;
      node.push(alone.wallSeconds);
      runs.push(run);
    }
    const of = (key: string) => median(runs.map((run) => run[key] ?? Number.NaN)) - median(node);
    const figures = {
      "listening, s after node -e 0": of("listening"),
      "first page": of("answered"),
      ready: of("ready"),
    };
    rows.push({ label, figures });
  }
  report("start-publish", "Publish: seconds after Node's own start", rows);
}

async function idle(): Promise<void> {
  const child = new ShareProcess([
    at("large.bin"),
    "--port",
    "0",
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    at("cache"),
  ]);
  await child.event("ready");
  await sleep(2_000);
  const before = usageOf(child.process.pid);
  await sleep(idleSeconds * 1_000);
  const after = usageOf(child.process.pid);
  const percent = (100 * (after.cpuSeconds - before.cpuSeconds)) / idleSeconds;
  await child.stop("SIGINT");
  report("idle", `Seeding to nobody for ${idleSeconds} s`, [
    { label: "boojum", figures: { "CPU %": percent, "peak MiB": after.peakMiB } },
  ]);
}

try {
  await commands();
  await publishers();
  await idle();
} finally {
  place.remove();
}
