/**
 * How an announce's cost and a peer's memory grow with the number of peers and swarms: `share tracker` over UDP. What
 * is worse than linear shows as a figure that grows from row to row.
 *
 * npm run bench -- tracker-scale [--seconds 2]
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ShareProcess } from "../test/support/command.ts";
import { announceOverUdp } from "./support/announces.ts";
import { option, type Row, report, usageOf } from "./support/measure.ts";

const SECONDS = option("seconds", 2);
const shapes = [
  { swarms: 1, peers: 1_000 },
  { swarms: 1, peers: 10_000 },
  { swarms: 1, peers: 100_000 },
  { swarms: 1_000, peers: 100_000 },
  { swarms: 10_000, peers: 100_000 },
];

const rows: Row[] = [];
for (const shape of shapes) {
  const child = new ShareProcess(["tracker", "--port", "0", "--bind", "127.0.0.1"]);
  try {
    const port = Number((await child.event("listening"))["port"]);
    await sleep(1_000);
    const before = usageOf(child.process.pid);
    const load = await announceOverUdp(port, shape);
    // Every peer twice, and until hot code is compiled.
    while (load.count() < Math.max(2 * shape.peers, 50_000)) await sleep(20);
    const filled = usageOf(child.process.pid);
    const from = { count: load.count(), at: performance.now() };
    await sleep(SECONDS * 1_000);
    const count = load.count() - from.count;
    const seconds = (performance.now() - from.at) / 1_000;
    const { cpuSeconds } = usageOf(child.process.pid);
    await load.stop();
    const mib = filled.peakMiB - before.peakMiB;
    rows.push({
      label: `${shape.swarms} x ${shape.peers / shape.swarms}`,
      figures: {
        "announces/s": count / seconds,
        "CPU µs an announce": (1e6 * (cpuSeconds - filled.cpuSeconds)) / count,
        "MiB more": mib,
        "bytes a peer": (mib * 2 ** 20) / shape.peers,
      },
    });
  } finally {
    await child.stop();
  }
}
report("tracker-scale", "One tracker, more and more peers: swarms x peers", rows);
