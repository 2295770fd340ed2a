/** Torrents with a token: who doesn't know it gets nothing, and nobody can borrow another's knowledge. */
import { describe, expect, it } from "vitest";
import { encodeExtendedHandshake, parseExtendedHandshake } from "../../src/client/core/extension.ts";
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../src/client/core/handshake.ts";
import type { Transport } from "../../src/platform/transport.ts";
import { infoHash, type PeerId, peerId } from "../../src/protocol/ids.ts";
import { proverOf } from "../../src/share/token.ts";
import { Sim, type SimNode } from "../support/sim.ts";

const hash = infoHash(new Uint8Array(20).fill(7));
const stranger = peerId(new TextEncoder().encode("-XX0001-abcdefghijkl"));

let strangers = 0;

function newSim(seed: number): Sim {
  return new Sim({ seed, length: 300_000, pieceLength: 16_384 });
}

/** A connection to `node`, with all that it says and whether it is closed. */
async function call(
  sim: Sim,
  node: SimNode,
): Promise<{ transport: Transport; said: number[]; closed: () => boolean }> {
  const name = `stranger${strangers++}`;
  const dialling = sim.network.host(name).dial(node.address, new AbortController().signal);
  await sim.clock.advance(10);
  const transport = await dialling;
  const said: number[] = [];
  let isClosed = false;
  transport.attach({
    onData: (bytes) => said.push(...bytes),
    onDrain: () => undefined,
    onClose: () => {
      isClosed = true;
    },
  });
  return { transport, said, closed: () => isClosed };
}

function hello(id: PeerId, extended = true): Uint8Array {
  return encodeHandshake({ infoHash: hash, peerId: id, fast: true, extended });
}

/** Extended message 0, framed. */
function introduction(proof?: Uint8Array): Uint8Array {
  const payload = encodeExtendedHandshake({
    client: "stranger",
    requestQueue: 100,
    uploadOnly: false,
    extensions: new Map(),
    ...(proof !== undefined && { proof }),
  });
  const message = new Uint8Array(6 + payload.length);
  new DataView(message.buffer).setUint32(0, 2 + payload.length);
  message.set([20, 0], 4);
  message.set(payload, 6);
  return message;
}

describe("a swarm with a token", () => {
  it("completes among those who know it, whoever calls whom", async () => {
    const sim = newSim(1);
    sim.add("seeder", { have: "all", token: "t" });
    const leechers = [1, 2, 3].map((i) => sim.add(`leecher${i}`, { token: "t" }));
    sim.introduceAll();
    await sim.runUntilComplete(leechers, 30_000);
    await sim.close();
  });

  it("gives nothing to one with another token, or none, and takes nothing from it", async () => {
    const sim = newSim(2);
    const seeder = sim.add("seeder", { have: "all", token: "t" });
    const half = sim.add("half", { have: [0, 1], token: "t" });
    const wrong = sim.add("wrong", { have: [5, 6], token: "u" });
    const none = sim.add("none", { have: [7] });
    sim.introduceAll();
    await sim.runUntilComplete([half], 30_000);
    await sim.clock.advance(30_000);
    expect(wrong.torrent.have.count).toBe(2);
    expect(none.torrent.have.count).toBe(1);
    for (const outside of [wrong, none])
      expect(outside.torrent.stats()).toMatchObject({ downloaded: 0, uploaded: 0 });
    for (const inside of [seeder, half]) {
      const names = inside.torrent.peers().map(({ address }) => address.host);
      expect(names).not.toContain("wrong");
      expect(names).not.toContain("none");
    }
    await sim.close();
  });
});

describe("a stranger", () => {
  it("hears a handshake and nothing more, and is shown the door", async () => {
    const proof = proverOf("guess", hash)("dialler", stranger, stranger);
    const cases: [string, Uint8Array[]][] = [
      ["silence", []],
      ["no proof", [introduction()]],
      ["a wrong proof", [introduction(proof)]],
      ["a proof that is too short", [introduction(new Uint8Array(0))]],
      ["interested", [Uint8Array.of(0, 0, 0, 1, 2)]],
      ["a request", [Uint8Array.of(0, 0, 0, 13, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0)]],
      ["have none", [Uint8Array.of(0, 0, 0, 1, 15)]],
    ];
    for (const [what, messages] of cases) {
      const sim = newSim(3);
      const seeder = sim.add("seeder", { have: "all", token: "t" });
      const { transport, said, closed } = await call(sim, seeder);
      transport.write(hello(stranger));
      for (const message of messages) transport.write(message);
      await sim.clock.advance(11_000);
      expect([what, said.length, closed()]).toEqual([what, HANDSHAKE_LENGTH, true]);
      expect(seeder.torrent.peers()).toEqual([]);
      await sim.close();
    }
  });

  it("that speaks no extensions is closed at once", async () => {
    const sim = newSim(4);
    const seeder = sim.add("seeder", { have: "all", token: "t" });
    const { transport, closed } = await call(sim, seeder);
    transport.write(hello(stranger, false));
    await sim.clock.advance(100);
    expect(closed()).toBe(true);
    await sim.close();
  });

  it("gets no proof out of those it calls, and one that it is given is good for nobody else", async () => {
    const sim = newSim(5);
    const seeder = sim.add("seeder", { have: "all", token: "t" });
    // It calls, and proves that it knows the token: only then it's answered, with a proof for its own id.
    const { transport, said, closed } = await call(sim, seeder);
    const prove = proverOf("t", hash);
    transport.write(hello(stranger));
    transport.write(introduction(prove("dialler", stranger, seeder.session.peerId)));
    await sim.clock.advance(1_000);
    expect(closed()).toBe(false);
    const length = new DataView(Uint8Array.from(said).buffer).getUint32(HANDSHAKE_LENGTH);
    const start = HANDSHAKE_LENGTH + 6;
    const answer = parseExtendedHandshake(Uint8Array.from(said.slice(start, start + length - 2)));
    expect(answer.proof).toEqual(prove("answerer", stranger, seeder.session.peerId));
    // Passed on by somebody with another id, or said back, it is worth nothing.
    const other = peerId(new TextEncoder().encode("-XX0002-abcdefghijkl"));
    const used = prove("dialler", stranger, seeder.session.peerId);
    for (const proof of [used, answer.proof]) {
      const second = await call(sim, seeder);
      second.transport.write(hello(other));
      second.transport.write(introduction(proof));
      await sim.clock.advance(100);
      expect([second.said.length, second.closed()]).toEqual([HANDSHAKE_LENGTH, true]);
    }
    transport.destroy();
    await sim.close();
  });

  it("that is called and says the caller's proof back gets no further", async () => {
    const sim = newSim(6);
    const leecher = sim.add("leecher", { token: "t" });
    const heard: number[] = [];
    let isClosed = false;
    sim.network.host("echo").listen(6881, (transport) => {
      transport.attach({
        onData: (bytes) => {
          const before = heard.length;
          heard.push(...bytes);
          if (before === 0) transport.write(hello(stranger));
          const rest = heard.slice(Math.max(before, HANDSHAKE_LENGTH));
          if (rest.length > 0) transport.write(Uint8Array.from(rest));
        },
        onDrain: () => undefined,
        onClose: () => {
          isClosed = true;
        },
      });
    });
    leecher.torrent.addPeers([{ host: "echo", port: 6881 }], "tracker");
    await sim.clock.advance(2_000);
    // It was shown that the leecher knows the token, and that helped it nothing.
    expect(heard.length).toBeGreaterThan(HANDSHAKE_LENGTH);
    expect(isClosed).toBe(true);
    expect(leecher.torrent.peers()).toEqual([]);
    await sim.close();
  });
});
