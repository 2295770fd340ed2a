import { expect, it } from "vitest";
import type { PeerEvent } from "../../../src/share/events.ts";
import { PeerRoster, type Sighting } from "../../../src/share/publish/peer-roster.ts";

function watched() {
  const told: string[] = [];
  const roster = new PeerRoster("k3f9x2mw", (event: PeerEvent) => {
    told.push(`${event.state} ${event.address} ${event.client} ${event.progress}`);
  });
  return { told, roster };
}

function peer(id: number, overrides: Partial<Sighting> = {}): Sighting {
  return {
    peerId: new Uint8Array(20).fill(id),
    address: "10.0.0.2:6881",
    client: "aria2 1.36",
    progress: 0,
    ...overrides,
  };
}

it("counts a receiver that comes again once", () => {
  const { told, roster } = watched();
  for (const _ of [1, 2]) {
    roster.joined("tracker", peer(1));
    roster.completedBy("tracker", peer(1, { progress: 1 }));
    roster.left("tracker", peer(1, { progress: 1 }));
  }
  roster.joined("tracker", peer(2));
  roster.completedBy("tracker", peer(2, { progress: 1 }));
  expect(roster.completed).toBe(2);
  expect(told.filter((line) => line.startsWith("completed"))).toHaveLength(2);
});

it("tells of one receiver once, whoever sees it first", () => {
  const { told, roster } = watched();
  roster.joined("tracker", peer(1));
  roster.joined("wire", peer(1, { address: "10.0.0.2:50123" }));
  roster.joined("wire", peer(2, { address: "10.0.0.3:50124" }));
  expect(told).toEqual(["joined 10.0.0.2:6881 aria2 1.36 0", "joined 10.0.0.3:50124 aria2 1.36 0"]);
});

it("counts a receiver as complete once, though both witnesses say so", () => {
  const { told, roster } = watched();
  roster.joined("wire", peer(1));
  roster.completedBy("wire", peer(1, { progress: 1 }));
  roster.completedBy("tracker", peer(1, { progress: 1 }));
  expect(told.slice(1)).toEqual(["completed 10.0.0.2:6881 aria2 1.36 1"]);
  expect(roster.completed).toBe(1);
});

it("does not count a seeder that came complete", () => {
  const { told, roster } = watched();
  roster.joined("tracker", peer(1, { progress: 1 }));
  roster.completedBy("wire", peer(1, { progress: 1 }));
  expect(told).toEqual(["joined 10.0.0.2:6881 aria2 1.36 1"]);
  expect(roster.completed).toBe(0);
});

it("counts one that came with a magnet link only, which aria2 announces as having everything", () => {
  const { told, roster } = watched();
  roster.joined("tracker", peer(1, { progress: 1 }));
  roster.completedBy("tracker", peer(1, { progress: 1 }));
  expect(told).toHaveLength(2);
  expect(roster.completed).toBe(1);
});

it("says that a peer left when no witness sees it any more", () => {
  const { told, roster } = watched();
  roster.joined("wire", peer(1));
  roster.joined("tracker", peer(1));
  roster.left("wire", peer(1, { progress: 0.5 }));
  expect(told).toHaveLength(1);
  roster.left("tracker", peer(1));
  roster.left("tracker", peer(1));
  expect(told.slice(1)).toEqual(["left 10.0.0.2:6881 aria2 1.36 0.5"]);
});

it("joins the two when a receiver that the tracker never heard of completes", () => {
  const { told, roster } = watched();
  roster.completedBy("wire", peer(1, { progress: 1 }));
  expect(told.map((line) => line.split(" ")[0])).toEqual(["joined", "completed"]);
});
