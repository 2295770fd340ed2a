import { describe, expect, it } from "vitest";
import type { Encryption } from "../../src/client/peers/obfuscation.ts";
import { Sim } from "../support/sim.ts";

const MIB = 1_048_576;

/** One seeder, one leecher that is told of it; whether it gets everything, and how it called. */
async function download(options: {
  seeder: Encryption;
  leecher: Encryption;
  /** The seeder's; simulated hosts without an address count as near. */
  address?: string;
  token?: boolean;
  patience?: number;
}) {
  const sim = new Sim({ seed: 5, length: 4 * MIB, pieceLength: 65_536 });
  const token = options.token ? { token: "snark" } : {};
  const seeder = sim.add(options.address ?? "seeder", { have: "all", encryption: options.seeder, ...token });
  const leecher = sim.add("leecher", { encryption: options.leecher, ...token });
  leecher.torrent.addPeers([seeder.address], "user");
  await sim.clock.runUntil(() => leecher.torrent.complete, options.patience ?? 30_000).catch(() => undefined);
  const { complete } = leecher.torrent;
  const seconds = Math.ceil(sim.clock.now() / 1_000);
  await sim.close();
  return { complete, seconds, openings: seeder.openings };
}

describe("two peers", () => {
  it.each([
    ["prefer", "prefer", ["plain"]],
    ["require", "require", ["noise"]],
    ["require", "prefer", ["plain", "noise"]],
    ["off", "prefer", ["plain"]],
    ["prefer", "require", ["noise"]],
    ["prefer", "off", ["plain"]],
  ] as const)("near each other, the one %s, the dialler %s, agree", async (seeder, leecher, openings) => {
    const { seconds, ...done } = await download({ seeder, leecher });
    expect(done).toEqual({ complete: true, openings: [...openings] });
    // Called again in the other way at once, not after the pause that others who hang up get.
    expect(seconds).toBeLessThanOrEqual(2);
  });

  it.each([
    ["prefer", "prefer", ["noise"]],
    ["off", "prefer", ["noise", "plain"]],
    ["require", "prefer", ["noise"]],
  ] as const)("far apart, the one %s, the dialler %s, agree", async (seeder, leecher, openings) => {
    const { seconds, ...done } = await download({ seeder, leecher, address: "203.0.113.5" });
    expect(done).toEqual({ complete: true, openings: [...openings] });
    expect(seconds).toBeLessThanOrEqual(2);
  });

  it.each([
    ["off", "require"],
    ["require", "off"],
  ] as const)("of which one is %s and the other %s never talk", async (seeder, leecher) => {
    const { complete, openings } = await download({ seeder, leecher, patience: 20_000 });
    expect(complete).toBe(false);
    // Called again now and then, always in the one way that is allowed.
    expect(new Set(openings)).toEqual(new Set([leecher === "off" ? "plain" : "noise"]));
  });

  it("prove to each other that they know the token under obfuscation, too", async () => {
    expect((await download({ seeder: "require", leecher: "require", token: true })).complete).toBe(true);
  });
});
