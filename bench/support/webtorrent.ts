/** webtorrent as a peer of the benchmarks: installed from npm on first use, without its native WebRTC. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Child, run } from "../../test/support/child.ts";
import { type PeerJob, patience, type RealPeer } from "../../test/support/peers/peer.ts";

const home = fileURLToPath(new URL("../../artifacts/bench/npm", import.meta.url));
const modules = path.join(home, "node_modules");
const agent = fileURLToPath(new URL("webtorrent-peer.mjs", import.meta.url));

/** Installs webtorrent if it isn't there; needs the npm registry, so do it outside of a closed network. */
export async function installWebtorrent(): Promise<void> {
  if (existsSync(path.join(modules, "webtorrent"))) return;
  mkdirSync(home, { recursive: true });
  writeFileSync(path.join(home, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "webtorrent@3"], { cwd: home });
  // The native WebRTC module comes as a download that --ignore-scripts leaves out; no run here uses WebRTC.
  const stub =
    "class Stub { constructor() { throw new Error('no WebRTC') } }\n" +
    "export default new Proxy({}, { get: (_, key) => (/^[A-Z]/.test(String(key)) ? Stub : () => {}) });\n";
  writeFileSync(path.join(modules, "node-datachannel/dist/esm/lib/node-datachannel.mjs"), stub);
}

async function start(mode: "seed" | "get", job: PeerJob): Promise<Child> {
  const child = new Child(process.execPath, [agent, modules, mode, job.torrent, job.dir, String(job.port)]);
  const awaited = mode === "seed" ? "READY" : "DONE";
  try {
    await child.until(({ stdout }) => (stdout.includes(awaited) ? true : undefined), patience);
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return child;
}

export const webtorrent: RealPeer = {
  name: "webtorrent",
  seed: (job) => start("seed", job),
  get: (job) => start("get", job),
};
