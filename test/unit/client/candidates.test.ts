import { describe, expect, it } from "vitest";
import { type Candidate, Candidates } from "../../../src/client/core/candidates.ts";
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

  /** One that has been taken, of so many that are known. */
  function taken(known = 1): { candidates: Candidates<string>; one: Candidate<string> } {
    const candidates = new Candidates<string>();
    for (let port = 1; port <= known; port++) candidates.add(at(port), "tracker", 0);
    const one = candidates.take(0, true);
    if (one === undefined) throw new Error("none");
    return { candidates, one };
  }

  it("doubles the wait with each failure, up to a quarter of an hour", () => {
    const { candidates, one } = taken();
    const waits = Array.from({ length: 6 }, () => {
      candidates.failed(one, false, 0);
      return one.retryAt;
    });
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
  });

  it("waits no longer than 20 s while nobody is there and 50 are known", () => {
    const { candidates, one } = taken(50);
    for (let i = 0; i < 5; i++) candidates.failed(one, true, 0);
    expect(one.retryAt).toBe(20_000);
  });

  it("waits long for one of few while somebody else is there", () => {
    const { candidates, one } = taken();
    for (let i = 0; i < 5; i++) candidates.failed(one, true, 0);
    candidates.failed(one, false, 0);
    expect(one.retryAt).toBe(900_000);
  });

  it("calls again at once whoever is to be called in another way, but nobody that must not be called", () => {
    const { candidates, one } = taken();
    expect(candidates.take(5, true)).toBeUndefined();
    candidates.again(one, 5);
    expect(candidates.take(4, true)).toBeUndefined();
    expect(candidates.take(5, true)).toBe(one);
    candidates.exclude(one.address, "tracker", 5);
    candidates.again(one, 5);
    candidates.failed(one, true, 5);
    expect(candidates.take(1e9, true)).toBeUndefined();
  });

  it("prefers the longest wait among those that are equal otherwise", () => {
    const candidates = new Candidates<string>();
    for (const port of [3, 1, 2]) candidates.add(at(port), "tracker", port);
    expect([1, 2, 3].map(() => candidates.take(9, false)?.address.port)).toEqual([1, 2, 3]);
  });

  it("prefers few failures to a high rank, wherever they stand", () => {
    for (const ports of [
      [1, 2],
      [2, 1],
    ]) {
      const candidates = new Candidates<string>();
      for (const port of ports) candidates.add(at(port), "tracker", 0);
      const failed = candidates.get(at(1));
      if (failed !== undefined) candidates.failed(failed, true, 0);
      candidates.rankBy(({ port }) => (port === 1 ? 9 : undefined));
      expect(candidates.take(9_000, false)?.address.port).toBe(2);
    }
  });

  it("gives each address with where it came from, unranked, and not called in any way yet", () => {
    const { one } = taken();
    expect(one).toEqual({
      address: at(1),
      source: "tracker",
      failures: 0,
      retryAt: 0,
      state: "busy",
      rank: 0,
      distrusted: false,
      obfuscated: undefined,
      isSecondTry: false,
    });
  });

  it("tells two ports of a host, and two hosts, from each other", () => {
    const candidates = new Candidates<string>();
    const addresses = [at(1), at(11), { host: "10.0.0.11", port: 1 }];
    expect(addresses.map((address) => candidates.add(address, "tracker", 0))).toEqual([true, true, true]);
    expect(addresses.map((address) => candidates.get(address)?.address)).toEqual(addresses);
    expect(candidates.get(at(2))).toBeUndefined();
  });

  describe("when full", () => {
    /** `alter` is done to each of the 2000 that are known. */
    function full(alter: (candidates: Candidates<string>, each: Candidate<string>) => void): boolean {
      const candidates = new Candidates<string>();
      for (let port = 1; port <= 2000; port++) candidates.add(at(port), "tracker", 10_000);
      for (let port = 1; port <= 2000; port++) {
        const each = candidates.get(at(port));
        if (each !== undefined) alter(candidates, each);
      }
      const isTaken = candidates.add({ host: "10.0.0.2", port: 1 }, "tracker", 0);
      expect(candidates.size).toBe(2000);
      return isTaken;
    }

    it("takes a new address in place of one that failed", () => {
      expect(full((candidates, each) => candidates.failed(each, false, 0))).toBe(true);
    });

    it("takes none in place of those that haven't failed yet", () => {
      expect(full(() => undefined)).toBe(false);
    });

    it.each<[string, (candidates: Candidates<string>, each: Candidate<string>) => void]>([
      ["are connected", (candidates) => candidates.take(3_000, true)],
      ["must not be called", (candidates, each) => candidates.exclude(each.address, "tracker", 0)],
      ["aren't trusted", (candidates, each) => candidates.distrust(each.address, "tracker", 0)],
    ])("takes none in place of those that failed once and %s", (_, alter) => {
      const isTaken = full((candidates, each) => {
        candidates.failed(each, true, 0);
        alter(candidates, each);
      });
      expect(isTaken).toBe(false);
    });
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
