import { expect, test } from "vitest";
import { fromLatin1, toHex } from "../../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../../src/protocol/ids.ts";
import { prometheusText, trackerStats } from "../../../src/tracker/core/stats.ts";
import { TrackerStore } from "../../../src/tracker/core/store.ts";
import { announceRequest } from "../../support/announce-request.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const hashOf = (n: number) => {
  const hash = new Uint8Array(20);
  new DataView(hash.buffer).setUint32(0, n);
  return infoHash(hash);
};

function announce(store: TrackerStore, swarm: number, peer: number, left: number, isDone = false): void {
  store.announce(
    announceRequest({
      infoHash: hashOf(swarm),
      peerId: peerId(fromLatin1(String(peer).padStart(20, "-"))),
      port: 1000 + peer,
      left,
      event: isDone ? "completed" : "none",
    }),
  );
}

const newStore = (openTo: number) =>
  new TrackerStore({ clock: new FakeClock(), random: seededRandom(1), openTo });

test("add up every swarm, the biggest first, and are told to Prometheus as what they are", () => {
  const store = newStore(10);
  announce(store, 1, 1, 0);
  for (let peer = 2; peer <= 6; peer++) announce(store, 2, peer, 5);
  announce(store, 2, 7, 0);
  announce(store, 2, 8, 0, true);
  announce(store, 3, 9, 0);
  announce(store, 3, 10, 5);
  const stats = trackerStats(store, 12.9, () => undefined);
  const swarm = (n: number, seeders: number, leechers: number, completed: number) => ({
    infoHash: toHex(hashOf(n)),
    seeders,
    leechers,
    completed,
  });
  expect(stats).toEqual({
    uptimeSeconds: 12,
    torrents: 3,
    seeders: 4,
    leechers: 6,
    completed: 1,
    announces: 10,
    refused: 0,
    scrapes: 0,
    swarms: [swarm(2, 2, 5, 1), swarm(3, 1, 1, 0), swarm(1, 1, 0, 0)],
  });
  const text = prometheusText(stats);
  expect(text).toContain("# TYPE boojum_tracker_seeders gauge\nboojum_tracker_seeders 4\n");
  expect(text).toContain("# TYPE boojum_tracker_completed_total counter\nboojum_tracker_completed_total 1\n");
  store.close();
});

test("list a thousand swarms at most, and count all", () => {
  const store = newStore(2_000);
  for (let swarm = 0; swarm < 1_001; swarm++) announce(store, swarm, 1, 5);
  const stats = trackerStats(store, 0, () => "name");
  expect([stats.torrents, stats.swarms.length]).toEqual([1_001, 1_000]);
  expect(stats.swarms[0]?.name).toBe("name");
  store.close();
});
