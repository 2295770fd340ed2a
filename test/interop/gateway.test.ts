/** The port that a router opens for us (`--upnp`): a real one, in every way that it can be asked, and what comes in by it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import type { ShareEvent } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";
import { type Gateway, type GatewayOptions, makeGateway } from "../support/gateway.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
let place = scratch();
let source: string;
let gateway: Gateway;
const running: Child[] = [];

beforeEach(() => {
  place = scratch();
  source = path.join(place.dir, "payload.bin");
  writeFileSync(source, noise(3_000_000, 9));
});
afterEach(async () => {
  await Promise.allSettled(running.splice(0).map((child) => child.stop("SIGKILL")));
  await gateway?.remove();
  place.remove();
});

const keep = <T extends Child>(child: T): T => {
  running.push(child);
  return child;
};
const eventOf = (child: Child, name: string, timeout = 20_000): Promise<ShareEvent> =>
  child.until(
    ({ stdout }) => stdout.map((line) => JSON.parse(line) as ShareEvent).find(({ event }) => event === name),
    timeout,
  );

async function routerWith(options: Omit<GatewayOptions, "dir"> = {}): Promise<void> {
  gateway = await makeGateway({ dir: place.dir, ...options });
}

function publish(...flags: string[]): Child {
  const fixed = ["--upnp", "--no-lan", "--cache-dir", path.join(place.dir, "cache"), "--port", "6881"];
  return keep(gateway.home.share([source, ...fixed, ...flags]));
}

const both = ["tcp 6881 -> 192.168.77.2:6881", "udp 6881 -> 192.168.77.2:6881"];

describe("what is published behind a router", () => {
  it.each<[string, Omit<GatewayOptions, "dir">]>([
    ["PCP", {}],
    ["NAT-PMP", { deafTo: 2 }],
    ["UPnP", { natPmp: false }],
  ])("is got from outside by a port that %s opened, which is gone when it ends", async (way, options) => {
    await routerWith(options);
    const publisher = publish();
    const { share } = await eventOf(publisher, "ready");
    const opened = await eventOf(publisher, "opened");
    expect(opened).toEqual({
      event: "opened",
      way,
      gateway: "192.168.77.1",
      address: "44.128.0.1",
      port: 6881,
      url: "http://44.128.0.1:6881",
    });
    expect(gateway.mappings()).toEqual(both);
    const out = path.join(place.dir, "out");
    const url = `${String(opened["url"])}/s/${String(share)}`;
    await keep(gateway.outside.share(["get", url, "-o", out, "--no-lan"])).succeed(30_000);
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
    const told = publisher.stdout.map((line) => JSON.parse(line) as ShareEvent);
    // Also as a peer, not only by HTTP.
    expect(told).toContainEqual(
      expect.objectContaining({
        event: "peer",
        state: "completed",
        address: expect.stringContaining("44.128.0.2"),
      }),
    );
    expect(await publisher.stop("SIGTERM")).toBe(0);
    expect(gateway.mappings()).toEqual([]);
  });

  it("is got by another program that was given the torrent from there", async () => {
    await routerWith();
    const publisher = publish();
    const { share } = await eventOf(publisher, "ready");
    await eventOf(publisher, "opened");
    const torrent = path.join(place.dir, "x.torrent");
    const url = `http://44.128.0.1:6881/s/${String(share)}.torrent`;
    await keep(gateway.outside.run("curl", ["-sSf", "-o", torrent, url])).succeed();
    const out = path.join(place.dir, "out");
    mkdirSync(out);
    const args = [agent, "get", torrent, out, "44.128.0.2", "7601"];
    const theirs = keep(gateway.outside.run("/usr/bin/python3", args));
    expect(await theirs.until(({ stdout }) => stdout.find((line) => line === "DONE"), 40_000)).toBe("DONE");
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
  });

  it("has another number outside when the router doesn't give ours", async () => {
    await routerWith({ ports: "7000-7009", deafTo: 2 });
    const publisher = publish();
    const { port } = await eventOf(publisher, "opened");
    expect(port).toBeGreaterThanOrEqual(7000);
    expect(gateway.mappings()).toContain(`tcp ${String(port)} -> 192.168.77.2:6881`);
    await publisher.stop("SIGINT");
    expect(gateway.mappings()).toEqual([]);
  });

  it("has its port again at once after it was killed", async () => {
    await routerWith();
    const first = publish();
    await eventOf(first, "opened");
    await first.stop("SIGKILL");
    expect(gateway.mappings()).toEqual(both);
    const second = publish();
    expect(await eventOf(second, "opened")).toMatchObject({ port: 6881 });
    expect(await second.stop()).toBe(0);
    expect(gateway.mappings()).toEqual([]);
  });

  it("is explained when the router's own address is none of the internet's", async () => {
    await routerWith({ address: "10.9.9.1" });
    const publisher = publish();
    const { message } = await eventOf(publisher, "warning");
    expect(message).toMatch(/router at 192\.168\.77\.1 refuses \(PCP: .*; NAT-PMP: .*; UPnP: /);
    expect(message).toContain("10.9.9.1");
    expect(message).toContain("another router");
    expect(await publisher.stop()).toBe(0);
  });

  it("is explained when no router answers, and goes on", async () => {
    await routerWith();
    await gateway.stop();
    const publisher = publish();
    await eventOf(publisher, "ready");
    const { code, message } = await eventOf(publisher, "warning");
    expect(code).toBe("upnp");
    expect(message).toMatch(/no router here answers.*--public-url/);
    expect(await publisher.stop()).toBe(0);
  });
});

it("who seeds what it got behind a router is found from outside", async () => {
  await routerWith();
  const publisher = keep(
    gateway.outside.share([source, "--no-lan", "--cache-dir", path.join(place.dir, "c")]),
  );
  const { url } = await eventOf(publisher, "ready");
  const flags = ["--upnp", "--no-lan", "--seed", "--port", "6999"];
  const seeder = keep(gateway.home.share(["get", String(url), "-o", path.join(place.dir, "g"), ...flags]));
  expect(await eventOf(seeder, "opened")).toMatchObject({ address: "44.128.0.1", port: 6999 });
  const { infoHash } = await eventOf(seeder, "done");
  await publisher.stop();
  const out = path.join(place.dir, "out");
  const magnet = `magnet:?xt=urn:btih:${String(infoHash)}&x.pe=44.128.0.1:6999`;
  const late = gateway.outside.share(["get", magnet, "-o", out, "--no-lan", "--timeout", "20s"]);
  await keep(late).succeed(30_000);
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
  expect(await seeder.stop()).toBe(0);
  expect(gateway.mappings()).toEqual([]);
});
