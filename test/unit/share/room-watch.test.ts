import { expect, it } from "vitest";
import type { PeerStats, TorrentStats } from "../../../src/client/torrent-types.ts";
import { PeerRoster } from "../../../src/share/publish/peer-roster.ts";
import { RoomWatch } from "../../../src/share/publish/room-watch.ts";

const id = (n: number) => new Uint8Array(20).fill(n);

const NOTHING = { uploaded: 0, upRate: 0 };

/** A torrent as it looks to the watch. */
function torrent(upRate: number, peers: readonly Partial<PeerStats>[]) {
  // The watch reads these fields only.
  return {
    stats: () => ({ upRate, uploaded: 5_000, bytesTotal: 1_000_000 }) as TorrentStats,
    peers: () => peers as PeerStats[],
  };
}

const sighting = (n: number, progress: number, address = `10.0.0.${n}:6881`) => ({
  peerId: id(n),
  address,
  client: `client ${n}`,
  progress,
});

it("shows one row for a receiver that tracker and engine both see, with the progress of the connection", () => {
  const roster = new PeerRoster("x", () => {});
  const watch = new RoomWatch(roster);
  roster.joined("tracker", sighting(1, 0));
  roster.joined("wire", sighting(1, 0, "10.0.0.1:50000"));
  watch.sample(
    torrent(0, [{ peerId: id(1) as PeerStats["peerId"], progress: 0.25, upRate: 0 }]),
    NOTHING,
    1_000,
  );
  expect(watch.room().receivers).toEqual([
    { key: "1", client: "client 1", host: "10.0.0.1", progress: 0.25, rate: 0, state: "receiving" },
  ]);
});

it("takes a receiver's rate from its progress, so that what others send it counts", () => {
  const roster = new PeerRoster("x", () => {});
  const watch = new RoomWatch(roster);
  roster.joined("wire", sighting(1, 0));
  for (let second = 0; second <= 10; second++) {
    const peer = { peerId: id(1) as PeerStats["peerId"], progress: 0.5 + second * 0.01, upRate: 0 };
    watch.sample(torrent(0, [peer]), NOTHING, second * 1_000);
  }
  const [row] = watch.room().receivers;
  expect(row?.rate).toBeGreaterThan(9_000);
  expect(row?.rate).toBeLessThan(13_000);
});

it("keeps those who finished and left, after those who are not done, and counts them on", () => {
  const roster = new PeerRoster("x", () => {});
  const watch = new RoomWatch(roster);
  roster.joined("tracker", sighting(1, 0));
  roster.joined("tracker", sighting(2, 1));
  roster.joined("tracker", sighting(3, 0.5, "[fe80::3]:6881"));
  roster.joined("tracker", sighting(4, 0));
  roster.completedBy("tracker", sighting(1, 1));
  roster.left("tracker", sighting(1, 1));
  roster.left("tracker", sighting(4, 0.2));
  const { receivers, completed } = watch.room();
  expect(receivers.map(({ host, state }) => `${host} ${state}`)).toEqual([
    "fe80::3 receiving",
    "10.0.0.1 gone",
    "10.0.0.2 helper",
  ]);
  expect(completed).toBe(1);
  // It comes back to help: the same receiver, one row.
  roster.joined("wire", sighting(1, 1));
  expect(watch.room().receivers.map(({ host, state }) => `${host} ${state}`)).toEqual([
    "fe80::3 receiving",
    "10.0.0.1 complete",
    "10.0.0.2 helper",
  ]);
});

it("remembers three minutes of what is sent", () => {
  const watch = new RoomWatch(new PeerRoster("x", () => {}));
  for (let second = 1; second <= 200; second++) watch.sample(torrent(second, []), NOTHING, second * 1_000);
  watch.sample(torrent(100, []), { uploaded: 7_000, upRate: 50.4 }, 201_000);
  // What goes out over HTTP is sent from here like anything else.
  expect(watch.room()).toMatchObject({ upRate: 150, uploaded: 12_000 });
  watch.sample(undefined, NOTHING, 202_000);
  const { rates, upRate } = watch.room();
  expect(rates).toHaveLength(180);
  expect(rates.slice(-3)).toEqual([200, 150, 0]);
  expect(rates[0]).toBe(23);
  expect(upRate).toBe(0);
});
