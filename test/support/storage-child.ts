/** A download to be killed: `node storage-child.js DIR ACTION [MODULE]`, pieces are written by a thread that runs MODULE, bundled by the test that starts it. */
import { pathToFileURL } from "node:url";
import { openDownload } from "../../src/client/open-download.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { WorkerLine } from "../../src/platform/worker-line.ts";
import { seededRandom } from "./seeded-random.ts";
import { put, readPiece, storedTorrent } from "./stored-torrent.ts";

/** Files of all sizes around the piece's, 60 pieces. */
export function crashTorrent() {
  const specs = Array.from({ length: 12 }, (_, i) => ({ path: `d${i % 3}/f${i}`, length: 1 + i * 997 }));
  return storedTorrent([...specs, { path: "large", length: 180 * 1024 }], 4096);
}

/** Checkpoints come 500 times as often as they would. */
const hastyClock = {
  now: systemClock.now,
  after: (delay: number, task: () => void) => systemClock.after(delay / 500, task),
};

async function main([directory = ".", action = "write", thread]: readonly string[]): Promise<void> {
  const torrent = crashTorrent();
  const random = seededRandom(process.pid);
  const line = thread === undefined ? {} : { line: new WorkerLine(pathToFileURL(thread)) };
  const download = await openDownload(
    { metainfo: torrent.metainfo, directory, overwrite: false, random, clock: hastyClock, ...line },
    new AbortController().signal,
  );
  process.stdout.write("open\n");
  if (action === "hold") {
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    return;
  }
  const missing = [...download.wanted].filter((piece) => !download.have.has(piece));
  const order = missing.map((piece) => ({ piece, key: random.next() })).sort((a, b) => a.key - b.key);
  for (const { piece } of order) {
    await put(download, torrent, piece);
    process.stdout.write(`${piece}\n`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (const piece of download.wanted) await readPiece(download.storage, torrent.layout, piece);
  await download.finish();
  await download.close();
  process.stdout.write("done\n");
}

if (process.argv[2] === "run") {
  main(process.argv.slice(3)).catch((error: Error) => {
    process.stdout.write(`${error.name} ${error.message}\n`);
    process.exitCode = 1;
  });
}
