import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Chaos, ChaosProxy } from "../support/chaos-proxy.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";
import { publishForWire, type WireShare } from "../support/wire-share.ts";

const place = useScratch();
let share: WireShare;
const running: { stop(): Promise<unknown> }[] = [];

beforeEach(async () => {
  share = await publishForWire(place.dir, 5_000_000);
  running.push(share.publisher);
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

async function proxy(chaos: Chaos, seed = 1): Promise<ChaosProxy> {
  const made = await ChaosProxy.start(share.port, chaos, seed);
  running.push({ stop: () => made.close() });
  return made;
}

/** A download that reaches the publisher through these proxies only. */
function getThrough(...proxies: readonly ChaosProxy[]): ShareProcess {
  const peers = proxies.flatMap(({ port }) => ["--peer", `127.0.0.1:${port}`]);
  const out = path.join(place.dir, "out");
  const getter = new ShareProcess([
    "get",
    share.torrent,
    "-o",
    out,
    "--no-lan",
    "--timeout",
    "50s",
    ...peers,
  ]);
  running.push(getter);
  return getter;
}

async function expectWhole(getter: ShareProcess): Promise<void> {
  await getter.succeed(55_000);
  expect(await digestTree(path.join(place.dir, "out/folder"))).toEqual(share.digests);
}

describe("a download over a bad network", () => {
  it("completes at 150 ms each way", async () => {
    await expectWhole(getThrough(await proxy({ delay: 150 })));
  });

  it("completes when it comes in drips of 2,000 bytes", async () => {
    await expectWhole(getThrough(await proxy({ drip: 2_000 })));
  });

  it("completes over connections that are cut again and again", async () => {
    const bad = await proxy({ cutEvery: 1_800_000 });
    await expectWhole(getThrough(bad));
    expect(bad.cuts).toBeGreaterThanOrEqual(2);
  });

  it("takes no flipped bit, and gets the piece again from the only one there is", async () => {
    const bad = await proxy({ flipEvery: 1_200_000, flipAfter: 500_000 });
    await expectWhole(getThrough(bad));
    // How many there are depends on when the damaged connection is left.
    expect(bad.flips).toBeGreaterThanOrEqual(1);
  });

  it("goes on when the line was dead for a while", async () => {
    const bad = await proxy({ drip: 4_000 });
    const getter = getThrough(bad);
    await getter.until(() => Number(getter.lastEvent("progress")?.["bytesDone"]) > 500_000 || undefined);
    bad.isDown = true;
    setTimeout(() => {
      bad.isDown = false;
    }, 4_000);
    await expectWhole(getter);
  });
});
