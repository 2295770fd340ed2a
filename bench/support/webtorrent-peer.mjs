// A webtorrent peer for the benchmarks: node webtorrent-peer.mjs MODULES seed|get TORRENT DIR PORT
// MODULES is a node_modules folder that holds webtorrent. Prints READY or DONE and goes on seeding.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, mode, torrent, dir, port] = process.argv.slice(2);
const entry = createRequire(path.join(modules, "x.js")).resolve("webtorrent");
const { default: WebTorrent } = await import(pathToFileURL(entry).href);
const client = new WebTorrent({
  utp: false,
  dht: false,
  lsd: false,
  natUpnp: false,
  natPmp: false,
  webSeeds: false,
  tracker: { wrtc: false },
  torrentPort: Number(port),
});
client.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
const added = client.add(readFileSync(torrent), { path: dir, skipVerify: mode === "seed" });
const tell = () => console.log(mode === "seed" ? "READY" : "DONE");
if (mode === "seed") added.on("ready", () => (added.done ? tell() : added.on("done", tell)));
else added.on("done", tell);
