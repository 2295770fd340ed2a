/** Peers of one torrent on a network of its own find each other without a tracker (BEP 14): ours and libtorrent; Transmission: transmission.test.ts. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { digestFile, noise } from "../support/data.ts";
import { useLan } from "../support/lan.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const { at, fresh, host, keep, running, share } = useLan({ hosts: 3 });
const source = at("payload.bin");

beforeAll(() => writeFileSync(source, noise(3_000_000, 9)));

/** @returns the info hash, once it is published on host 0. */
async function publish(...flags: string[]): Promise<string> {
  const publisher = share(0, [source, "--cache-dir", fresh(), ...flags]);
  const { infoHash } = await publisher.event("ready", 20_000);
  return String(infoHash);
}

it("ours finds ours, by nothing but the info hash", async () => {
  const hash = await publish();
  const out = fresh();
  await share(1, ["get", `magnet:?xt=urn:btih:${hash}`, "-o", out, "--timeout", "20s"]).succeed();
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
});

it.each([["--private"], ["--unlisted"], ["--no-lan"]])(
  "nobody finds what is published with %s",
  async (flag) => {
    const hash = await publish(flag);
    const getter = share(1, ["get", `magnet:?xt=urn:btih:${hash}`, "-o", fresh(), "--timeout", "4s"]);
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
  await running[0]?.stop();
  const out = fresh();
  await share(2, ["get", magnet, "-o", out, "--timeout", "40s"]).succeed();
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
});
