/** Looking at a swarm's pieces from outside: real peers in memory, and one that says nothing. */
import { afterEach, describe, expect, it } from "vitest";
import { countCopies, type PieceSurvey, surveyPieces } from "../../src/client/metadata/piece-survey.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { infoHash } from "../../src/protocol/ids.ts";
import { proverOf } from "../../src/share/token.ts";
import { testPeerId } from "../support/scripted-peer.ts";
import { Sim } from "../support/sim.ts";

let sim: Sim;
afterEach(() => sim.close());

const HASH = infoHash(new Uint8Array(20).fill(7));

async function survey(names: readonly string[], token?: string): Promise<PieceSurvey> {
  const looking = surveyPieces(
    names.map((host) => ({ host, port: 6881 })),
    {
      infoHash: HASH,
      peerId: testPeerId(9),
      layout: sim.layout,
      dial: sim.network.host("asker").dial,
      clock: sim.clock,
      client: "asker",
      prove: token === undefined ? undefined : proverOf(token, HASH),
    },
    new AbortController().signal,
  );
  await sim.clock.advance(20_000);
  return await looking;
}

it("counts peers, the complete ones, and distributed copies", async () => {
  sim = new Sim({ seed: 1, length: 10 * 16_384, pieceLength: 16_384 });
  sim.add("all", { have: "all" });
  sim.add("some", { have: [0, 1, 2, 3, 4] });
  sim.add("none");
  expect(await survey(["all", "some", "none", "nobody"])).toEqual({ peers: 3, complete: 1, copies: 1.5 });
  expect(await survey(["some", "none"])).toEqual({ peers: 2, complete: 0, copies: 0.5 });
  // Named twice, as by its two addresses, it is still one.
  expect(await survey(["all", "all", "some"])).toEqual({ peers: 2, complete: 1, copies: 1.5 });
  expect(await survey([])).toEqual({ peers: 0, complete: 0, copies: 0 });
});

it("waits for a peer that never says what it has, but not long", async () => {
  sim = new Sim({ seed: 2, length: 16_384, pieceLength: 16_384 });
  // Accepts the connection and nothing more.
  sim.network
    .host("mute")
    .listen(6881, (transport) => transport.attach({ onData() {}, onDrain() {}, onClose() {} }));
  sim.add("all", { have: "all" });
  expect(await survey(["mute", "all"])).toEqual({ peers: 1, complete: 1, copies: 1 });
});

it("shows that it knows a share's token, and sees nothing without", async () => {
  sim = new Sim({ seed: 3, length: 4 * 16_384, pieceLength: 16_384 });
  sim.add("all", { have: "all", token: "abc" });
  expect(await survey(["all"], "abc")).toEqual({ peers: 1, complete: 1, copies: 1 });
  expect(await survey(["all"])).toMatchObject({ complete: 0, copies: 0 });
});

describe("distributed copies", () => {
  const of = (length: number, ...pieces: number[]) => {
    const field = new Bitfield(length);
    for (const piece of pieces) field.add(piece);
    return field;
  };
  it.each([
    [[], 4, 0],
    [[of(4, 0, 1, 2, 3)], 4, 1],
    [[of(4, 0, 1), of(4, 2)], 4, 0.75],
    [[of(4, 0, 1, 2, 3), of(4, 0, 1, 2, 3), of(4, 1)], 4, 2.25],
    [[], 0, 0],
  ])("of %j in %i pieces are %d", (found, pieceCount, copies) => {
    expect(countCopies(found, pieceCount)).toBe(copies);
  });
});
