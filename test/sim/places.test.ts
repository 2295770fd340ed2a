import { describe, expect, it } from "vitest";
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
