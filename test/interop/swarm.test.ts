/** One publisher with a limited uplink, six receivers of four kinds at once: all complete, few copies sent. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import type { RunningPeer } from "../support/peers/peer.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const place = scratch();
afterAll(() => place.remove());

it("a swarm of six completes from at most three copies", async () => {
  const bytes = 48_000_000;
  const source = path.join(place.dir, "payload.bin");
  writeFileSync(source, noise(bytes, 11));
  const folder = (name: string): string => {
    const dir = path.join(place.dir, name);
    mkdirSync(dir);
    return dir;
  };
  const cache = path.join(place.dir, "cache");
  const publisher = new ShareProcess([source, "--limit-up", "4MB", "--no-lan", "--cache-dir", cache]);
  const running: RunningPeer[] = [];
  const getters: ShareProcess[] = [];
  try {
    const ready = await publisher.event("ready");
    const { port } = await publisher.event("listening");
    const announce = `http://10.99.0.1:${port}/announce`;
    const response = await fetch(`http://10.99.0.1:${port}/s/${ready["share"]}.torrent`);
    const torrent = rewriteTorrent(
      new Uint8Array(await response.arrayBuffer()),
      [announce],
      path.join(place.dir, "swarm.torrent"),
    );

    const url = `http://10.99.0.1:${port}/s/${ready["share"]}`;
    const theirs = [transmission, aria2, libtorrent].map(async (client, i) => {
      const job = {
        torrent,
        dir: folder(client.name),
        address: `10.99.0.${5 + i}`,
        port: 7200 + i,
        state: folder(`${client.name}-state`),
      };
      running.push(await client.get(job));
      return path.join(job.dir, "payload.bin");
    });
    const own = [1, 2, 3].map(async (i) => {
      const out = folder(`ours-${i}`);
      // They stay until all are complete, as people do who leave the window open.
      // Their torrent names our web seed, too: it must be left alone while peers do.
      const getter = new ShareProcess(["get", url, "-o", out, "--seed", "--no-lan"]);
      getters.push(getter);
      await getter.event("done", 150_000);
      return path.join(out, "payload.bin");
    });

    const copies = await Promise.all([...theirs, ...own]);
    const expected = await digestFile(source);
    for (const copy of copies) expect(await digestFile(copy), copy).toBe(expected);

    for (const getter of getters) {
      const asked = getter.events.filter(({ event, webSeeds }) => event === "progress" && webSeeds !== 0);
      expect(asked).toEqual([]);
    }

    const counted = publisher.stdout.length;
    await publisher.until(({ stdout }) => stdout.slice(counted).find((line) => line.includes('"stats"')));
    const uploaded = Number(publisher.lastEvent("stats")?.["uploaded"]);
    console.log(`the publisher sent ${(uploaded / bytes).toFixed(2)} copies for six receivers`);
    expect(uploaded).toBeGreaterThanOrEqual(bytes);
    expect(uploaded).toBeLessThanOrEqual(3 * bytes);
  } finally {
    await Promise.allSettled([...running, ...getters, publisher].map((peer) => peer.stop()));
  }
});
