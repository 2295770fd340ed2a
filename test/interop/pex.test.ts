/** Peers of peers (BEP 11) with libtorrent: peers that know one address each find the rest, by its word and by ours. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
let place = scratch();
const running: Child[] = [];
beforeEach(() => {
  place = scratch();
  writeFileSync(path.join(place.dir, "payload.bin"), noise(20_000_000, 5));
});
afterEach(async () => {
  await Promise.allSettled(running.splice(0).map((child) => child.stop()));
  place.remove();
});

function keep<T extends Child>(child: T): T {
  running.push(child);
  return child;
}

it("two libtorrents that know only our publisher find each other", async () => {
  const source = path.join(place.dir, "payload.bin");
  const cache = path.join(place.dir, "cache");
  const publisher = keep(new ShareProcess([source, "--no-lan", "--limit-up", "300KB", "--cache-dir", cache]));
  const { infoHash } = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const magnet = `magnet:?xt=urn:btih:${String(infoHash)}&x.pe=10.99.0.1:${String(port)}`;
  const both = ["10.99.0.2", "10.99.0.3"].map((address, i) =>
    keep(
      new Child("/usr/bin/python3", [
        agent,
        "get",
        magnet,
        path.join(place.dir, `o${i}`),
        address,
        `${7501 + i}`,
      ]),
    ),
  );
  for (const child of both) {
    expect(await child.until(({ stdout }) => stdout.find((line) => line === "PEERS 2"), 30_000)).toBe(
      "PEERS 2",
    );
  }
});

it("two of ours that know only a libtorrent find each other", async () => {
  const made = path.join(place.dir, "made.torrent");
  const maker = new ShareProcess(["create", path.join(place.dir, "payload.bin"), "-o", made]);
  await maker.succeed();
  const torrent = rewriteTorrent(made, ["http://10.99.0.2:9/announce"], path.join(place.dir, "x.torrent"));
  const job = { torrent, dir: place.dir, address: "10.99.0.2", port: 7510, state: place.dir };
  keep(await libtorrent.seed(job));
  const get = (i: number) =>
    keep(
      new ShareProcess([
        "get",
        torrent,
        "-o",
        path.join(place.dir, `g${i}`),
        "--limit-down",
        "500KB",
        "--no-lan",
        "--peer",
        "10.99.0.2:7510",
      ]),
    );
  const first = get(0);
  await first.until(() => first.lastEvent("progress")?.["peers"] === 1 || undefined, 20_000);
  const second = get(1);
  for (const child of [first, second]) {
    expect(await child.until(() => child.lastEvent("progress")?.["peers"] === 2 || undefined, 30_000)).toBe(
      true,
    );
  }
});
