import { existsSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import { restoreTracker, saveTracker } from "../../src/tracker/state-file.ts";
import { announceRequest } from "../support/announce-request.ts";
import { scratch } from "../support/data.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";

const place = scratch();
afterAll(() => place.remove());

const HASH = infoHash(new Uint8Array(20).fill(7));

function storeWithOne(): TrackerStore {
  const store = new TrackerStore({ clock: new FakeClock(), random: seededRandom(1), openTo: 10 });
  store.announce(announceRequest({ infoHash: HASH, peerId: peerId(new Uint8Array(20).fill(1)) }));
  return store;
}

test("a clock that was set back keeps no peer longer than its time", async () => {
  const file = path.join(place.dir, "back");
  await saveTracker(storeWithOne(), file, 5_000, nodeHashes.sha256);
  const clock = new FakeClock();
  const next = new TrackerStore({ clock, random: seededRandom(2), openTo: 10 });
  await restoreTracker(next, file, 1_000, nodeHashes.sha256);
  expect(next.counts(HASH)?.incomplete).toBe(1);
  await clock.advance(700_000);
  expect(next.counts(HASH)?.incomplete).toBe(0);
});

test("a draft that a crash left is no hindrance, and nobody else may read the state", async () => {
  const file = path.join(place.dir, "draft");
  writeFileSync(`${file}.new`, "half of it", { mode: 0o644 });
  await saveTracker(storeWithOne(), file, 5_000, nodeHashes.sha256);
  expect(existsSync(`${file}.new`)).toBe(false);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
