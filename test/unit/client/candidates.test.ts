import { describe, expect, it } from "vitest";
import { Candidates } from "../../../src/client/core/candidates.ts";
import { clientName, sendsLateBitfields } from "../../../src/client/core/client-name.ts";
import { peerId } from "../../../src/protocol/ids.ts";

const at = (port: number) => ({ host: "10.0.0.1", port });

describe("Candidates", () => {
  it("gives each address once", () => {
    const candidates = new Candidates<string>();
    expect(candidates.add(at(1), "tracker", 0)).toBe(true);
    expect(candidates.add(at(1), "user", 0)).toBe(false);
    expect(candidates.take(0, false)?.address).toEqual(at(1));
    expect(candidates.take(0, false)).toBeUndefined();
  });

  it("tries a failed address again after growing waits, soon when nobody else is there", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    const candidate = candidates.take(0, false);
    if (candidate === undefined) throw new Error("none");
    candidates.failed(candidate, true, 0);
    expect(candidates.take(2_999, false)).toBeUndefined();
    expect(candidates.take(3_000, false)).toBe(candidate);
    candidates.failed(candidate, true, 3_000);
    expect(candidates.take(8_999, false)).toBeUndefined();
    expect(candidates.take(9_000, false)).toBe(candidate);
    candidates.worked(candidate);
    candidates.failed(candidate, false, 10_000);
    expect(candidates.take(69_999, false)).toBeUndefined();
    expect(candidates.take(70_000, false)).toBe(candidate);
  });

  it("tries the highest rank first, among those that failed equally often", () => {
    const candidates = new Candidates<string>();
    for (const port of [1, 2, 3]) candidates.add(at(port), "tracker", 0);
    candidates.rankBy(({ port }) => (port === 2 ? 9 : port));
    candidates.add(at(4), "pex", 0);
    const ports = () => candidates.take(100, false)?.address.port;
    const first = candidates.take(0, false);
    expect(first?.address.port).toBe(2);
    if (first !== undefined) candidates.failed(first, true, 0);
    expect([ports(), ports(), ports()]).toEqual([4, 3, 1]);
    expect(candidates.take(3_000, false)?.address.port).toBe(2);
  });

  it("never waits longer than a quarter of an hour", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    let now = 0;
    for (let i = 0; i < 30; i++) {
      const candidate = candidates.take(now, false);
      if (candidate === undefined) throw new Error(`none at ${now}`);
      candidates.failed(candidate, false, now);
      now += 15 * 60_000;
    }
  });

  it("prefers addresses that haven't failed", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    const failed = candidates.take(0, false);
    if (failed !== undefined) candidates.failed(failed, true, 0);
    candidates.add(at(2), "tracker", 50_000);
    expect(candidates.take(60_000, false)?.address).toEqual(at(2));
    expect(candidates.take(60_000, false)?.address).toEqual(at(1));
  });

  it("never gives an excluded address, known before or not", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    candidates.exclude(at(1), "tracker", 0);
    candidates.exclude(at(2), "tracker", 0);
    candidates.add(at(2), "tracker", 0);
    expect(candidates.take(1e9, false)).toBeUndefined();
  });

  it("gives an address that bad data came from only when there is nobody else, forgotten or not", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    candidates.distrust(at(1), "incoming", 0);
    candidates.forget(at(1));
    candidates.add(at(1), "tracker", 0);
    expect(candidates.take(1e9, false)).toBeUndefined();
    expect(candidates.take(1e9, true)?.address).toEqual(at(1));
  });

  it("doesn't wait longer than 20 s while nobody is there, unless very many are known", () => {
    const waits = [1, 51].map((known) => {
      const candidates = new Candidates<string>();
      for (let port = 1; port <= known; port++) candidates.add(at(port), "tracker", 0);
      const candidate = candidates.take(0, true);
      if (candidate === undefined) throw new Error("none");
      for (let i = 0; i < 10; i++) candidates.failed(candidate, true, 0);
      return candidate.retryAt;
    });
    expect(waits).toEqual([20_000, 900_000]);
  });

  it("takes an address that was forgotten as new, unless it must not be tried", () => {
    const candidates = new Candidates<string>();
    candidates.add(at(1), "tracker", 0);
    const first = candidates.take(0, false);
    candidates.forget(at(1));
    if (first !== undefined) candidates.failed(first, false, 0);
    expect(candidates.take(1e9, false)).toBeUndefined();
    expect(candidates.add(at(1), "tracker", 0)).toBe(true);
    candidates.exclude(at(2), "tracker", 0);
    candidates.forget(at(2));
    expect(candidates.add(at(2), "tracker", 0)).toBe(false);
  });

  it("stays bounded, and lets new addresses take the place of failed ones", () => {
    const candidates = new Candidates<string>();
    for (let port = 1; port <= 5000; port++) candidates.add(at(port), "tracker", 0);
    expect(candidates.size).toBe(2000);
    const first = candidates.take(0, false);
    if (first !== undefined) candidates.failed(first, false, 0);
    expect(candidates.add(at(6000), "tracker", 0)).toBe(true);
    expect(candidates.size).toBe(2000);
  });
});

describe("clientName", () => {
  const name = (start: string) =>
    clientName(peerId(Uint8Array.from({ length: 20 }, (_, i) => start.charCodeAt(i) || 0)));

  it.each([
    ["-BJ0100-", "Boojum 0.1.0"],
    ["-TR4060-", "Transmission 4.0.6"],
    ["-qB5120-", "qBittorrent 5.1.2"],
    ["-LT20B0-", "libtorrent 2.0.11"],
    ["-ZZ1000-", "ZZ 1.0.0"],
    ["A2-1-37-0-", "aria2 1.37.0"],
    ["M7-9-2--", "M7-9-2--"],
    ["\u0001\u0002", "unknown"],
  ])("reads %j as %j", (start, expected) => {
    expect(name(start)).toBe(expected);
  });
});

it("knows only aria2 to send bitfields in the middle", () => {
  const id = (start: string) => peerId(Uint8Array.from({ length: 20 }, (_, i) => start.charCodeAt(i) || 0));
  expect(sendsLateBitfields(id("A2-1-36-0-"))).toBe(true);
  expect(sendsLateBitfields(id("-TR3000-"))).toBe(false);
});
