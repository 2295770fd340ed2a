/** The publisher calls receivers that its tracker heard of and that don't come. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
let publisher: ShareProcess;
let receiver: Server;

beforeEach(async () => {
  const file = path.join(place.dir, "file.bin");
  writeFileSync(file, noise(100_000, 1));
  publisher = new ShareProcess([
    file,
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    path.join(place.dir, "cache"),
    "--no-lan",
  ]);
  receiver = createServer().listen(0, "127.0.0.1");
  await once(receiver, "listening");
});
afterEach(async () => {
  receiver.close();
  await publisher.stop();
});

/** As a client would announce itself that listens where `receiver` does. */
async function announce(event: "started" | "stopped"): Promise<string> {
  const { infoHash, url } = await publisher.event("ready");
  const { port } = receiver.address() as AddressInfo; // a TCP server has such an address
  const hash = String(infoHash).replace(/../g, "%$&");
  const query = `info_hash=${hash}&peer_id=-XX0000-000000000000&port=${port}&left=1&event=${event}`;
  await fetch(`${new URL(String(url)).origin}/announce?${query}`);
  return String(infoHash);
}

it("calls whoever announced itself and did not come, with the torrent's handshake", async () => {
  const called = once(receiver, "connection");
  const infoHash = await announce("started");
  const [socket] = (await called) as [Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  expect(bytes.subarray(0, 20).toString("latin1")).toBe("\x13BitTorrent protocol");
  expect(bytes.subarray(28, 48).toString("hex")).toBe(infoHash);
  socket.destroy();
});

it("leaves in peace whoever has stopped", async () => {
  let calls = 0;
  receiver.on("connection", (socket) => {
    calls++;
    socket.destroy();
  });
  await announce("started");
  await announce("stopped");
  await sleep(5_500);
  expect(calls).toBe(0);
});
