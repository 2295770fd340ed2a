/** Peers of one torrent on a network of its own find each other without a tracker (BEP 14): ours and libtorrent; Transmission: transmission.test.ts. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { type Lan, makeLan } from "../support/lan.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const place = scratch();
const source = path.join(place.dir, "payload.bin");
const running: Child[] = [];
let lan: Lan;
let jobs = 0;

beforeAll(() => {
  writeFileSync(source, noise(3_000_000, 9));
  lan = makeLan(3);
});
afterEach(() => Promise.allSettled(running.splice(0).map((child) => child.stop())));
afterAll(() => {
  lan.remove();
  place.remove();
});

const host = (i: number) => {
  const found = lan.hosts[i];
  if (found === undefined) throw new Error(`no host ${i}`);
  return found;
};
const keep = (child: Child) => {
  running.push(child);
  return child;
};
const fresh = () => {
  const dir = path.join(place.dir, `${++jobs}`);
  mkdirSync(dir);
  return dir;
};

/** @returns the info hash, once it is published on host 0. */
async function publish(...flags: string[]): Promise<string> {
  const publisher = keep(host(0).share([source, "--cache-dir", fresh(), ...flags]));
  return await publisher.until(
    ({ stdout }) => /"event":"ready".*"infoHash":"([0-9a-f]{40})"/.exec(stdout.join("\n"))?.[1],
    20_000,
  );
}

it("ours finds ours, by nothing but the info hash", async () => {
  const hash = await publish();
  const out = fresh();
  await keep(host(1).share(["get", `magnet:?xt=urn:btih:${hash}`, "-o", out, "--timeout", "20s"])).succeed();
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
});

it.each([["--private"], ["--unlisted"], ["--no-lan"]])(
  "nobody finds what is published with %s",
  async (flag) => {
    const hash = await publish(flag);
    const getter = keep(
      host(1).share(["get", `magnet:?xt=urn:btih:${hash}`, "-o", fresh(), "--timeout", "4s"]),
    );
    expect(await getter.exited).toBe(5);
  },
);

it("libtorrent, the engine of qBittorrent, finds ours, and ours finds it", async () => {
  const hash = await publish();
  const dir = fresh();
  const magnet = `magnet:?xt=urn:btih:${hash}`;
  const theirs = keep(
    host(1).run("/usr/bin/python3", [agent, "get", magnet, dir, host(1).address, "7601"], {
      env: { LSD: "1" },
    }),
  );
  expect(await theirs.until(({ stdout }) => stdout.find((line) => line === "DONE"), 40_000)).toBe("DONE");
  await Promise.all(running.splice(0, 1).map((child) => child.stop()));
  const out = fresh();
  await keep(host(2).share(["get", magnet, "-o", out, "--timeout", "40s"])).succeed();
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
});
