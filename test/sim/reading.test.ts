/** Reading a torrent while it comes: what is waited for comes first, wherever that is. */
import { describe, expect, it } from "vitest";
import { readBytes } from "../../src/client/read-bytes.ts";
import { Sim, type SimNode } from "../support/sim.ts";

const MIB = 1_048_576;
const RATE = 4_000_000;

/** Reads `length` bytes from `begin` on, and says how long that took on the fake clock. */
async function timeToRead(sim: Sim, node: SimNode, begin: number, length: number): Promise<number> {
  const from = sim.clock.now();
  const parts: Uint8Array[] = [];
  let isOver = false;
  const read = async () => {
    const range = { begin, end: begin + length };
    for await (const part of readBytes(node.torrent, node.storage, range, new AbortController().signal))
      parts.push(part);
    isOver = true;
  };
  const reading = read();
  await sim.clock.runUntil(() => isOver, 60_000);
  await reading;
  expect(Buffer.concat(parts).equals(sim.data.subarray(begin, begin + length))).toBe(true);
  return sim.clock.now() - from;
}

describe("a reader", () => {
  // A film is opened by its beginning and its end, then somebody seeks.
  it.each([1, 2, 3, 4])(
    "gets start, end and middle of a film within two seconds each (seed %i)",
    async (seed) => {
      const sim = new Sim({ seed, length: 96 * MIB + 5, pieceLength: MIB, delay: 20 });
      // None has all: complete ones among several peers show their pieces one by one, which is another matter.
      const seeds = [0, 1, 2].map((i) => {
        const have = Array.from({ length: 97 }, (_, piece) => piece).filter((piece) => piece !== 90 + i);
        return sim.add(`seed${i}`, { have, up: i === 0 ? 100_000 : RATE / 2 });
      });
      const viewer = sim.add("viewer", { down: RATE });
      sim.introduceAll();
      const places = [0, 95 * MIB, 48 * MIB + 7, 20 * MIB];
      for (const begin of places) {
        const took = await timeToRead(sim, viewer, begin, MIB);
        expect(took, `at ${begin}, seed ${seed}`).toBeLessThan(2_000);
        // Meanwhile it plays, and everything else is fetched, too.
        await sim.clock.advance(1_500);
      }
      await sim.runUntilComplete([viewer], 60_000);
      const sent = seeds.reduce((sum, { torrent }) => sum + torrent.stats().uploaded, 0);
      expect(sent).toBeLessThan(1.2 * sim.data.length);
      await sim.close();
    },
  );

  it("that jumps doesn't wait for what was asked for elsewhere", async () => {
    const sim = new Sim({ seed: 9, length: 96 * MIB, pieceLength: 262_144, delay: 250 });
    sim.add("seed", { have: "all", up: 1_000_000, limitUp: 1_000_000 });
    const viewer = sim.add("viewer");
    sim.introduceAll();
    const cursor = viewer.torrent.read(0, 96 * MIB);
    // Until its queue is as deep as this line needs.
    await sim.clock.advance(10_000);
    cursor.close();
    // There and back, what the seeder has written already, and a quarter of a megabyte.
    expect(await timeToRead(sim, viewer, 80 * MIB, 262_144)).toBeLessThan(1_100);
    await sim.close();
  });

  it("gets pieces in the order in which it needs them", async () => {
    const sim = new Sim({ seed: 7, length: 24 * MIB, pieceLength: 262_144 });
    sim.add("seed", { have: "all", up: RATE });
    const viewer = sim.add("viewer");
    sim.introduceAll();
    const came: number[] = [];
    viewer.torrent.on("verified", (piece) => came.push(piece));
    const cursor = viewer.torrent.read(12 * MIB, 24 * MIB);
    await sim.clock.runUntil(() => came.length >= 40, 60_000);
    expect(came.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, i) => 48 + i));
    cursor.close();
    await sim.runUntilComplete([viewer], 60_000);
    await sim.close();
  });

  it("that takes nothing doesn't hold up the rest, and nobody else's pieces come in its order", async () => {
    const sim = new Sim({ seed: 8, length: 40 * MIB, pieceLength: 262_144 });
    sim.add("seed", { have: "all", up: 20_000_000 });
    const viewer = sim.add("viewer");
    const other = sim.add("other");
    sim.introduceAll();
    const cursor = viewer.torrent.read(0, 40 * MIB);
    await sim.runUntilComplete([viewer, other], 60_000);
    cursor.close();
    await sim.close();
  });
});
