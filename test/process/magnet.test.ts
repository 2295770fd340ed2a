/** The built command with magnet links: from the publisher's address, from a peer, and when it is interrupted. */
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

let place = scratch();
const running: ShareProcess[] = [];
beforeEach(() => {
  place = scratch();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
  place.remove();
});

function share(...args: string[]): ShareProcess {
  const child = new ShareProcess([...args, "--no-lan"]);
  running.push(child);
  return child;
}

async function publish(
  ...flags: string[]
): Promise<{ source: string; port: number; magnet: string; infoHash: string }> {
  const source = path.join(place.dir, "payload.bin");
  writeFileSync(source, noise(6_000_000, 3));
  const publisher = share(source, "--cache-dir", path.join(place.dir, "cache"), ...flags);
  const ready = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  return { source, port: Number(port), magnet: String(ready["magnet"]), infoHash: String(ready["infoHash"]) };
}

const out = () => path.join(place.dir, "out");

it("gets what the publisher's own link names, and shows it", async () => {
  const { source, magnet, infoHash } = await publish();
  const getter = share("get", magnet, "-o", out());
  expect(await getter.event("started")).toMatchObject({ infoHash, name: "payload.bin", bytes: 6_000_000 });
  await getter.succeed();
  expect(await digestFile(path.join(out(), "payload.bin"))).toBe(await digestFile(source));
  expect(readdirSync(out())).toEqual(["payload.bin"]);
  const info = new ShareProcess(["info", magnet]);
  await info.succeed();
  expect(info.stdout.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { infoHash, name: "payload.bin" },
  ]);
});

it("continues without asking anybody what the link stands for", async () => {
  const { source, port, infoHash } = await publish("--limit-up", "1MB");
  const magnet = `magnet:?xt=urn:btih:${infoHash}&x.pe=127.0.0.1:${port}`;
  const first = share("get", magnet, "-o", out());
  await first.until(() => Number(first.lastEvent("progress")?.["bytesDone"]) > 0 || undefined);
  expect(await first.stop("SIGINT")).toBe(130);
  expect(readdirSync(out())).toContain(`.${infoHash}.boojum-info`);

  const alone = share("get", `magnet:?xt=urn:btih:${infoHash}`, "-o", out(), "--timeout", "1s");
  const started = await alone.event("started");
  expect(started).toMatchObject({ infoHash, name: "payload.bin" });
  expect(Number(started["resumedBytes"])).toBeGreaterThan(0);
  expect(await alone.exited).toBe(5);

  await share("get", magnet, "-o", out()).succeed();
  expect(await digestFile(path.join(out(), "payload.bin"))).toBe(await digestFile(source));
  expect(readdirSync(out())).toEqual(["payload.bin"]);
});

it("asks for the password that a share has, and gets nothing without it", async () => {
  const { magnet } = await publish("--password", "opensesame");
  const without = share("get", magnet, "-o", out());
  expect(await without.event("error")).toMatchObject({ code: "password" });
  expect(await without.exited).toBe(1);
  await share("get", magnet, "-o", out(), "--password", "opensesame").succeed();
});

it("gives up in time when nobody knows the torrent, and refuses what is no link", async () => {
  const nobody = share("get", `magnet:?xt=urn:btih:${"ab".repeat(20)}&x.pe=127.0.0.1:9`, "--timeout", "1s");
  expect(await nobody.event("error")).toMatchObject({ code: "timeout" });
  expect(await nobody.exited).toBe(5);
  const broken = share("get", "magnet:?xt=urn:btih:0");
  expect(await broken.event("error")).toMatchObject({ code: "magnet" });
  expect(await broken.exited).toBe(2);
});
