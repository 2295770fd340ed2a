/** The built command among a thousand who are slow on purpose. */
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

const DATA = noise(20_000_000, 1);

it("downloads, tracks and seeds beside 500 who don't read and 500 whose headers don't end", async () => {
  const place = scratch();
  writeFileSync(join(place.dir, "file.bin"), DATA);
  const cache = join(place.dir, "cache");
  const publisher = new ShareProcess([
    join(place.dir, "file.bin"),
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    cache,
  ]);
  const slow: Socket[] = [];
  const getter: ShareProcess[] = [];
  try {
    const { share, url, infoHash } = await publisher.event("ready");
    const { port, origin } = { port: Number(new URL(String(url)).port), origin: new URL(String(url)).origin };
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        const socket = connect(port, "127.0.0.1");
        slow.push(socket);
        socket.on("error", () => {}).pause();
        await new Promise((resolve) => socket.once("connect", resolve));
        const end = i % 2 ? "X-Slow: " : "\r\n";
        socket.write(`GET /s/${String(share)}/files/file.bin HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${end}`);
      }),
    );
    const start = performance.now();
    const answer = await fetch(`${String(url)}/files/file.bin`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(DATA)).toBe(true);
    const hash = String(infoHash).replace(/../g, "%$&");
    const announce = await fetch(
      `${origin}/announce/${String(share)}?info_hash=${hash}&peer_id=-XX0000-abcdefghijkl&port=7000&left=1`,
    );
    expect(Buffer.from(await announce.arrayBuffer()).toString("latin1")).toContain("5:peers");
    getter.push(new ShareProcess(["get", String(url), "-o", join(place.dir, "out")]));
    await getter[0]?.succeed();
    expect(await digestFile(join(place.dir, "out", "file.bin"))).toBe(
      await digestFile(join(place.dir, "file.bin")),
    );
    expect(performance.now() - start).toBeLessThan(30_000);
    // They were there all the time.
    expect(slow.filter((socket) => !socket.destroyed).length).toBeGreaterThan(900);
  } finally {
    for (const socket of slow) socket.destroy();
    for (const each of getter) await each.stop();
    await publisher.stop();
    place.remove();
  }
});
