import { describe, expect, it } from "vitest";
import { mostOfOneNetwork, whoMakesWay, whoOfItsOwn } from "../../src/client/core/places.ts";
import type { Transport } from "../../src/platform/transport.ts";
import { handshakeBytes } from "../support/scripted-peer.ts";
import { Sim } from "../support/sim.ts";

const MIB = 1024 * 1024;

type SimPeer = ReturnType<Sim["add"]>;

/** Connects from `host` and says `words`, if anything; then nothing more. */
async function sit(sim: Sim, host: string, at: SimPeer, words?: Uint8Array): Promise<Transport> {
  const transport = await sim.network.host(host).dial(at.address, new AbortController().signal);
  transport.attach({ onData() {}, onDrain() {}, onClose() {} });
  if (words !== undefined) transport.write(words);
  return transport;
}

async function seederAndLeecher(crowd: (sim: Sim, seeder: SimPeer) => Promise<void>): Promise<number> {
  const sim = new Sim({ seed: 3, length: MIB, pieceLength: 65_536 });
  const seeder = sim.add("seeder", { have: "all" });
  await crowd(sim, seeder);
  const leecher = sim.add("leecher");
  const from = sim.clock.now();
  leecher.torrent.addPeers([seeder.address], "user");
  await sim.runUntilComplete([leecher], 60_000);
  const took = sim.clock.now() - from;
  await sim.close();
  return took;
}

describe("one host that takes all places", () => {
  it("gets half of a torrent's, and a newcomer from elsewhere one at once", async () => {
    let joined = 0;
    const took = await seederAndLeecher(async (sim, seeder) => {
      for (let i = 0; i < 120; i++) {
        void sit(sim, "crowd", seeder, handshakeBytes({ id: i + 3, infoHash: seeder.torrent.infoHash }));
        if (i % 10 === 0) await sim.clock.advance(50);
      }
      await sim.clock.advance(3_000);
      joined = seeder.torrent.stats().peers;
    });
    expect(joined).toBe(50);
    expect(took).toBeLessThan(5_000);
  });

  it("and another that does the same are both too few to keep one out", async () => {
    const took = await seederAndLeecher(async (sim, seeder) => {
      for (let i = 0; i < 60; i++) {
        for (const host of ["crowd", "mob"])
          void sit(
            sim,
            host,
            seeder,
            handshakeBytes({ id: i + 3 + (host === "mob" ? 100 : 0), infoHash: seeder.torrent.infoHash }),
          );
      }
      await sim.clock.advance(3_000);
    });
    expect(took).toBeLessThan(5_000);
  });

  it("by never finishing its handshakes keeps nobody out either", async () => {
    let silent = 0;
    const took = await seederAndLeecher(async (sim, seeder) => {
      const half = handshakeBytes({ id: 3, infoHash: seeder.torrent.infoHash }).subarray(0, 20);
      for (let host = 0; host < 15; host++)
        for (let i = 0; i < 30; i++) void sit(sim, `crowd${host}`, seeder, half);
      await sim.clock.advance(3_000);
      silent = seeder.session.connections;
    });
    expect(silent).toBe(200);
    expect(took).toBeLessThan(5_000);
  });
});

describe("who makes way", () => {
  const holder = (host: string, movedAt: number) => ({ host, movedAt });
  const crowd = (host: string, count: number, movedAt: number) =>
    Array.from({ length: count }, () => holder(host, movedAt));

  it("is who has been idle for longest, when that is long", () => {
    const idlest = holder("10.0.0.1", 1_000);
    expect(whoMakesWay([holder("10.0.0.2", 2_000), idlest], { host: "10.0.0.9", now: 16_000 })).toBe(idlest);
    expect(
      whoMakesWay([holder("10.0.0.2", 2_000), idlest], { host: "10.0.0.9", now: 15_999 }),
    ).toBeUndefined();
  });

  it("is the one of the lowest rank among those", () => {
    const low = holder("10.0.0.2", 3_000);
    const rank = (each: { readonly host: string }) => (each === low ? 1 : 2);
    expect(whoMakesWay([holder("10.0.0.1", 1_000), low], { host: "10.0.0.9", now: 20_000, rank })).toBe(low);
  });

  it("is one of the network that has most places, but nobody who is being served", () => {
    const others = [holder("10.0.0.1", 9_000), holder("10.0.0.2", 0)];
    const rests = holder("2001:db8::5", 8_000);
    const moves = crowd("2001:db8::7", 3, 9_000);
    expect(whoMakesWay([...others, ...moves, rests], { host: "10.0.0.9", now: 10_000 })).toBe(rests);
    expect(whoMakesWay([...others, ...moves], { host: "10.0.0.9", now: 10_000 })).toBeUndefined();
    // A /64 is one network; the next one is another.
    expect(
      whoMakesWay([...others, rests, holder("2001:db8:0:1::1", 8_000)], { host: "10.0.0.9", now: 10_000 }),
    ).toBeUndefined();
  });

  it("is nobody when the newcomer's network would have as many", () => {
    const both = [...crowd("10.0.0.1", 3, 0), ...crowd("10.0.0.2", 2, 0)];
    expect(whoMakesWay(both, { host: "10.0.0.2", now: 10_000 })).toBeUndefined();
    expect(whoMakesWay(both, { host: "10.0.0.3", now: 10_000 })).toBe(both[0]);
  });

  it("is one of its own where its network may have no more", () => {
    const own = [holder("10.0.0.1", 5_000), holder("10.0.0.1", 4_000)];
    expect(whoOfItsOwn([holder("10.0.0.2", 0), ...own], "10.0.0.1", 20_000)).toBe(own[1]);
    expect(whoOfItsOwn([holder("10.0.0.2", 0), ...own], "10.0.0.1", 18_000)).toBeUndefined();
    expect([mostOfOneNetwork(100), mostOfOneNetwork(5), mostOfOneNetwork(1)]).toEqual([50, 2, 1]);
  });
});
