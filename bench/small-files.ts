/**
 * A folder of many small files from one seeder to one leecher, over loopback and in memory; Linux, root.
 *
 * npm run bench -- small-files [--rounds 5] [--files 20000] [--only boojum,libtorrent]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { noise, scratch } from "../test/support/data.ts";
import { chosenPairs, contest, inOwnNetwork } from "./support/contest.ts";
import { machine, option } from "./support/measure.ts";

const FILES_A_FOLDER = 200;
const LEAST = 1_024;
const MOST = 65_536;

/** @returns the bytes of all files together. */
function makeSmallFiles(root: string, count: number): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const folder = path.join(root, `folder ${Math.floor(i / FILES_A_FOLDER)}`);
    if (i % FILES_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    // Knuth's multiplicative hash: sizes spread evenly, the same each time.
    const size = LEAST + ((Math.imul(i, 2_654_435_761) >>> 16) % (MOST - LEAST + 1));
    writeFileSync(path.join(folder, `file ${i}.bin`), noise(size, i));
    bytes += size;
  }
  return bytes;
}

await inOwnNetwork("small-files", async () => {
  console.log(machine());
  const place = scratch("/dev/shm");
  try {
    const payload = path.join(place.dir, "payload");
    const count = option("files", 20_000);
    const bytes = makeSmallFiles(payload, count);
    await contest({
      name: "small-files",
      title: `1 to 1, ${count} files, ${Math.round(bytes / 2 ** 20)} MiB over loopback, pieces of 256 KiB`,
      place: place.dir,
      payload,
      bytes,
      pieceLength: 1 << 18,
      count: 1,
      pairs: chosenPairs([
        ["boojum", "boojum"],
        ["libtorrent", "libtorrent"],
        ["aria2", "aria2"],
        ["webtorrent", "webtorrent"],
        ["boojum", "transmission"],
      ]),
      rounds: option("rounds", 5),
    });
  } finally {
    place.remove();
  }
});
