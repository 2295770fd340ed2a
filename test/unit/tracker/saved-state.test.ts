import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { encodeBencode } from "../../../src/protocol/encode.ts";
import { type InfoHash, infoHash, peerId } from "../../../src/protocol/ids.ts";
import { parseIp } from "../../../src/protocol/ip-address.ts";
import { decodeSaved, encodeSaved } from "../../../src/tracker/core/saved-state.ts";
import { TrackerStore } from "../../../src/tracker/core/store.ts";
import type { TrackerOptions } from "../../../src/tracker/core/store-types.ts";
import { announceRequest } from "../../support/announce-request.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const HASH = infoHash(new Uint8Array(20).fill(0xaa));
const sha256 = (bytes: Uint8Array) => Uint8Array.from(createHash("sha256").update(bytes).digest());
const ip = (text: string) => parseIp(text) ?? expect.fail(`${text} is no address`);
const hashOf = (n: number) => infoHash(Uint8Array.from([n >> 8, n & 255, ...new Uint8Array(18)]));

let clock: FakeClock;
let seed = 1;
beforeEach(() => {
  clock = new FakeClock();
});

function build(options: Partial<TrackerOptions> = { openTo: 100 }): TrackerStore {
  return new TrackerStore({ clock, random: seededRandom(seed++), ...options });
}

function ask(
  store: TrackerStore,
  name: string,
  fields: {
    hash?: InfoHash;
    from?: string;
    left?: number;
    event?: "completed" | "stopped";
    key?: string;
  } = {},
) {
  const { hash = HASH, from = "10.0.0.9", left = 5, event = "none", key = name } = fields;
  const id = peerId(fromLatin1(name.padEnd(20, "_")));
  return store.announce(
    announceRequest({ infoHash: hash, peerId: id, left, event, numwant: 50, key }, { address: ip(from) }),
  );
}

function revive(old: TrackerStore, next: TrackerStore, elapsed = 0): void {
  const saved = decodeSaved(encodeSaved(old.saved(), 1000, sha256), sha256) ?? expect.fail("not read");
  expect(saved.savedAt).toBe(1000);
  for (const swarm of saved.swarms) next.restore(swarm, elapsed);
}

describe("a tracker's memory", () => {
  test("has the same counts and peers after a restart, and knows who is who", () => {
    const old = build();
    ask(old, "seeder", { left: 0 });
    ask(old, "both", { from: "10.0.0.8" });
    ask(old, "both", { from: "fd00::8" });
    ask(old, "done", { from: "10.0.0.7" });
    ask(old, "done", { from: "10.0.0.7", left: 0, event: "completed" });
    const next = build();
    revive(old, next);
    expect(next.counts(HASH)).toEqual({ complete: 2, downloaded: 1, incomplete: 1 });
    expect(next.totalPeers).toBe(3);
    expect(next.peers(HASH, 9)).toEqual(old.peers(HASH, 9));
    // The same key from elsewhere is the same peer; another key is not.
    ask(next, "both", { from: "10.0.0.88" });
    expect(next.counts(HASH)?.incomplete).toBe(1);
    ask(next, "both", { from: "10.0.0.66", key: "thief", event: "stopped" });
    expect(next.counts(HASH)?.incomplete).toBe(1);
    // Counted once, before and after.
    ask(next, "done", { from: "10.0.0.7", left: 0, event: "completed" });
    expect(next.counts(HASH)?.downloaded).toBe(1);
  });

  test("forgets those who were silent while it was away", async () => {
    const old = build();
    ask(old, "early");
    await clock.advance(400_000);
    ask(old, "late", { from: "10.0.0.8" });
    clock = new FakeClock();
    const next = build();
    revive(old, next, 200);
    await clock.advance(100_000);
    expect(next.counts(HASH)?.incomplete).toBe(1);
    await clock.advance(400_000);
    expect(next.counts(HASH)?.incomplete).toBe(0);
    expect([next.totalPeers, clock.pending]).toEqual([0, 0]);
  });

  test("gives no stranger's torrent to a tracker of certain ones", () => {
    const old = build();
    ask(old, "a");
    ask(old, "b", { hash: hashOf(1) });
    const next = build({});
    next.register({ id: "x", infoHash: HASH, listed: true, totalBytes: 10 });
    revive(old, next);
    expect(next.visible([], undefined)).toEqual([
      { infoHash: HASH, counts: { complete: 0, downloaded: 0, incomplete: 1 } },
    ]);
    next.unregister(HASH, "x");
    expect([next.totalPeers, next.visible([], undefined).length]).toEqual([0, 0]);
  });

  test("opens to nobody what was registered before and is not now", () => {
    const old = build();
    old.register({ id: "x", infoHash: HASH, listed: false, totalBytes: 10 });
    ask(old, "stranger's", { hash: hashOf(1) });
    const next = build();
    revive(old, next);
    expect(next.visible([], undefined).map(({ infoHash }) => infoHash)).toEqual([hashOf(1)]);
    expect(next.counts(HASH)).toBeUndefined();
  });

  test("is refused whole when a single bit has changed, or its end is missing", () => {
    const old = build();
    ask(old, "a");
    const bytes = encodeSaved(old.saved(), 1, sha256);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      expect(decodeSaved(damaged, sha256)).toBeUndefined();
      expect(decodeSaved(bytes.subarray(0, at), sha256)).toBeUndefined();
    }
  });
});

describe("an open tracker", () => {
  test("takes any torrent up to its limit, says when to come again, and makes room where nobody is left", async () => {
    const store = build({ openTo: 3 });
    for (let n = 0; n < 3; n++) expect(ask(store, "a", { hash: hashOf(n) }).ok).toBe(true);
    expect(ask(store, "a", { hash: hashOf(3) })).toEqual({
      ok: false,
      reason: "this tracker has no room for more torrents",
      retryIn: 30,
    });
    ask(store, "a", { hash: hashOf(1), event: "stopped" });
    await clock.advance(30_000);
    expect(ask(store, "a", { hash: hashOf(3) }).ok).toBe(true);
    expect(store.counts(hashOf(1))).toBeUndefined();
    expect(store.visible([], undefined)).toHaveLength(3);
  });

  test("tracks nothing for a peer that only says that it stops, or names an ID", () => {
    const store = build({ openTo: 3 });
    expect(ask(store, "a", { event: "stopped" }).ok).toBe(false);
    expect(store.visible([], undefined)).toHaveLength(0);
  });

  test("keeps no more peers than it may, over all torrents", () => {
    const store = build({ openTo: 100, maxTotalPeers: 10 });
    for (let n = 0; n < 30; n++) ask(store, `p${n}`, { hash: hashOf(n % 7), from: `10.0.1.${n}` });
    expect(store.totalPeers).toBe(10);
    expect(ask(store, "p0", { hash: hashOf(0), from: "10.0.1.0", event: "stopped" }).ok).toBe(true);
    expect(store.totalPeers).toBe(9);
  });
});

describe("a state that is whole, but odd", () => {
  const sealed = (dict: Parameters<typeof encodeBencode>[0]) => {
    const body = encodeBencode(dict);
    return Uint8Array.from([...sha256(body), ...body]);
  };
  const format = Number(/i(\d+)e/.exec(toLatin1(encodeSaved([], 5, sha256).subarray(32)))?.[1]);

  test("says nothing where nothing is said", () => {
    const bare = { format, swarms: [{ hash: new Uint8Array(20).fill(1) }] };
    const saved = decodeSaved(sealed(bare), sha256) ?? expect.fail("not read");
    expect(saved.savedAt).toBe(0);
    expect(saved.swarms.map(({ peers, ...rest }) => ({ ...rest, peers: [...peers] }))).toEqual([
      { infoHash: new Uint8Array(20).fill(1), isStranger: false, seed: 0, downloaded: 0, now: 0, peers: [] },
    ]);
    expect(decodeSaved(sealed({ format }), sha256)?.swarms).toEqual([]);
  });

  test("loses the swarms that are none, and a peer that was cut off", () => {
    const hash = new Uint8Array(20).fill(2);
    const swarms = [7, "x", { hash: new Uint8Array(19) }, {}, { hash, peers: new Uint8Array(60) }];
    const saved = decodeSaved(sealed({ format, swarms }), sha256) ?? expect.fail("not read");
    expect(saved.swarms.map(({ infoHash: found }) => found)).toEqual([hash]);
    expect(saved.swarms.flatMap(({ peers }) => [...peers])).toEqual([]);
  });

  test("of another format, or of none, is refused", () => {
    expect(decodeSaved(sealed({ format: format + 1, swarms: [] }), sha256)).toBeUndefined();
    expect(decodeSaved(sealed({ swarms: [] }), sha256)).toBeUndefined();
    expect(decodeSaved(sealed([]), sha256)).toBeUndefined();
  });
});
