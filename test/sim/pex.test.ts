/** Peers that tell each other of peers (BEP 11) and of lost pieces (BEP 54): real engines, fake time. */
import { describe, expect, it } from "vitest";
import { encodeExtendedHandshake } from "../../src/client/core/extension.ts";
import { encodeHandshake } from "../../src/client/core/handshake.ts";
import { MessageWriter } from "../../src/client/core/messages.ts";
import { decodeCompactPeers } from "../../src/protocol/compact-peers.ts";
import { peerId } from "../../src/protocol/ids.ts";
import { formatPeerAddress } from "../../src/protocol/peer-address.ts";
import { type NodeOptions, Sim, type SimNode } from "../support/sim.ts";

const SIZE = { seed: 5, length: 4_000_000, pieceLength: 32_768 };

/** A publisher that each receiver knows, and nothing else: no tracker tells them of each other. */
function star(
  sim: Sim,
  receivers: number,
  options: NodeOptions = {},
): { publisher: SimNode; others: SimNode[] } {
  const publisher = sim.add("10.0.0.1", { have: "all", up: 400_000, ...options });
  const others = Array.from({ length: receivers }, (_, i) =>
    sim.add(`10.0.0.${2 + i}`, { up: 400_000, ...options }),
  );
  for (const { torrent } of others) torrent.addPeers([publisher.address], "tracker");
  return { publisher, others };
}

/** A peer that joins a publisher and does nothing but listen to whom it is told of. */
async function listener(sim: Sim, publisher: SimNode, host: string): Promise<{ heard(): readonly string[] }> {
  const heard: string[] = [];
  const transport = await sim.network.host(host).dial(publisher.address, new AbortController().signal);
  const pex = 7;
  transport.attach({
    onData(data) {
      const text = Buffer.from(data).toString("latin1");
      const lists = text.matchAll(/5:added(\d+):/g);
      for (const { index, 0: found, 1: length } of lists) {
        const from = index + found.length;
        const peers = Buffer.from(text.slice(from, from + Number(length)), "latin1");
        heard.push(...decodeCompactPeers(peers).map(formatPeerAddress));
      }
    },
    onDrain() {},
    onClose() {},
  });
  const out = new MessageWriter();
  out.raw(handshakeOf(publisher, Number(host.split(".")[3])));
  const extensions = new Map([["ut_pex", pex]]);
  out.extended(
    0,
    encodeExtendedHandshake({ client: "x", requestQueue: 1, uploadOnly: false, extensions, listenPort: 77 }),
  );
  transport.write(out.written.slice());
  return { heard: () => heard };
}

function handshakeOf({ torrent }: SimNode, id: number): Uint8Array {
  return encodeHandshake({
    infoHash: torrent.infoHash,
    peerId: peerId(new Uint8Array(20).fill(id)),
    fast: false,
    extended: true,
  });
}

function together(sim: Sim, nodes: readonly SimNode[]): number {
  return sim.pieceSet(nodes.flatMap(({ torrent }) => [...torrent.have])).count;
}

describe("peer exchange", () => {
  it("lets a swarm finish whose publisher is gone and whose tracker never said more than him", async () => {
    const sim = new Sim(SIZE);
    const { publisher, others } = star(sim, 5);
    await sim.clock.runUntil(() => together(sim, others) === sim.layout.pieceCount, 120_000);
    expect(others.some(({ completedAt }) => completedAt === undefined)).toBe(true);
    await sim.leave(publisher);
    await sim.runUntilComplete(others, 120_000);
    await sim.close();
  });

  it("lets a newcomer in that knows one peer only, and introduces it to the others", async () => {
    const sim = new Sim(SIZE);
    const { publisher, others } = star(sim, 3);
    await sim.clock.runUntil(() => together(sim, others) > 40, 120_000);
    const newcomer = sim.add("10.0.0.99", { up: 400_000 });
    newcomer.torrent.addPeers([others[0]?.address ?? publisher.address], "user");
    await sim.clock.runUntil(() => newcomer.torrent.peers().length === 4, 3_000);
    await sim.runUntilComplete([...others, newcomer], 120_000);
    await sim.close();
  });

  it.each([{ private: true }, { unlisted: true }, { token: "ab" }])(
    "tells nobody of anybody when %o",
    async (options) => {
      const sim = new Sim(SIZE);
      const { publisher, others } = star(sim, 4, options);
      await sim.clock.runUntil(() => together(sim, others) > 20, 60_000);
      await sim.clock.advance(5_000);
      for (const { torrent } of others) {
        expect(torrent.peers().map(({ address }) => address.host)).toEqual([publisher.name]);
      }
      await sim.close();
    },
  );

  it("tells only one of two of the other, who would else connect to each other at once", async () => {
    const sim = new Sim(SIZE);
    const { publisher } = star(sim, 0);
    const [first, second] = await Promise.all([
      listener(sim, publisher, "10.0.0.66"),
      listener(sim, publisher, "10.0.0.67"),
      sim.clock.advance(10),
    ]);
    await sim.clock.runUntil(() => first.heard().length + second.heard().length > 0, 2_000);
    await sim.clock.advance(500);
    expect([first.heard(), second.heard()]).toEqual([["10.0.0.67:77"], []]);
    // Who was told of nobody hears of the other in the next round.
    await sim.clock.advance(1_000);
    expect([first.heard(), second.heard()]).toEqual([["10.0.0.67:77"], ["10.0.0.66:77"]]);
    await sim.close();
  });

  it("is bounded: a liar's addresses and floods harm nobody", async () => {
    const sim = new Sim(SIZE);
    const { publisher, others } = star(sim, 2);
    const host = sim.network.host("10.0.0.66");
    const [transport] = await Promise.all([
      host.dial(publisher.address, new AbortController().signal),
      sim.clock.advance(10),
    ]);
    let closed = false;
    transport.attach({
      onData() {},
      onDrain() {},
      onClose: () => {
        closed = true;
      },
    });
    const out = new MessageWriter();
    out.raw(handshakeOf(publisher, 9));
    const extensions = new Map([["ut_pex", 3]]);
    out.extended(0, encodeExtendedHandshake({ client: "x", requestQueue: 1, uploadOnly: false, extensions }));
    // 50 made-up peers, 30 times in one go; ours for ut_pex is the last that we register.
    const added = Buffer.alloc(300, Buffer.from([10, 9, 9, 9, 0, 1]));
    for (let i = 0; i < 50; i++) added[6 * i + 3] = i;
    const pex = Buffer.concat([Buffer.from("d5:added300:"), added, Buffer.from("e")]);
    for (let i = 0; i < 30; i++) out.extended(2, pex);
    transport.write(out.written.slice());
    await sim.clock.advance(2_000);
    expect(closed).toBe(true);
    await sim.runUntilComplete(others, 200_000);
    await sim.close();
  });
});

it("a piece that is lost is told, and not asked for again", async () => {
  const sim = new Sim(SIZE);
  const { publisher, others } = star(sim, 1);
  const [receiver] = others;
  if (receiver === undefined) throw new Error("one receiver");
  const sent = () => receiver.torrent.peers()[0]?.progress;
  await sim.clock.runUntil(() => sent() === 1, 5_000);
  const lost = [...Array(sim.layout.pieceCount).keys()]
    .filter((piece) => !receiver.torrent.have.has(piece))
    .slice(-3);
  publisher.torrent.lose(lost);
  // Behind what is being sent already.
  await sim.clock.runUntil(() => (sent() ?? 1) < 1, 20_000);
  expect(sent()).toBeCloseTo(1 - 3 / sim.layout.pieceCount, 5);
  await sim.clock.runUntil(() => receiver.torrent.have.count === sim.layout.pieceCount - 3, 60_000);
  await sim.clock.advance(100);
  expect(lost.filter((piece) => receiver.torrent.have.has(piece))).toEqual([]);
  expect(publisher.torrent.peers().map(({ peerInterested }) => peerInterested)).toEqual([false]);
  await sim.close();
});
