/** The engine between real processes, sockets and disks. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const BYTES = 200_000_000;

const { at, share, publish, get } = useStage();

async function publishNoise(
  bytes: number,
): Promise<{ publisher: ShareProcess; url: string; digest: string }> {
  const file = at("file.bin");
  writeFileSync(file, noise(bytes, 1));
  const publisher = publish(file);
  const ready = await publisher.event("ready");
  return { publisher, url: String(ready["url"]), digest: await digestFile(file) };
}

/** What the publisher sent by the peer protocol, once everybody has left and a second has passed. */
async function uploadedBy(publisher: ShareProcess, receivers: number): Promise<number> {
  const left = () =>
    publisher.events.filter(({ event, state }) => event === "peer" && state === "left").length;
  await publisher.until(() => left() >= receivers || undefined);
  const seen = publisher.events.length;
  const stats = await publisher.until(() =>
    publisher.events.slice(seen + 1).find(({ event }) => event === "stats"),
  );
  return Number(stats["uploaded"]);
}

describe("200 MB over real sockets and disks", () => {
  it("arrive whole, by the peer protocol, each block once", async () => {
    const { publisher, url, digest } = await publishNoise(BYTES);
    const getter = get(url);
    const done = await getter.event("done");
    await getter.succeed();
    expect(await digestFile(at("out", "file.bin"))).toBe(digest);
    expect(await uploadedBy(publisher, 1)).toBe(BYTES);
    const rate = BYTES / Number(done["seconds"]) / 1e6;
    // A tenth of what it does on an idle machine: a stall of seconds anywhere on the way shows.
    expect(rate).toBeGreaterThan(20);
  });

  it("reach three receivers with fewer than three copies from the publisher", async () => {
    const { publisher, url, digest } = await publishNoise(BYTES / 4);
    const getters = [1, 2, 3].map((i) => share("get", url, "-o", at(`out${i}`), "--seed-for", "3s"));
    for (const getter of getters) await getter.succeed();
    for (const i of [1, 2, 3]) {
      expect(await digestFile(at(`out${i}`, "file.bin"))).toBe(digest);
    }
    expect(await uploadedBy(publisher, 3)).toBeLessThan(3 * (BYTES / 4));
  });
});
