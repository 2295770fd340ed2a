import { expect, test } from "vitest";
import { Bans, type Culprit } from "../../../src/client/bans.ts";
import { testPeerId } from "../../support/scripted-peer.ts";

function who(host: string, id: number): Culprit {
  const address = { host, port: 6881 };
  return { address, listenAddress: address, peerId: testPeerId(id) };
}

/** Bans that peer ids 1 to `count` of `host` are in. */
function bansOf(host: string, count: number): Bans {
  const bans = new Bans();
  for (let id = 1; id <= count; id++) expect(bans.add(id, who(host, id))).toBeDefined();
  return bans;
}

test("a liar is banned, and nobody else behind its router", () => {
  const bans = bansOf("203.0.113.5", 1);
  expect(bans.has("203.0.113.5", testPeerId(1))).toBe(true);
  expect(bans.has("203.0.113.5", testPeerId(2))).toBe(false);
  expect(bans.hasHost("203.0.113.5")).toBe(false);
});

test("nobody gets another banned by lying under that one's id", () => {
  expect(bansOf("203.0.113.5", 1).has("203.0.113.6", testPeerId(1))).toBe(false);
});

test("a host is banned whole with its third liar, an IPv6 network as one host", () => {
  expect(bansOf("203.0.113.5", 2).hasHost("203.0.113.5")).toBe(false);
  expect(bansOf("203.0.113.5", 3).has("203.0.113.5", testPeerId(9))).toBe(true);
  const bans = bansOf("2001:db8:1:2::1", 3);
  expect(bans.hasHost("2001:db8:1:2:ffff::9")).toBe(true);
  expect(bans.hasHost("2001:db8:1:3::1")).toBe(false);
});

test.each(["127.0.0.1", "127.9.9.9", "::1"])(
  "many peers may be on our own machine (%s), but not without end",
  (host) => {
    expect(bansOf(host, 19).hasHost(host)).toBe(false);
    expect(bansOf(host, 20).hasHost(host)).toBe(true);
  },
);

test("one that has left is banned by what is remembered of the last 500, and told once", () => {
  const bans = new Bans();
  for (let key = 0; key <= 500; key++) bans.remember(key, who(`203.0.113.${key % 250}`, key % 256));
  expect(bans.add(0)).toBeUndefined();
  expect(bans.add(500)?.address.host).toBe("203.0.113.0");
  expect(bans.add(500)).toBeUndefined();
});
