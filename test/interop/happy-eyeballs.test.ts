/** Names with an address that leads nowhere, on a network of their own: they cost a moment, whoever is asked for what. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { useLan } from "../support/lan.ts";

const lan = useLan({ hosts: 2 });
const { fresh, host, share } = lan;
const source = lan.at("payload.bin");

/** What the system's resolver puts first. */
const SIX = "2001:db8:77::1";
const FOUR = "10.77.0.1";
/** Nobody has these; what is sent there is lost. */
const NOBODY_SIX = "2001:db8:bad::1";
const NOBODY_FOUR = "10.77.9.9";

beforeAll(() => {
  writeFileSync(source, noise(3_000_000, 5));
  for (const [i, { name }] of lan.hosts.entries()) {
    ip("-n", name, "addr", "add", `2001:db8:77::${i + 1}/64`, "dev", "eth0", "nodad");
    ip("-n", name, "-6", "route", "add", "2001:db8:bad::/64", "via", SIX.replace(/1$/, `${2 - i}`));
  }
  const publisher = host(0);
  // It passes nothing on, and says nothing about it.
  rule(publisher.name, "add table inet boojum");
  rule(publisher.name, "add chain inet boojum in { type filter hook prerouting priority -300; }");
  rule(publisher.name, `add rule inet boojum in ip6 daddr ${NOBODY_SIX} drop`);
  rule(publisher.name, `add rule inet boojum in ip daddr ${NOBODY_FOUR} drop`);
  // A SYN is sent again after a second: that's as slow as a line can be.
  const syn = "tcp flags & (syn|ack) == syn";
  rule(publisher.name, `add rule inet boojum in ip6 daddr ${SIX} ${syn} numgen inc mod 2 0 drop`);
  const other = host(1);
  for (const address of [NOBODY_SIX, FOUR]) other.knows(address, "broken.test");
  for (const address of [SIX, NOBODY_FOUR]) other.knows(address, "slow.test");
  ip("-n", other.name, "route", "add", `${NOBODY_FOUR}/32`, "via", FOUR);
});

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

function rule(namespace: string, words: string): void {
  ip("netns", "exec", namespace, "nft", words);
}

interface Line {
  readonly event: string;
  readonly url: string;
  readonly torrentUrl: string;
  readonly infoHash: string;
  readonly urls: readonly string[];
  readonly swarm: readonly { readonly error?: string; readonly seeders: number }[];
}
const lines = (child: ShareProcess) => child.lines<Line>();

/** @returns the share's URL under that name */
async function publish(name: string): Promise<(name: string) => string> {
  const args = [
    source,
    "--cache-dir",
    fresh(),
    "--port",
    "6881",
    "--public-url",
    `http://${name}:6881`,
    "--no-lan",
  ];
  const child = share(0, args);
  const { url } = await child.until(() => lines(child).find(({ event }) => event === "ready"), 20_000);
  return (as) => `http://${as}:6881${new URL(url).pathname}`;
}

/** Milliseconds that a command takes, with what it said. */
async function timed(
  args: readonly string[],
): Promise<{ readonly took: number; readonly child: ShareProcess }> {
  const start = performance.now();
  const child = share(1, args);
  await child.succeed();
  return { took: performance.now() - start, child };
}

it("a dead IPv6 address before a live IPv4 one costs a moment, for torrent, tracker, data and peers", async () => {
  const at = await publish("broken.test");
  // Starting takes longer than what is measured, and differs by load: the best of several pairs.
  const extra: number[] = [];
  for (let tries = 0; tries < 4 && Math.min(...extra) >= 600; tries++) {
    const plain = await timed(["info", at(FOUR)]);
    const broken = await timed(["info", at("broken.test")]);
    extra.push(broken.took - plain.took);
  }
  expect(Math.min(...extra)).toBeLessThan(600);
  // Nothing but the peer's name leads to the data.
  const trackerless = path.join(fresh(), "x.torrent");
  await timed(["create", source, "-o", trackerless]);
  for (const what of [[at("broken.test")], [trackerless, "--peer", "broken.test:6881"]]) {
    const out = fresh();
    const { took } = await timed(["get", ...what, "-o", out, "--no-lan"]);
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
    expect(took).toBeLessThan(9_000);
  }
});

it("an address on a slow line is reached, though the other one is dead", async () => {
  const at = await publish("slow.test");
  const { took } = await timed(["info", at("slow.test")]);
  expect(took).toBeGreaterThan(1_000);
  expect(took).toBeLessThan(9_000);
});

it("trackers that are asked over UDP, too", async () => {
  const tracker = share(0, ["tracker", "--port", "6969"]);
  await tracker.until(() => lines(tracker).find(({ event }) => event === "listening"), 20_000);
  const torrent = path.join(fresh(), "x.torrent");
  await timed(["create", source, "-o", torrent, "--tracker", "udp://broken.test:6969/announce"]);
  const { took, child } = await timed(["info", torrent, "--swarm"]);
  expect(lines(child)[0]?.swarm).toEqual([expect.objectContaining({ seeders: 0 })]);
  // Alone, the dead one would have had 14 s.
  expect(took).toBeLessThan(9_000);
});
