import { describe, expect, it } from "vitest";
import { Sim } from "../support/sim.ts";

describe("one seeder and one leecher", () => {
  it("moves everything, once, and leaves nothing behind", async () => {
    const sim = new Sim({ seed: 1, length: 10_000_001, pieceLength: 262_144 });
    const seeder = sim.add("seeder", { have: "all", up: 5_000_000 });
    const leecher = sim.add("leecher");
    sim.introduceAll();
    await sim.runUntilComplete([leecher], 60_000);
    expect(seeder.torrent.stats().uploaded).toBe(10_000_001);
    expect(leecher.completedAt).toBeLessThan(2200);
    await sim.close();
  });
});
