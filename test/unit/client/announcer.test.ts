import { describe, expect, test } from "vitest";
import {
  type AnnounceParams,
  type AnnounceReply,
  TrackerError,
  type TransferStats,
} from "../../../src/client/core/announce-types.ts";
import { Announcer, type AnnouncerOptions } from "../../../src/client/discovery/announcer.ts";
import { retryDelay } from "../../../src/client/discovery/tracker-tier.ts";
import type { Random } from "../../../src/protocol/ambient.ts";
import { infoHash, peerId } from "../../../src/protocol/ids.ts";
import type { PeerAddress } from "../../../src/protocol/peer-address.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const A = "http://a.example/announce";
const B = "http://b.example/announce";
const C = "http://c.example/announce";

/** No jitter, and no shuffling: Fisher-Yates swaps each item with itself. */
const steady: Random = {
  next: () => 1 - Number.EPSILON,
  bytes: (length) => new Uint8Array(length).fill(0xab),
};
const noJitter = (random: Random): Random => ({ ...random, next: () => 0 });

interface Heard {
  readonly at: number;
  readonly url: string;
  readonly params: AnnounceParams;
}

/** Trackers that answer as told, after as long as told; both can be changed while they run. */
function lab(overrides: Partial<AnnouncerOptions> = {}) {
  const clock = new FakeClock();
  const heard: Heard[] = [];
  const warnings: string[] = [];
  const notices: string[] = [];
  const peers: PeerAddress[] = [];
  const silent = new Set<string>();
  const delays = new Map<string, number>();
  const state = {
    reply: { interval: 300, minInterval: 30, peers: [] } as AnnounceReply, // a reply, and not the literal's narrower type
    stats: { uploaded: 1, downloaded: 2, left: 3 } as TransferStats, // as above: `left` changes
  };
  const announcer = new Announcer({
    trackers: [[A]],
    infoHash: infoHash(new Uint8Array(20).fill(1)),
    peerId: peerId(new Uint8Array(20).fill(2)),
    port: 6881,
    stats: () => state.stats,
    onPeers: (found) => peers.push(...found),
    onWarning: ({ message }) => warnings.push(message),
    onNotice: (message) => notices.push(message),
    clock,
    random: noJitter(steady),
    announce: (url, params, signal) => {
      heard.push({ at: clock.now(), url, params });
      return new Promise((resolve, reject) => {
        const answer = () => {
          if (silent.has(url)) reject(new TrackerError(url, "connect ECONNREFUSED", { unanswered: true }));
          else resolve(state.reply);
        };
        const delay = delays.get(url) ?? 0;
        const timer = delay === 0 ? undefined : clock.after(delay, answer);
        if (timer === undefined) answer();
        signal.addEventListener("abort", () => {
          timer?.cancel();
          reject(signal.reason);
        });
      });
    },
    ...overrides,
  });
  const events = () =>
    heard.map(({ at, url, params }) => `${at / 1000} ${url.slice(7, 8)} ${params.event ?? "-"}`);
  return { announcer, clock, heard, events, warnings, notices, peers, silent, delays, state };
}

describe("Announcer", () => {
  test("says started, then nothing but regular announces at the tracker's interval", async () => {
    const { announcer, clock, events, heard } = lab();
    announcer.start();
    await clock.advance(900_000);
    expect(events()).toEqual(["0 a started", "300 a -", "600 a -", "900 a -"]);
    expect(heard[0]?.params).toEqual({
      infoHash: new Uint8Array(20).fill(1),
      peerId: new Uint8Array(20).fill(2),
      port: 6881,
      key: "abababab",
      numwant: 50,
      uploaded: 1,
      downloaded: 2,
      left: 3,
      event: "started",
    });
    expect(heard[1]?.params).not.toHaveProperty("event");
  });

  test("is late by a tenth of the interval at most, and never early", async () => {
    const { announcer, clock, events } = lab({ random: steady });
    announcer.start();
    await clock.advance(300_000);
    expect(events()).toEqual(["0 a started"]);
    await clock.advance(30_000);
    expect(events()).toHaveLength(2);
  });

  test("hands on the peers of every reply", async () => {
    const { announcer, clock, peers, state } = lab();
    state.reply = { interval: 300, minInterval: 30, peers: [{ host: "10.0.0.1", port: 1 }] };
    announcer.start();
    await clock.advance(300_000);
    expect(peers).toEqual([
      { host: "10.0.0.1", port: 1 },
      { host: "10.0.0.1", port: 1 },
    ]);
  });

  test("says completed once, at once, and goes on from there", async () => {
    const { announcer, clock, events, state } = lab();
    announcer.start();
    await clock.advance(100_000);
    state.stats = { uploaded: 1, downloaded: 5, left: 0 };
    announcer.completed();
    await clock.advance(600_000);
    expect(events()).toEqual(["0 a started", "100 a completed", "400 a -", "700 a -"]);
  });

  test("says completed after started when the download is done before the tracker answers", async () => {
    const { announcer, clock, events, delays, state } = lab();
    delays.set(A, 2000);
    announcer.start();
    await clock.advance(1000);
    state.stats = { uploaded: 1, downloaded: 5, left: 0 };
    announcer.completed();
    await clock.advance(10_000);
    expect(events()).toEqual(["0 a started", "2 a completed"]);
  });

  test("does not say completed while bytes are left, as when only some files were wanted", async () => {
    const { announcer, clock, events } = lab();
    announcer.start();
    await clock.advance(1000);
    announcer.completed();
    await clock.advance(1000);
    expect(events()).toEqual(["0 a started"]);
  });

  test("repeats completed when the tracker was silent, until it answers", async () => {
    const { announcer, clock, events, silent, state } = lab();
    announcer.start();
    await clock.advance(1000);
    silent.add(A);
    state.stats = { uploaded: 1, downloaded: 5, left: 0 };
    announcer.completed();
    await clock.advance(6000);
    silent.delete(A);
    await clock.advance(310_000);
    expect(events()).toEqual(["0 a started", "1 a completed", "6 a completed", "16 a completed", "316 a -"]);
  });

  test("says stopped once, with what was transferred, and leaves no timer", async () => {
    const { announcer, clock, heard, events, state } = lab();
    announcer.start();
    await clock.advance(1000);
    state.stats = { uploaded: 7, downloaded: 8, left: 0 };
    await Promise.all([announcer.close(), announcer.close()]);
    await clock.advance(1_000_000);
    expect(events()).toEqual(["0 a started", "1 a stopped"]);
    expect(heard[1]?.params).toMatchObject({ uploaded: 7, downloaded: 8, left: 0, numwant: 0 });
    expect(clock.pending).toBe(0);
  });

  test("waits two seconds for stopped and no longer", async () => {
    const { announcer, clock, delays } = lab();
    announcer.start();
    await clock.advance(0);
    delays.set(A, 60_000);
    let closed = -1;
    const close = async () => {
      await announcer.close();
      closed = clock.now();
    };
    void close();
    await clock.advance(1999);
    expect(closed).toBe(-1);
    await clock.advance(1);
    expect(closed).toBe(2000);
    expect(clock.pending).toBe(0);
  });

  test("does not say stopped to a tracker that never heard of us", async () => {
    const { announcer, clock, events, silent } = lab();
    silent.add(A);
    announcer.start();
    await clock.advance(1000);
    await announcer.close();
    expect(events()).toEqual(["0 a started"]);
    expect(clock.pending).toBe(0);
  });

  test("says stopped to a tracker that may be hearing started just now", async () => {
    const { announcer, clock, events, delays, peers, state } = lab();
    state.reply = { interval: 300, minInterval: 30, peers: [{ host: "10.0.0.1", port: 1 }] };
    delays.set(A, 100);
    announcer.start();
    await clock.advance(50);
    const closing = announcer.close();
    await clock.advance(1000);
    await closing;
    expect(events()).toEqual(["0 a started", "0.05 a stopped"]);
    expect(peers).toEqual([]);
  });

  test("asks a silent tracker again with growing patience, and warns once until it answers", async () => {
    const { announcer, clock, events, silent, warnings } = lab();
    silent.add(A);
    announcer.start();
    await clock.advance(60_000);
    expect(events()).toEqual(["0 a started", "5 a started", "15 a started", "35 a started", "55 a started"]);
    expect(warnings).toEqual([
      `Tracker ${A} gave no answer: connect ECONNREFUSED. Does it run, and can this machine reach it?`,
    ]);
    silent.delete(A);
    await clock.advance(20_000);
    silent.add(A);
    await clock.advance(300_000);
    expect(events().slice(5, 7)).toEqual(["75 a started", "375 a -"]);
    expect(warnings).toHaveLength(2);
  });

  test("finds a tracker again within half a minute of its return, after five minutes of absence", async () => {
    const { announcer, clock, heard, silent } = lab({ random: steady });
    silent.add(A);
    announcer.start();
    await clock.advance(300_000);
    silent.delete(A);
    const before = heard.length;
    await clock.advance(30_000);
    expect(heard.length).toBeGreaterThan(before);
  });

  test("tries the trackers of a tier in turn and keeps to the one that answers", async () => {
    const { announcer, clock, events, silent, warnings } = lab({ trackers: [[A, B, C]], random: steady });
    silent.add(A).add(B);
    announcer.start();
    await clock.advance(1000);
    silent.delete(A);
    await clock.advance(330_000);
    expect(events()).toEqual(["0 a started", "0 b started", "0 c started", "330 c -"]);
    expect(warnings).toEqual([]);
  });

  test("falls back within the tier and says stopped to all that know us", async () => {
    const { announcer, clock, events, silent } = lab({ trackers: [[A, B]], random: steady });
    announcer.start();
    await clock.advance(1000);
    silent.add(A);
    await clock.advance(330_000);
    silent.clear();
    await announcer.close();
    expect(events()).toEqual(["0 a started", "330 a -", "330 b started", "331 a stopped", "331 b stopped"]);
  });

  test("keeps one tracker of every tier informed", async () => {
    const { announcer, clock, events, state } = lab({ trackers: [[A], [B, C]], random: steady });
    announcer.start();
    await clock.advance(1000);
    state.stats = { uploaded: 1, downloaded: 5, left: 0 };
    announcer.completed();
    await announcer.close();
    expect(events()).toEqual([
      "0 a started",
      "0 b started",
      "1 a completed",
      "1 b completed",
      "1 a stopped",
      "1 b stopped",
    ]);
  });

  test("shuffles the trackers of a tier", () => {
    const first = new Set<string | undefined>();
    for (let i = 0; i < 30; i++) {
      const { announcer, heard } = lab({
        trackers: [[A, B, C]],
        random: { ...steady, next: () => ((i * 7) % 30) / 30 },
      });
      announcer.start();
      first.add(heard[0]?.url);
    }
    expect([...first].sort()).toEqual([A, B, C]);
  });

  test("asks sooner when peers are needed, but not before the min interval", async () => {
    const { announcer, clock, events } = lab();
    announcer.start();
    await clock.advance(10_000);
    announcer.needPeers();
    announcer.needPeers();
    await clock.advance(10_000);
    announcer.needPeers();
    await clock.advance(10_000);
    expect(events()).toEqual(["0 a started", "30 a -"]);
    await clock.advance(100_000);
    announcer.needPeers();
    await clock.advance(0);
    expect(events()).toEqual(["0 a started", "30 a -", "130 a -"]);
  });

  test("does not hurry a silent tracker when peers are needed", async () => {
    const { announcer, clock, events, silent, state } = lab();
    silent.add(A);
    announcer.start();
    await clock.advance(1000);
    announcer.needPeers();
    state.stats = { uploaded: 1, downloaded: 5, left: 0 };
    announcer.completed();
    await clock.advance(3000);
    expect(events()).toEqual(["0 a started"]);
  });

  test("gives the tracker its id back until it gives another", async () => {
    const { announcer, clock, heard, state } = lab();
    state.reply = { interval: 300, minInterval: 30, peers: [], trackerId: "one" };
    announcer.start();
    await clock.advance(1000);
    state.reply = { interval: 300, minInterval: 30, peers: [] };
    await clock.advance(600_000);
    await announcer.close();
    expect(heard.map(({ params }) => params.trackerId)).toEqual([undefined, "one", "one", "one"]);
  });

  test("passes a tracker's warning on once", async () => {
    const { announcer, clock, state, warnings } = lab();
    state.reply = { interval: 300, minInterval: 30, peers: [], warning: "go away" };
    announcer.start();
    await clock.advance(900_000);
    expect(warnings).toEqual([`Tracker ${A} says: "go away".`]);
  });

  test("leaves WebSocket trackers out with a notice, and warns when there are no others", async () => {
    const some = lab({ trackers: [["wss://u.example:1"], [A]] });
    some.announcer.start();
    await some.clock.advance(1000);
    expect(some.events()).toEqual(["0 a started"]);
    expect([some.notices.length, some.warnings.length]).toEqual([1, 0]);
    const none = lab({ trackers: [["wss://u.example:1"]] });
    none.announcer.start();
    expect(none.warnings).toEqual([
      "Only trackers over HTTP and UDP can be asked; left out: wss://u.example:1. Peers must come from elsewhere: name one with --peer HOST:PORT.",
    ]);
    await none.announcer.close();
    expect(none.clock.pending).toBe(0);
  });

  test("asks a tracker again when its refusal said so, and never when it said never", async () => {
    const asked: string[] = [];
    const retryIn = new Map([
      [A, 3600],
      [B, Number.POSITIVE_INFINITY],
    ]);
    const { announcer, clock } = lab({
      trackers: [[A, B]],
      announce: (url) => {
        asked.push(`${clock.now() / 1000} ${url.slice(7, 8)}`);
        return Promise.reject(new TrackerError(url, "not here", { retryIn: retryIn.get(url) }));
      },
    });
    announcer.start();
    await clock.advance(7_300_000);
    // The order within a tier is random.
    expect(asked.toSorted()).toEqual(["0 a", "0 b", "3600 a", "7200 a"]);
    retryIn.set(A, Number.POSITIVE_INFINITY);
    await clock.advance(90_000_000);
    expect(asked).toHaveLength(5);
    expect(clock.pending).toBe(0);
    await announcer.close();
  });

  test("survives being closed from within a reply", async () => {
    const closing: Promise<void>[] = [];
    const { announcer, clock, state, events } = lab({ onPeers: () => void closing.push(announcer.close()) });
    state.reply = { interval: 300, minInterval: 30, peers: [{ host: "10.0.0.1", port: 1 }] };
    announcer.start();
    await clock.advance(1_000_000);
    await Promise.all(closing);
    expect(events()).toEqual(["0 a started", "0 a stopped"]);
    expect(clock.pending).toBe(0);
  });
});

test("retryDelay never shrinks, stays under 15 minutes but for jitter, and jitter only adds", () => {
  const least = { ...steady, next: () => 0 };
  let before = 0;
  for (let failures = 1; failures < 60; failures++) {
    const delay = retryDelay(failures, least);
    expect(delay).toBeGreaterThanOrEqual(before);
    expect(retryDelay(failures, steady)).toBeGreaterThan(delay);
    expect(retryDelay(failures, steady)).toBeLessThanOrEqual(delay * 1.5);
    before = delay;
  }
  expect(before).toBe(900_000);
});
