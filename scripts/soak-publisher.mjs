// A publisher under observation, for soak.mjs: node --expose-gc soak-publisher.mjs FOLDER CACHE. Tells its URL, and
// what it holds whenever it is asked.
import { readdirSync } from "node:fs";
import { publish } from "../dist/share.js";

const [folder, cacheDir] = process.argv.slice(2);
const publication = await publish([folder], { cacheDir, bind: ["127.0.0.1"], lan: false });
await publication.ready;
process.send({ url: publication.urls[0] });

function sample() {
  // Twice: finalizers of the first free what the second finds.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return {
    memory: heapUsed + arrayBuffers,
    rss,
    descriptors: readdirSync("/proc/self/fd").length,
    handles: process.getActiveResourcesInfo().length,
  };
}

process.on("message", async (word) => {
  if (word === "sample") process.send({ sample: sample() });
  else {
    await publication.close();
    process.disconnect();
  }
});
process.on("disconnect", () => process.exit());
