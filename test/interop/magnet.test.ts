/** By magnet link alone: real clients get the info dictionary and the files from us, and we from them. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestTree, makeFolder, scratch } from "../support/data.ts";
import { aria2 } from "../support/peers/aria2.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { patience } from "../support/peers/peer.ts";
import { transmission } from "../support/peers/transmission.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const clients = [transmission, aria2, libtorrent];
const ours = "10.99.0.1";
const theirs = "10.99.0.2";
const place = scratch();
const root = path.join(place.dir, "a folder");
/** SHA-256 of nothing. */
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
let publisher: ShareProcess;
let announce = "";
let infoHash = "";
let torrent = "";
let jobs = 0;

function fresh(name: string): string {
  const dir = path.join(place.dir, `${++jobs}-${name}`);
  mkdirSync(dir);
  return dir;
}

beforeAll(async () => {
  mkdirSync(root);
  // So many names that the info dictionary has several parts of 16 KiB.
  makeFolder(root, 700);
  publisher = new ShareProcess([root, "--no-lan", "--cache-dir", path.join(place.dir, "cache")]);
  const ready = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  announce = `http://${ours}:${port}/announce/${ready["share"]}`;
  infoHash = String(ready["infoHash"]);
  const response = await fetch(`http://${ours}:${port}/s/${ready["share"]}.torrent`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBeGreaterThan(3 * 16_384);
  torrent = rewriteTorrent(bytes, [`http://${theirs}:9/announce`], path.join(fresh("torrent"), "x.torrent"));
});
afterAll(async () => {
  await publisher.stop();
  place.remove();
});

describe.concurrent("what we publish", () => {
  it.each(clients)("is got by $name, which knows its info hash and tracker only", async (client) => {
    const dir = fresh(client.name);
    const magnet = `magnet:?xt=urn:btih:${infoHash}&tr=${encodeURIComponent(announce)}`;
    const port = 7400 + jobs;
    const peer = await client.get({ torrent: magnet, dir, address: theirs, port, state: fresh("state") });
    await peer.stop();
    // Transmission 3 does not create files that have no bytes to download.
    const expected = [...(await digestTree(root))].filter(
      ([, digest]) => client !== transmission || digest !== empty,
    );
    expect(await digestTree(path.join(dir, "a folder"))).toEqual(new Map(expected));
  });
});

describe.concurrent("what others seed", () => {
  it.each(clients)("is got by us from $name, by info hash and peer address", async (client) => {
    const state = fresh("state");
    const port = 7400 + jobs;
    const seeder = await client.seed({ torrent, dir: place.dir, address: theirs, port, state });
    try {
      const out = fresh("ours");
      const magnet = `magnet:?xt=urn:btih:${infoHash}&x.pe=${theirs}:${port}`;
      const getter = new ShareProcess(["get", magnet, "-o", out, "--timeout", "60s", "--no-lan"]);
      expect(await getter.event("started", patience)).toMatchObject({ infoHash, name: "a folder" });
      await getter.succeed(patience);
      expect(await digestTree(path.join(out, "a folder"))).toEqual(await digestTree(root));
    } finally {
      await seeder.stop();
    }
  });
});
