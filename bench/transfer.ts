/**
 * One file of one seeder to one leecher and to four, over loopback and in memory; Linux, root.
 *
 * npm run bench -- transfer [--rounds 5] [--mib 1024] [--mib4 1024] [--only boojum,libtorrent]
 */
import path from "node:path";
import { scratch } from "../test/support/data.ts";
import { chosenPairs, contest, inOwnNetwork, type Pair } from "./support/contest.ts";
import { machine, option } from "./support/measure.ts";
import { noiseFile } from "./support/stage.ts";

const pairs: readonly Pair[] = [
  ["boojum", "boojum"],
  ["libtorrent", "libtorrent"],
  ["boojum", "libtorrent"],
  ["libtorrent", "boojum"],
  ["aria2", "aria2"],
  ["webtorrent", "webtorrent"],
  ["boojum", "transmission"],
];
const pieceLength = 1 << 20;

async function compare(count: number, mib: number, from: readonly Pair[]): Promise<void> {
  const place = scratch("/dev/shm");
  try {
    const payload = noiseFile(path.join(place.dir, "payload.bin"), mib);
    await contest({
      name: `transfer-1-${count}`,
      title: `1 to ${count}, ${mib} MiB over loopback, pieces of 1 MiB`,
      place: place.dir,
      payload,
      bytes: mib * 2 ** 20,
      pieceLength,
      count,
      pairs: chosenPairs(from),
      rounds: option("rounds", 5),
    });
  } finally {
    place.remove();
  }
}

await inOwnNetwork("transfer", async () => {
  console.log(machine());
  await compare(1, option("mib", 1024), pairs);
  const among = pairs.filter(([seeder, leecher]) => seeder === leecher);
  await compare(4, option("mib4", 1024), among);
});
