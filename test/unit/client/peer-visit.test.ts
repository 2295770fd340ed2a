import { describe, expect, it } from "vitest";
import { visitPeer } from "../../../src/client/metadata/peer-visit.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";
import { PieceLayout } from "../../../src/protocol/layout.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { message, uint32 } from "../../support/hostile-peer.ts";
import { handshakeBytes, ScriptedTransport, testInfoHash, testPeerId } from "../../support/scripted-peer.ts";

const BLOCK = 16_384;
/** Three pieces of two blocks, the last one shorter. */
const layout = new PieceLayout([5 * BLOCK + 100], 2 * BLOCK);
const HAVE_ALL = message("0e");
const UNCHOKE = message("01");
const have = (piece: number) => message(`04${uint32(piece)}`);
const block = (piece: number, begin: number, byte: string, length = BLOCK) =>
  message(`07${uint32(piece)}${uint32(begin)}${byte.repeat(length)}`);

/** A visit that wants all of piece 0, to a peer that has shaken hands. */
async function visit() {
  const clock = new FakeClock();
  const transport = new ScriptedTransport();
  const visited = visitPeer(
    transport.remote,
    {
      infoHash: testInfoHash,
      peerId: testPeerId(1),
      layout,
      dial: () => Promise.resolve(transport),
      clock,
      client: "test",
      choose: () => ({ piece: pieceIndex(0), length: 2 * BLOCK }),
    },
    new AbortController().signal,
  );
  await clock.advance(0);
  transport.deliver(handshakeBytes());
  return { clock, transport, visited };
}

describe("a visit to a peer", () => {
  it("is over when all it asked for has come", async () => {
    const { transport, visited } = await visit();
    for (const said of [HAVE_ALL, UNCHOKE, block(0, BLOCK, "22"), block(0, 0, "11")]) transport.deliver(said);
    const { given, pieces, unchoked } = await visited;
    expect(pieces.isComplete).toBe(true);
    expect(unchoked).toBe(true);
    expect([given?.bytes[0], given?.bytes[BLOCK - 1], given?.bytes[BLOCK]]).toEqual([0x11, 0x11, 0x22]);
    expect(transport.isDestroyed).toBe(true);
  });

  it("takes a block once, and only what it asked for, however often it comes", async () => {
    const { clock, transport, visited } = await visit();
    for (const said of [HAVE_ALL, UNCHOKE, block(0, 0, "11"), block(0, 0, "11")]) transport.deliver(said);
    for (const said of [block(0, BLOCK, "22", 100), block(0, 100, "22"), block(1, 0, "22")])
      transport.deliver(said);
    expect(transport.isDestroyed).toBe(false);
    await clock.advance(15_000);
    expect((await visited).given).toBeUndefined();
  });

  it("isn't drawn out by a peer that says the same again and again", async () => {
    const { clock, transport } = await visit();
    // What it wants of it is another question: until then it only looks.
    for (let i = 0; i < 60 && !transport.isDestroyed; i++) {
      transport.deliver(have(1));
      await clock.advance(300);
    }
    expect(transport.isDestroyed).toBe(true);
    expect(clock.now()).toBeLessThan(20_000 - 1_000);
  });

  it("ends when the peer hangs up, and leaves no timer behind", async () => {
    const { transport, visited, clock } = await visit();
    transport.hangUp();
    expect((await visited).pieces.count).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
