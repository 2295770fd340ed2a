/** A swarm goes on when who began it is gone: by what its peers tell each other (BEP 11), without the local network's help. */
import { mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { freePort } from "../support/free-port.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const MIB = 1_048_576;
const SLOW = ["--limit-down", "700KB", "--no-lan", "--seed"];
const stage = useStage();
let outs = 0;

/** A receiver with a folder of its own. */
function receive(torrent: string, ...flags: string[]): { out: string; child: ShareProcess } {
  const out = stage.at(`out-${++outs}`);
  return { out, child: stage.share("get", torrent, "-o", out, ...flags) };
}

async function torrentOf(publisher: ShareProcess, trackers: readonly string[]): Promise<string> {
  const { torrentUrl } = await publisher.event("ready");
  const response = await fetch(String(torrentUrl));
  return rewriteTorrent(new Uint8Array(await response.arrayBuffer()), trackers, stage.at("it.torrent"));
}

function makeFiles(): void {
  mkdirSync(stage.at("folder"));
  // Whole pieces each, of whatever length.
  writeFileSync(stage.at("folder", "a.bin"), noise(4 * MIB, 1));
  writeFileSync(stage.at("folder", "b.bin"), noise(4 * MIB, 2));
}

async function expectAll(out: string): Promise<void> {
  for (const name of ["a.bin", "b.bin"]) {
    expect(await digestFile(`${out}/folder/${name}`)).toBe(await digestFile(stage.at("folder", name)));
  }
}

function bytesDone(child: ShareProcess): number {
  return Number(child.lastEvent("progress")?.["bytesDone"] ?? 0);
}

it("completes when the publisher, tracker and only seeder, is killed as soon as the others have every piece together", async () => {
  makeFiles();
  const publisher = stage.publish("folder", "--no-lan");
  const { port } = await publisher.event("listening");
  const torrent = await torrentOf(publisher, [`http://127.0.0.1:${String(port)}/announce`]);
  const known = await freePort();
  const slow = [receive(torrent, ...SLOW, "--port", String(known)), receive(torrent, ...SLOW)];
  const halves = ["a.bin", "b.bin"].map((name) => receive(torrent, "--select", name, "--seed", "--no-lan"));
  await Promise.all(halves.map(({ child }) => child.event("done")));
  await publisher.stop("SIGKILL");
  for (const { child } of slow) expect(bytesDone(child)).toBeLessThan(8 * MIB);
  const newcomer = receive(torrent, "--no-lan", "--seed", "--peer", `127.0.0.1:${known}`);
  const all = [...slow, newcomer];
  await Promise.all(all.map(({ child }) => child.event("done", 40_000)));
  for (const { out } of all) await expectAll(out);
});

it("completes when the tracker is killed at a tenth, and lets those in that know one peer", async () => {
  makeFiles();
  const tracker = stage.share("tracker", "--port", "0", "--bind", "127.0.0.1");
  const { port } = await tracker.event("listening");
  const announce = `http://127.0.0.1:${String(port)}/announce`;
  const publisher = stage.publish("folder", "--no-lan", "--tracker", announce, "--limit-up", "2MB");
  const torrent = await torrentOf(publisher, [announce]);
  const known = await freePort();
  const early = [receive(torrent, ...SLOW, "--port", String(known)), receive(torrent, ...SLOW)];
  await Promise.all(
    early.map(({ child }) => child.until(() => bytesDone(child) > 0.8 * MIB || undefined, 20_000)),
  );
  await tracker.stop("SIGKILL");
  const late = receive(torrent, ...SLOW, "--peer", `127.0.0.1:${known}`);
  // By the word of the one it knows: the publisher and the other receiver, too.
  await late.child.until(() => late.child.lastEvent("progress")?.["peers"] === 3 || undefined, 20_000);
  const all = [...early, late];
  await Promise.all(all.map(({ child }) => child.event("done", 40_000)));
  for (const { out } of all) await expectAll(out);
});
