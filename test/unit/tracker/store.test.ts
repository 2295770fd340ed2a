import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { type InfoHash, infoHash, peerId } from "../../../src/protocol/ids.ts";
import { parseIp } from "../../../src/protocol/ip-address.ts";
import type { AnnounceQuery } from "../../../src/tracker/core/query.ts";
import { TrackerStore } from "../../../src/tracker/core/store.ts";
import type { AnnounceOutcome, TrackerOptions } from "../../../src/tracker/core/store-types.ts";
import type { SwarmPeer } from "../../../src/tracker/core/swarm-types.ts";
import { announceRequest } from "../../support/announce-request.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const HASH = infoHash(new Uint8Array(20).fill(0xaa));
const OTHER = infoHash(new Uint8Array(20).fill(0xbb));
const OWN = peerId(fromLatin1("-BJ0100-own-seeder-0"));

const ip = (text: string) => parseIp(text) ?? expect.fail(`${text} is no address`);
const idOf = (name: string) => peerId(fromLatin1(name.padEnd(20, "_")));

interface Asking extends Partial<Omit<AnnounceQuery, "ok" | "peerId">> {
  readonly name?: string;
  readonly from?: string;
  readonly reached?: string;
  readonly shareId?: string;
}

let clock: FakeClock;
let facts: string[];
let store: TrackerStore;

function build(options: Partial<TrackerOptions> = {}): TrackerStore {
  const tell = (fact: string) => (peer: SwarmPeer) =>
    facts.push(
      `${fact} ${toLatin1(peer.peerId).replace(/_+$/, "")} ${peer.host} ${peer.port} ${peer.progress}`,
    );
  return new TrackerStore({
    clock,
    random: seededRandom(7),
    events: { joined: tell("joined"), completed: tell("completed"), left: tell("left") },
    ...options,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  facts = [];
  store = build();
  store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
});

function ask({
  name = "asker",
  from = "10.0.0.9",
  reached = "10.0.0.1",
  shareId,
  ...query
}: Asking): AnnounceOutcome {
  const asker = { infoHash: HASH, peerId: idOf(name), port: 6881, left: 100, numwant: 50, key: name };
  return store.announce(
    announceRequest(
      { ...asker, ...query },
      { address: ip(from), shareId, reachedAs: { ip: ip(reached), port: 7000 } },
    ),
  );
}

function accepted(asking: Asking) {
  const outcome = ask(asking);
  return outcome.ok ? outcome : expect.fail(outcome.reason);
}

/** The addresses that an asker is told, sorted. */
function told(asking: Asking): string[] {
  return accepted(asking)
    .peers.entries()
    .map(({ host, port }) => `${host} ${port}`)
    .sort();
}

describe("whom an asker is told", () => {
  test("is everybody else, never itself", () => {
    ask({ name: "a", from: "10.0.0.2" });
    ask({ name: "b", from: "10.0.0.3", port: 1 });
    expect(told({ name: "a", from: "10.0.0.2" })).toEqual(["10.0.0.3 1"]);
    expect(told({ name: "c", from: "10.0.0.4" })).toEqual(["10.0.0.2 6881", "10.0.0.3 1"]);
  });

  test("is no seeder when the asker is one", () => {
    ask({ name: "seeder", from: "10.0.0.2", left: 0 });
    ask({ name: "leecher", from: "10.0.0.3" });
    expect(told({ left: 0 })).toEqual(["10.0.0.3 6881"]);
    expect(told({ left: 1 })).toEqual(["10.0.0.2 6881", "10.0.0.3 6881"]);
  });

  test("follows a peer that turns from leecher to seeder and back", () => {
    ask({ name: "turncoat", from: "10.0.0.2" });
    ask({ name: "turncoat", from: "10.0.0.2", left: 0 });
    expect(told({ left: 0 })).toEqual([]);
    ask({ name: "turncoat", from: "10.0.0.2", left: 5 });
    expect(told({ left: 0 })).toEqual(["10.0.0.2 6881"]);
  });

  test("counts peers with port 0 but does not tell them", () => {
    ask({ name: "deaf", from: "10.0.0.2", port: 0 });
    const { counts } = accepted({});
    expect(counts).toEqual({ complete: 0, downloaded: 0, incomplete: 2 });
    expect(told({})).toEqual([]);
    ask({ name: "deaf", from: "10.0.0.2", port: 5 });
    expect(told({})).toEqual(["10.0.0.2 5"]);
    ask({ name: "deaf", from: "10.0.0.2", port: 0 });
    expect(told({})).toEqual([]);
  });

  test("is as many as are wanted, 50 by default and 200 at most, and each once", () => {
    for (let i = 0; i < 300; i++) ask({ name: `p${i}`, from: `10.0.${i >> 7}.${i & 127}`, port: 1000 + i });
    for (const [numwant, count] of [
      [10, 10],
      [undefined, 50],
      [2 ** 31, 200],
      [0, 0],
    ] as const) {
      const list = told({ numwant });
      expect([list.length, new Set(list).size]).toEqual([count, count]);
    }
  });

  test("is chosen evenly, seeders and leechers alike", () => {
    const peers = 40;
    for (let i = 0; i < peers; i++)
      ask({ name: `p${i}`, from: "10.0.0.2", port: 1000 + i, left: i % 4 === 0 ? 0 : 1 });
    const hits = new Map<string, number>();
    const rounds = 4000;
    for (let i = 0; i < rounds; i++)
      for (const peer of told({ numwant: 5 })) hits.set(peer, (hits.get(peer) ?? 0) + 1);
    // Expected 500 each; the standard deviation is 21, so 5 of them let a fair choice pass.
    expect(hits.size).toBe(peers);
    for (const [peer, count] of hits) expect(count, peer).toSatisfy((n: number) => Math.abs(n - 500) < 105);
  });

  test("is never the same company for long", () => {
    const peers = 100;
    const announce = (i: number, numwant: number) =>
      told({ name: `p${i}`, from: "10.0.0.2", port: 1000 + i, numwant });
    for (let i = 0; i < peers; i++) announce(i, 0);
    const together = new Map<string, number>();
    let times = 0;
    for (let i = 0; i < 100 * peers; i++) {
      const list = announce(i % peers, 10);
      if (!list.includes("10.0.0.2 1000")) continue;
      times++;
      for (const peer of list) together.set(peer, (together.get(peer) ?? 0) + 1);
    }
    together.delete("10.0.0.2 1000");
    // By chance each of the others is there 9 times of 98; in an order that stood still its neighbours always would be.
    expect(times).toBeGreaterThan(800);
    expect(together.size).toBe(peers - 1);
    expect(Math.max(...together.values()) / times).toBeLessThan(0.2);
  });

  test("has its seeders among it in proportion, wherever they stand in the reply", () => {
    for (let i = 0; i < 100; i++)
      ask({ name: `p${i}`, from: "10.0.0.2", port: 1000 + i, left: i < 10 ? 0 : 1 });
    let [seeders, first] = [0, 0];
    for (let i = 0; i < 2000; i++) {
      const list = accepted({ numwant: 5 }).peers.entries();
      seeders += list.filter(({ port }) => port < 1010).length;
      if ((list[0]?.port ?? 0) < 1010) first++;
    }
    // Expected 1000 and 200, with standard deviations of about 30 and 13.
    expect(seeders).toSatisfy((n: number) => Math.abs(n - 1000) < 150);
    expect(first).toSatisfy((n: number) => Math.abs(n - 200) < 65);
  });

  test("is found in a big swarm without looking at all of it", () => {
    let drawn = 0;
    const random = seededRandom(1);
    store = build({
      random: {
        bytes: random.bytes,
        next: () => {
          drawn++;
          return random.next();
        },
      },
      maxPerAddress: 10_000,
    });
    store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
    for (let i = 0; i < 5000; i++)
      ask({ name: `p${i}`, from: `10.1.${i >> 8}.${i & 255}`, numwant: 0, left: 0 });
    drawn = 0;
    expect(told({ numwant: 50, left: 1 })).toHaveLength(50);
    expect(drawn).toBeLessThan(60);
  });
});

describe("addresses", () => {
  test("of the asker's family come first, the other fills up", () => {
    for (let i = 0; i < 10; i++) {
      ask({ name: `four${i}`, from: "10.0.0.2", port: 100 + i });
      ask({ name: `six${i}`, from: "fd00::2", port: 200 + i });
    }
    const six = accepted({ name: "new", from: "fd00::3", numwant: 12 });
    expect([six.peers.compact6().length, six.peers.compact4().length]).toEqual([180, 12]);
    const four = accepted({ name: "new", from: "10.0.0.3", numwant: 10 });
    expect([four.peers.compact6().length, four.peers.compact4().length]).toEqual([0, 60]);
  });

  test("of a peer with both families make it one peer, told once", () => {
    ask({ name: "dual", from: "10.0.0.2", event: "started" });
    ask({ name: "dual", from: "fd00::2", event: "started" });
    expect(accepted({}).counts.incomplete).toBe(2);
    expect(told({})).toEqual(["10.0.0.2 6881"]);
    expect(told({ from: "fd00::9" })).toEqual(["fd00::2 6881"]);
    expect(told({ name: "dual", from: "10.0.0.2" })).toEqual(["10.0.0.9 6881"]);
    ask({ name: "dual", from: "10.0.0.2", event: "stopped" });
    expect(facts.filter((fact) => fact.includes("dual"))).toEqual([
      "joined dual 10.0.0.2 6881 0",
      "left dual 10.0.0.2 6881 0",
    ]);
  });

  test("of a peer with both families share its state, and are lost one by one", () => {
    ask({ name: "dual", from: "10.0.0.2" });
    ask({ name: "dual", from: "fd00::2" });
    ask({ name: "dual", from: "10.0.0.2", left: 0 });
    expect(told({ from: "fd00::9", left: 0, numwant: 1 })).toEqual([]);
    expect(told({ from: "fd00::9", left: 1, numwant: 1 })).toEqual(["fd00::2 6881"]);
    ask({ name: "taker", from: "10.0.0.2", left: 0 });
    expect(told({ from: "fd00::9" })).toEqual(["10.0.0.2 6881", "fd00::2 6881"]);
    expect(facts.filter((fact) => fact.startsWith("left"))).toEqual([]);
  });

  test("of loopback peers are told to others as the address that they asked", () => {
    ask({ name: "local", from: "127.0.0.1", port: 7001 });
    expect(told({ from: "10.0.0.9", reached: "10.0.0.1" })).toEqual(["10.0.0.1 7001"]);
    expect(told({ from: "fd00::9", reached: "fd00::1" })).toEqual(["fd00::1 7001"]);
    expect(told({ from: "127.0.0.1", reached: "127.0.0.1" })).toEqual(["127.0.0.1 7001"]);
    ask({ name: "asker", from: "10.0.0.9" });
    expect(told({ name: "other", from: "127.0.0.2", port: 7002, reached: "127.0.0.1" })).toEqual([
      "10.0.0.9 6881",
      "127.0.0.1 7001",
    ]);
  });

  test("that are link-local IPv6 are told only to askers who came over a link", () => {
    ask({ name: "linked", from: "fe80::2" });
    expect(told({ from: "fd00::9" })).toEqual([]);
    expect(told({ from: "127.0.0.1" })).toEqual([]);
    expect(told({ from: "fe80::9" })).toEqual(["fe80::2 6881"]);
    ask({ name: "auto", from: "169.254.0.2" });
    expect(told({ from: "10.0.0.9" })).toEqual(["169.254.0.2 6881"]);
  });
});

describe("our own seeder", () => {
  beforeEach(() => {
    store.register({ id: "own", infoHash: OTHER, listed: true, totalBytes: 100, seeder: OWN });
  });

  test("is told first, at the address that was asked, and is counted", () => {
    const { peers, counts } = accepted({
      infoHash: OTHER,
      reached: "192.168.1.20",
      numwant: 1,
      compact: false,
    });
    expect(peers.entries()).toEqual([{ host: "192.168.1.20", port: 7000, peerId: OWN }]);
    expect(counts).toEqual({ complete: 1, downloaded: 0, incomplete: 1 });
    expect(store.scrape([OTHER], undefined)).toEqual([{ infoHash: OTHER, counts }]);
  });

  test("is not told to seeders, nor to who wants nobody", () => {
    expect(told({ infoHash: OTHER, left: 0 })).toEqual([]);
    expect(told({ infoHash: OTHER, numwant: 0 })).toEqual([]);
  });

  test("is told to aria2 when it starts, which says that nothing is left while it has a magnet link only", () => {
    const aria2 = { infoHash: OTHER, name: "A2-1-37-0-x", left: 0 };
    expect(told({ ...aria2, event: "started" })).toHaveLength(1);
    expect(told(aria2)).toEqual([]);
    expect(told({ ...aria2, name: "other", event: "started" })).toEqual([]);
  });

  test("does not become a second peer when it announces to itself", () => {
    const query = {
      ok: true,
      infoHash: OTHER,
      peerId: OWN,
      port: 7000,
      uploaded: 0,
      downloaded: 0,
      left: 0,
    } as const;
    const outcome = store.announce({
      query: { ...query, event: "started", numwant: 50, compact: true, noPeerId: false, key: "" },
      address: ip("127.0.0.1"),
      shareId: undefined,
      reachedAs: { ip: ip("127.0.0.1"), port: 7000 },
    });
    expect(outcome).toMatchObject({ ok: true, counts: { complete: 1, incomplete: 0 } });
    expect(facts).toEqual([]);
  });
});

describe("who a peer is", () => {
  test("shows in its key, so it may move to another address and port", () => {
    ask({ name: "mover", from: "10.0.0.2" });
    ask({ name: "mover", from: "10.0.0.3", port: 9 });
    expect(told({})).toEqual(["10.0.0.3 9"]);
    expect(facts.filter((fact) => fact.includes("mover"))).toEqual(["joined mover 10.0.0.2 6881 0"]);
  });

  test("cannot be claimed with another key, nor without one from elsewhere", () => {
    ask({ name: "victim", from: "10.0.0.2", key: "secret" });
    ask({ name: "victim", from: "10.6.6.6", key: "guess", event: "stopped" });
    ask({ name: "victim", from: "10.6.6.6", key: "", event: "stopped" });
    ask({ name: "victim", from: "10.6.6.6", key: "", port: 1 });
    expect(told({})).toEqual(["10.0.0.2 6881", "10.6.6.6 1"]);
  });

  test("shows in its address when it has no key", () => {
    ask({ name: "keyless", from: "10.0.0.2", key: "", port: 1 });
    ask({ name: "keyless", from: "10.0.0.2", key: "", port: 2 });
    expect(told({})).toEqual(["10.0.0.2 2"]);
    ask({ name: "keyless", from: "10.0.0.2", key: "", event: "stopped" });
    expect(told({})).toEqual([]);
  });

  test("ends when another takes its address and port: a client that restarted", () => {
    ask({ name: "before", from: "10.0.0.2" });
    ask({ name: "after", from: "10.0.0.2" });
    expect(told({})).toEqual(["10.0.0.2 6881"]);
    expect(facts.slice(0, 3)).toEqual([
      "joined before 10.0.0.2 6881 0",
      "left before 10.0.0.2 6881 0",
      "joined after 10.0.0.2 6881 0",
    ]);
  });
});

describe("facts and counts", () => {
  test("tell joined, completed once, and left with the last progress", () => {
    ask({ name: "p", from: "10.0.0.2", left: 100, event: "started" });
    ask({ name: "p", from: "10.0.0.2", left: 25 });
    ask({ name: "p", from: "10.0.0.2", left: 0, event: "completed" });
    ask({ name: "p", from: "10.0.0.2", left: 0, event: "completed" });
    ask({ name: "p", from: "10.0.0.2", left: 50 });
    ask({ name: "p", from: "10.0.0.2", left: 0, event: "completed" });
    expect(accepted({ numwant: 0 }).counts).toEqual({ complete: 1, downloaded: 1, incomplete: 1 });
    ask({ name: "p", from: "10.0.0.2", left: 0, event: "stopped" });
    expect(facts.filter((fact) => fact.includes(" p "))).toEqual([
      "joined p 10.0.0.2 6881 0",
      "completed p 10.0.0.2 6881 1",
      "left p 10.0.0.2 6881 1",
    ]);
  });

  test("count a download whose completed got lost, or was the first thing heard", () => {
    ask({ name: "quiet", from: "10.0.0.2", left: 1 });
    ask({ name: "quiet", from: "10.0.0.2", left: 0 });
    ask({ name: "late", from: "10.0.0.3", left: 0, event: "completed" });
    expect(store.counts(HASH)).toEqual({ complete: 2, downloaded: 2, incomplete: 0 });
  });

  test("do not count a seeder that came with everything", () => {
    ask({ name: "seeder", from: "10.0.0.2", left: 0, event: "started" });
    ask({ name: "seeder", from: "10.0.0.2", left: 0, event: "completed" });
    expect(store.counts(HASH)).toEqual({ complete: 1, downloaded: 0, incomplete: 0 });
  });

  test("tell facts when the store has changed, not before", () => {
    const seen: unknown[] = [];
    store = build({ events: { left: () => seen.push(store.counts(HASH)) } });
    store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
    ask({ event: "started" });
    ask({ event: "stopped" });
    expect(seen).toEqual([{ complete: 0, downloaded: 0, incomplete: 0 }]);
  });

  test("take a size that the peer does not know for nothing done, and what it claims beyond for nothing too", () => {
    ask({ name: "magnet", from: "10.0.0.2", left: undefined });
    ask({ name: "liar", from: "10.0.0.3", left: 1e20 });
    expect(facts).toEqual(["joined magnet 10.0.0.2 6881 0", "joined liar 10.0.0.3 6881 0"]);
    expect(store.peers(HASH, 1)).toHaveLength(1);
    expect(store.peers(HASH, 10).map(({ progress }) => progress)).toEqual([0, 0]);
  });
});

describe("time", () => {
  test("forgets a silent peer after twice the interval and a bit, not before", async () => {
    ask({ name: "silent", from: "10.0.0.2" });
    await clock.advance(600_000 + 45_000);
    expect(store.counts(HASH)?.incomplete).toBe(1);
    await clock.advance(60_000);
    expect(store.counts(HASH)?.incomplete).toBe(0);
    expect(facts.at(-1)).toBe("left silent 10.0.0.2 6881 0");
    expect(clock.pending).toBe(0);
  });

  test("keeps a peer that announces, and forgets only the address that it left", async () => {
    ask({ name: "dual", from: "10.0.0.2" });
    for (let i = 0; i < 5; i++) {
      ask({ name: "dual", from: "fd00::2" });
      await clock.advance(300_000);
    }
    expect(store.counts(HASH)?.incomplete).toBe(1);
    expect(told({ from: "10.0.0.9" })).toEqual(["fd00::2 6881"]);
  });

  test("leaves no timer when closed", () => {
    ask({});
    expect(clock.pending).toBe(1);
    store.close();
    expect(clock.pending).toBe(0);
  });
});

describe("limits", () => {
  test("let no address fill a swarm, but still tell it about others", () => {
    store = build({ maxPerAddress: 3 });
    store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
    for (let i = 0; i < 5; i++) ask({ name: `flood${i}`, from: "10.6.6.6", port: 1 + i });
    expect(store.counts(HASH)?.incomplete).toBe(3);
    expect(accepted({ name: "one more", from: "10.6.6.6", port: 99 })).toMatchObject({
      warning: expect.stringMatching(/full/),
    });
    expect(told({ name: "one more", from: "10.6.6.6", port: 99 })).toHaveLength(3);
    expect(accepted({ name: "flood1", from: "10.6.6.6", port: 2 })).not.toHaveProperty("warning");
    for (let i = 0; i < 5; i++) ask({ name: `local${i}`, from: "127.0.0.1", port: 1 + i });
    expect(store.counts(HASH)?.incomplete).toBe(8);
  });

  test("let no swarm grow beyond its size, and make room when a peer leaves", () => {
    store = build({ maxPeers: 4 });
    store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
    for (let i = 0; i < 6; i++) ask({ name: `p${i}`, from: `10.0.0.${i}` });
    expect(store.counts(HASH)?.incomplete).toBe(4);
    ask({ name: "p0", from: "10.0.0.0", event: "stopped" });
    ask({ name: "p5", from: "10.0.0.5" });
    expect(
      store
        .peers(HASH, 10)
        .map(({ host }) => host)
        .sort(),
    ).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.5"]);
  });
});

describe("shares", () => {
  const hidden = { id: "hidden", infoHash: OTHER, listed: false, totalBytes: 1 };
  const hashes = (scraped: readonly { readonly infoHash: InfoHash }[]) =>
    scraped.map(({ infoHash }) => infoHash);

  test("that are unlisted need their ID, for announce and for scrape", () => {
    store.register(hidden);
    expect(ask({ infoHash: OTHER })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^unknown torrent/),
    });
    expect(ask({ infoHash: OTHER, shareId: "share" }).ok).toBe(false);
    expect(ask({ infoHash: OTHER, shareId: "hidden" }).ok).toBe(true);
    expect(hashes(store.scrape([], undefined))).toEqual([HASH]);
    expect(hashes(store.scrape([OTHER, HASH, HASH], undefined))).toEqual([HASH]);
    expect(hashes(store.scrape([], "hidden"))).toEqual([OTHER]);
    expect(hashes(store.scrape([HASH], "hidden"))).toEqual([]);
  });

  test("of one torrent have one swarm, until the last is gone", () => {
    store.register({ ...hidden, infoHash: HASH });
    ask({ name: "p", from: "10.0.0.2" });
    expect(told({ shareId: "hidden" })).toEqual(["10.0.0.2 6881"]);
    store.unregister(HASH, "share");
    expect([ask({}).ok, ask({ shareId: "hidden" }).ok]).toEqual([false, true]);
    store.unregister(HASH, "hidden");
    store.unregister(HASH, "hidden");
    expect(ask({ shareId: "hidden" }).ok).toBe(false);
    expect(store.counts(HASH)).toBeUndefined();
  });
});

/** The same rules in the most trivial way: a list of peers, searched from end to end. */
interface ModelPeer {
  identity: string;
  address: string;
  port: number;
  seeder: boolean;
  seen: number;
}

describe("against a model", () => {
  const step = fc.record({
    name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
    keyed: fc.boolean(),
    from: fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1"),
    port: fc.constantFrom(0, 1, 2, 3, 4),
    left: fc.constantFrom(0, 50),
    event: fc.constantFrom("none", "started", "stopped", "completed"),
    // Sums stay far from the 660 to 690 seconds in which a silent peer goes.
    wait: fc.constantFrom(0, 0, 0, 1, 400),
  } as const);

  test("keeps exactly the peers that a plain list keeps", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        clock = new FakeClock();
        facts = [];
        store = build({ maxPerAddress: 4, maxPeers: 9 });
        store.register({ id: "share", infoHash: HASH, listed: true, totalBytes: 100 });
        let model: ModelPeer[] = [];
        for (const { name, keyed, from, port, left, event, wait } of steps) {
          await clock.advance(wait * 1000);
          const now = Math.floor(clock.now() / 1000) + 1;
          model = model.filter(({ seen }) => seen >= now - 700);
          const seeder = left === 0;
          const peers = told({ name, from, port, left, event, key: keyed ? "k" : "", reached: "127.0.0.1" });
          const identity = `${name} ${keyed ? "k" : from}`;
          if (event === "stopped") model = model.filter((peer) => peer.identity !== identity);
          else {
            model = model.filter(
              (peer) =>
                peer.identity === identity || port === 0 || peer.address !== from || peer.port !== port,
            );
            const known = model.find((peer) => peer.identity === identity);
            const full =
              model.length >= 9 ||
              (from !== "127.0.0.1" && model.filter((peer) => peer.address === from).length >= 4);
            if (known !== undefined) Object.assign(known, { address: from, port, seeder, seen: now });
            else if (!full) model.push({ identity, address: from, port, seeder, seen: now });
            const others = model.filter(
              (peer) => peer.identity !== identity && peer.port !== 0 && !(seeder && peer.seeder),
            );
            expect(peers).toEqual(others.map((peer) => `${peer.address} ${peer.port}`).sort());
          }
          expect(store.counts(HASH)).toMatchObject({
            complete: model.filter((peer) => peer.seeder).length,
            incomplete: model.filter((peer) => !peer.seeder).length,
          });
          expect(
            store
              .peers(HASH, 100)
              .map((peer) => `${peer.host} ${peer.port}`)
              .sort(),
          ).toEqual(model.map((peer) => `${peer.address} ${peer.port}`).sort());
          const joined = facts.filter((fact) => fact.startsWith("joined")).length;
          expect(joined - facts.filter((fact) => fact.startsWith("left")).length).toBe(model.length);
        }
      }),
      { numRuns: 150 },
    );
  });
});
