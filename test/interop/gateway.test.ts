/** The port that a router opens for us (`--upnp`): a real one, in every way that it can be asked, and what comes in by it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { type Gateway, type GatewayOptions, makeGateway } from "../support/gateway.ts";
import { useStage } from "../support/stage.ts";

const agent = fileURLToPath(new URL("../support/peers/libtorrent-peer.py", import.meta.url));
const { at, keep } = useStage();
let source: string;
let gateway: Gateway;

beforeEach(() => {
  source = at("payload.bin");
  writeFileSync(source, noise(3_000_000, 9));
});
afterEach(() => gateway?.remove());

async function routerWith(options: Omit<GatewayOptions, "dir"> = {}): Promise<void> {
  gateway = await makeGateway({ dir: at(), ...options });
}

function publish(...flags: string[]): ShareProcess {
  const fixed = ["--upnp", "--no-lan", "--cache-dir", at("cache"), "--port", "6881"];
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
    const { share } = await publisher.event("ready", 20_000);
    const opened = await publisher.event("opened", 20_000);
    expect(opened).toEqual({
      event: "opened",
      way,
      gateway: "192.168.77.1",
      address: "44.128.0.1",
      port: 6881,
      url: "http://44.128.0.1:6881",
    });
    expect(gateway.mappings()).toEqual(both);
    const out = at("out");
    const url = `${String(opened["url"])}/s/${String(share)}`;
    await keep(gateway.outside.share(["get", url, "-o", out, "--no-lan"])).succeed(30_000);
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
    // Also as a peer, not only by HTTP.
    await publisher.until(() =>
      publisher.events.find(
        ({ event, state, address }) =>
          event === "peer" && state === "completed" && String(address).includes("44.128.0.2"),
      ),
    );
    expect(await publisher.stop("SIGTERM")).toBe(0);
    expect(gateway.mappings()).toEqual([]);
  });

  it("is got by another program that was given the torrent from there", async () => {
    await routerWith();
    const publisher = publish();
    const { share } = await publisher.event("ready", 20_000);
    await publisher.event("opened", 20_000);
    const torrent = at("x.torrent");
    const url = `http://44.128.0.1:6881/s/${String(share)}.torrent`;
    await keep(gateway.outside.run("curl", ["-sSf", "-o", torrent, url])).succeed();
    const out = at("out");
    mkdirSync(out);
    const args = [agent, "get", torrent, out, "44.128.0.2", "7601"];
    const theirs = keep(gateway.outside.run("/usr/bin/python3", args));
    expect(await theirs.until(({ stdout }) => stdout.find((line) => line === "DONE"), 40_000)).toBe("DONE");
    expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
  });

  it("has another number outside when the router doesn't give ours", async () => {
    await routerWith({ ports: "7000-7009", deafTo: 2 });
    const publisher = publish();
    const { port } = await publisher.event("opened", 20_000);
    expect(port).toBeGreaterThanOrEqual(7000);
    expect(gateway.mappings()).toContain(`tcp ${String(port)} -> 192.168.77.2:6881`);
    await publisher.stop("SIGINT");
    expect(gateway.mappings()).toEqual([]);
  });

  it("has its port again at once after it was killed", async () => {
    await routerWith();
    const first = publish();
    await first.event("opened", 20_000);
    await first.stop("SIGKILL");
    expect(gateway.mappings()).toEqual(both);
    const second = publish();
    expect(await second.event("opened", 20_000)).toMatchObject({ port: 6881 });
    expect(await second.stop()).toBe(0);
    expect(gateway.mappings()).toEqual([]);
  });

  it("is explained when the router's own address is none of the internet's", async () => {
    await routerWith({ address: "10.9.9.1" });
    const publisher = publish();
    const { message } = await publisher.event("warning", 20_000);
    expect(message).toMatch(/router at 192\.168\.77\.1 refuses \(PCP: .*; NAT-PMP: .*; UPnP: /);
    expect(message).toContain("10.9.9.1");
    expect(message).toContain("another router");
    expect(await publisher.stop()).toBe(0);
  });

  it("is explained when no router answers, and goes on", async () => {
    await routerWith();
    await gateway.stop();
    const publisher = publish();
    await publisher.event("ready", 20_000);
    const { code, message } = await publisher.event("warning", 20_000);
    expect(code).toBe("upnp");
    expect(message).toMatch(/no router here answers.*--public-url/);
    expect(await publisher.stop()).toBe(0);
  });
});

it("who seeds what it got behind a router is found from outside", async () => {
  await routerWith();
  const publisher = keep(gateway.outside.share([source, "--no-lan", "--cache-dir", at("c")]));
  const { url } = await publisher.event("ready", 20_000);
  const flags = ["--upnp", "--no-lan", "--seed", "--port", "6999"];
  const seeder = keep(gateway.home.share(["get", String(url), "-o", at("g"), ...flags]));
  expect(await seeder.event("opened", 20_000)).toMatchObject({ address: "44.128.0.1", port: 6999 });
  const { infoHash } = await seeder.event("done", 20_000);
  await publisher.stop();
  const out = at("out");
  const magnet = `magnet:?xt=urn:btih:${String(infoHash)}&x.pe=44.128.0.1:6999`;
  const late = gateway.outside.share(["get", magnet, "-o", out, "--no-lan", "--timeout", "20s"]);
  await keep(late).succeed(30_000);
  expect(await digestFile(path.join(out, "payload.bin"))).toBe(await digestFile(source));
  expect(await seeder.stop()).toBe(0);
  expect(gateway.mappings()).toEqual([]);
});
