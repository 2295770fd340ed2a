/** How cost grows with size: 1, 10 and 100 thousand files; 16 GiB to 1 TiB. Ratios say more than the figures. */
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { planHashing } from "../src/create/plan.ts";
import { scan } from "../src/create/scan.ts";
import { PieceLayout } from "../src/protocol/layout.ts";
import { commandPath } from "../test/support/command.ts";
import { scratch } from "../test/support/data.ts";
import { option, type Row, report } from "./support/measure.ts";
import { smallFiles } from "./support/small-files.ts";
import { timed } from "./support/timed.ts";

const place = scratch("/dev/shm");
const most = option("files", 100_000);
const at = (name: string) => path.join(place.dir, name);

/** Small files, so that what a file costs is seen and not what its bytes do. */
async function files(): Promise<void> {
  const rows: Row[] = [];
  for (const count of [most / 100, most / 10, most]) {
    const folder = smallFiles(at("folder"), count, 2_000);
    await sleep(200);
    const create = async () => {
      rmSync(at("made.torrent"), { force: true });
      const flags = ["-o", at("made.torrent"), "--cache-dir", at("cache")];
      return await timed(process.execPath, [commandPath, "create", folder, ...flags]);
    };
    const first = await create();
    const again = await create();
    rmSync(folder, { recursive: true });
    const each = (seconds: number) => (1e6 * seconds) / count;
    rows.push({
      label: `${count} files`,
      figures: {
        "create s": first.wallSeconds,
        "CPU µs a file": each(first.cpuSeconds),
        "again s": again.wallSeconds,
        "again, CPU µs a file": each(again.cpuSeconds),
      },
    });
  }
  report("scale-files", "Create a torrent of many files, and once more unchanged", rows);
}

/** What is known before a byte is read: the tree, the plan for the threads, where each piece lies. */
async function bytes(): Promise<void> {
  const rows: Row[] = [];
  for (const gib of [16, 128, 1024]) {
    writeFileSync(at("sparse.bin"), "");
    truncateSync(at("sparse.bin"), gib * 2 ** 30);
    const start = performance.now();
    const heap = process.memoryUsage();
    const source = await scan(at("sparse.bin"), {}, new AbortController().signal);
    const pieceLength = 16 << 20;
    const plan = planHashing(source.table, source.totalBytes, pieceLength);
    const layout = new PieceLayout([source.totalBytes], pieceLength);
    let spans = 0;
    for (let piece = 0; piece < plan.pieceCount; piece++) spans += layout.spans(piece, 0, pieceLength).length;
    const used = process.memoryUsage();
    const taken = used.heapUsed + used.arrayBuffers - heap.heapUsed - heap.arrayBuffers;
    rows.push({
      label: `${gib} GiB`,
      figures: { pieces: spans, ms: performance.now() - start, KiB: Math.max(0, taken) / 1024 },
    });
  }
  report("scale-bytes", "Plan one file, pieces of 16 MiB", rows);
}

try {
  await bytes();
  await files();
} finally {
  place.remove();
}
