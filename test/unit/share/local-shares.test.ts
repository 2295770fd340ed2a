import { expect, it } from "vitest";
import type { Sighting } from "../../../src/mdns/core/sightings.ts";
import { changes } from "../../../src/share/find/find.ts";
import { mergeSightings } from "../../../src/share/find/local-shares.ts";

const sighting = (overrides: Partial<Sighting> = {}): Sighting => ({
  name: "photos",
  infoHash: "ab".repeat(20),
  bytes: 10,
  files: 2,
  path: "/s/k3f9x2mw",
  host: "laptop",
  port: 6881,
  addresses: ["10.0.0.1"],
  ...overrides,
});

it("is one share, whoever has it, with a way to each", () => {
  const [share, ...others] = mergeSightings([
    sighting({ addresses: ["fe80::1%eth0", "10.0.0.1", "fd00::1"] }),
    sighting({ addresses: ["fd00::2"], port: 7000, path: "/s/other" }),
    sighting(),
  ]);
  expect(others).toEqual([]);
  expect(share).toMatchObject({
    url: "http://10.0.0.1:6881/s/k3f9x2mw",
    urls: ["http://10.0.0.1:6881/s/k3f9x2mw", "http://[fd00::2]:7000/s/other"],
    peers: ["10.0.0.1:6881", "[fd00::2]:7000"],
  });
});

it("is several when torrent or name differ, and none when no URL leads to it", () => {
  const shares = mergeSightings([
    sighting(),
    sighting({ infoHash: "cd".repeat(20) }),
    sighting({ name: "other" }),
    sighting({ name: "unreachable", addresses: ["fe80::1%eth0"] }),
  ]);
  expect(shares.map(({ name, infoHash }) => name + infoHash.slice(0, 2))).toEqual([
    "photosab",
    "photoscd",
    "otherab",
  ]);
});

it("is told as found once, then as changed, then as lost", () => {
  const [one = [], two = []] = [[sighting()], [sighting(), sighting({ addresses: ["10.0.0.2"] })]].map(
    mergeSightings,
  );
  const told = (before: typeof one, after: typeof one) => changes(before, after).map(({ event }) => event);
  expect(told([], one)).toEqual(["found"]);
  expect(told(one, two)).toEqual(["changed"]);
  expect(told(two, two)).toEqual([]);
  expect(told(two, [])).toEqual(["lost"]);
});
