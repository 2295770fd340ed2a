// Gets what a share's URL, a magnet link or a .torrent stands for, and shows how it goes.
// Usage: node examples/get.mjs SOURCE [FOLDER]
import { get, InterruptedError } from "boojum";

const [source, directory = "."] = process.argv.slice(2);

const download = await get(source, { directory, lan: false });
process.once("SIGINT", () => download.close());
const [transfer] = download.transfers();
const watch = setInterval(() => {
  const { bytesDone, bytesTotal, downRate, copies } = transfer.stats();
  console.log(
    `${bytesDone} of ${bytesTotal} bytes, ${Math.round(downRate)} a second, ${copies.toFixed(2)} copies`,
  );
}, 1_000);
try {
  const { path, bytes, seconds } = await download.done;
  console.log(`${path}: ${bytes} bytes in ${seconds} s`);
} catch (error) {
  if (!(error instanceof InterruptedError)) throw error;
  console.log("Interrupted; the same again continues.");
} finally {
  clearInterval(watch);
  await download.closed;
}
