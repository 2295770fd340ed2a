import { describe, expect, it } from "vitest";
import { trackersToTell } from "../../../src/share/get/own-trackers.ts";

const ID = "23456789abcdefghjkmnp";
const OWN = `http://10.0.0.1:6881/announce/${ID}`;
const SEED = `http://10.0.0.1:6881/s/${ID}/seed/`;

describe("trackersToTell", () => {
  it("keeps every tracker of a listed share", () => {
    const trackers = [[OWN], ["udp://tracker.example:80"]];
    expect(trackersToTell({ trackers, webSeeds: [SEED], unlisted: false })).toBe(trackers);
  });

  it("keeps of an unlisted share the publisher's own, whatever was added to the torrent", () => {
    const trackers = [
      ["http://tracker.example/announce", OWN],
      ["udp://10.0.0.1:6881"],
      ["http://10.0.0.1:6881/announce"],
      ["http://10.0.0.1:6881/announce/another"],
      [`http://10.0.0.2:6881/announce/${ID}`],
      [`http://10.0.0.1:6882/announce/${ID}`],
    ];
    expect(trackersToTell({ trackers, webSeeds: [SEED], unlisted: true })).toEqual([[OWN]]);
  });

  it("knows it with a token, and behind a proxy's path", () => {
    const trackers = [[`https://example.org/files/announce/${ID}/t0ken`]];
    const webSeeds = [`https://example.org/files/s/${ID}/seed/t0ken/`];
    expect(trackersToTell({ trackers, webSeeds, unlisted: true })).toEqual(trackers);
    expect(trackersToTell({ trackers, webSeeds: [], unlisted: true })).toEqual([]);
  });
});
