/** Peers of peers (BEP 11) with libtorrent: peers that know one address each find the rest, by its word and by ours. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const { at, keep } = useStage();

/** Which of them failed to meet the others shows only in what all of them said. */
const describeAll = (children: readonly Child[]) => children.map((child) => child.describe()).join("\n");

beforeEach(() => writeFileSync(at("payload.bin"), noise(20_000_000, 5)));

it("two libtorrents that know only our publisher find each other", async () => {
  const source = at("payload.bin");
  const cache = at("cache");
  const publisher = keep(new ShareProcess([source, "--no-lan", "--limit-up", "300KB", "--cache-dir", cache]));
  const { infoHash } = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const magnet = `magnet:?xt=urn:btih:${String(infoHash)}&x.pe=10.99.0.1:${String(port)}`;
  const both = ["10.99.0.2", "10.99.0.3"].map((address, i) =>
    keep(new Child("/usr/bin/python3", [agent, "get", magnet, at(`o${i}`), address, `${7501 + i}`])),
  );
  const met = both.map((child) =>
    child.until(({ stdout }) => stdout.some((line) => /^PEERS [2-9]/.test(line)) || undefined, 30_000),
  );
  expect(await Promise.allSettled(met), describeAll([...both, publisher])).toEqual([
    { status: "fulfilled", value: true },
    { status: "fulfilled", value: true },
  ]);
});

it("two of ours that know only a libtorrent find each other", async () => {
  const made = at("made.torrent");
  const maker = new ShareProcess(["create", at("payload.bin"), "-o", made]);
  await maker.succeed();
  const torrent = rewriteTorrent(made, ["http://10.99.0.2:9/announce"], at("x.torrent"));
  const job = { torrent, dir: at(), address: "10.99.0.2", port: 7510, state: at() };
  keep(await libtorrent.seed(job));
  const get = (i: number) =>
    keep(
      new ShareProcess([
        "get",
        torrent,
        "-o",
        at(`g${i}`),
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
