import { describe, expect, it } from "vitest";
import { encodeHandshake } from "../../src/client/core/handshake.ts";
import { Obfuscation } from "../../src/client/peers/obfuscation.ts";
import { RunBuffers } from "../../src/client/peers/run-buffers.ts";
import { Session } from "../../src/client/session.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryNetwork } from "../support/memory-transport.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { MemoryStorage, Sim, sha1 } from "../support/sim.ts";

const LENGTH = 100_000;
const layout = new PieceLayout([LENGTH], 16_384);

/** A machine with a session, on a network with others. */
function machine(network: MemoryNetwork, name: string, options: { readonly maxConnections?: number } = {}) {
  const host = network.host(name);
  const random = seededRandom(name.length * 31 + name.charCodeAt(0));
  const { clock } = network;
  const session = new Session({
    dial: host.dial,
    clock,
    random,
    sha1,
    client: name,
    listenPort: 6881,
    ...options,
  });
  host.listen(6881, (transport) => session.accept(transport));
  const storage = new MemoryStorage({}, clock, random);
  /** Adds torrent number `tag`, whose bytes all are `tag`. */
  const add = (tag: number, complete: boolean) => {
    const pieceHashes = new Uint8Array(20 * layout.pieceCount);
    const store = new MemoryStorage({}, clock, random);
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      const data = new Uint8Array(layout.pieceSize(piece)).fill(tag);
      pieceHashes.set(sha1(data), 20 * piece);
      if (complete) store.pieces.set(piece, data);
    }
    return session.add({
      infoHash: infoHash(new Uint8Array(20).fill(tag)),
      layout,
      pieceHashes,
      private: false,
      storage: store,
      have: complete ? Bitfield.full(layout.pieceCount) : new Bitfield(layout.pieceCount),
    });
  };
  return { host, session, storage, add, address: { host: name, port: 6881 } };
}

describe("Session", () => {
  it("routes each peer on its one port to the torrent it asks for", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const seeder = machine(network, "seeder");
    const getter = machine(network, "getter");
    for (const tag of [1, 2, 3]) seeder.add(tag, true);
    const torrents = [3, 1, 2].map((tag) => getter.add(tag, false));
    for (const torrent of torrents) torrent.addPeers([seeder.address], "user");
    await clock.runUntil(() => torrents.every((torrent) => torrent.complete), 5000);
    await Promise.all([seeder.session.close(), getter.session.close()]);
    await clock.advance(1000);
    expect([clock.pending, seeder.host.connections, seeder.session.connections]).toEqual([0, 0, 0]);
  });

  it("closes a peer whose obfuscated handshake names one torrent, and what is inside another", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const seeder = machine(network, "seeder");
    for (const tag of [1, 2]) seeder.add(tag, true);
    seeder.host.listen(6882, (transport) => seeder.session.accept(transport, true));
    const random = seededRandom(3);
    const noise = new Obfuscation({ encryption: "require", random, sha1, buffers: new RunBuffers() });
    /** What comes back when both have agreed on torrent 1. */
    const answerFor = async (tag: number) => {
      const dialled = network
        .host("stranger")
        .dial({ host: "seeder", port: 6882 }, AbortSignal.timeout(9_000));
      await clock.advance(100);
      const transport = noise.dialled(await dialled, infoHash(new Uint8Array(20).fill(1)));
      let bytes = 0;
      let isClosed = false;
      transport.attach({
        onData: (data) => (bytes += data.length),
        onDrain: () => {},
        onClose: () => (isClosed = true),
      });
      const wanted = infoHash(new Uint8Array(20).fill(tag));
      transport.write(
        encodeHandshake({
          infoHash: wanted,
          peerId: peerId(random.bytes(20)),
          fast: false,
          extended: false,
        }),
      );
      await clock.advance(3_000);
      transport.destroy();
      return { answers: bytes > 0, isClosed };
    };
    expect(await answerFor(1)).toEqual({ answers: true, isClosed: false });
    expect(await answerFor(2)).toEqual({ answers: false, isClosed: true });
    await seeder.session.close();
  });

  it("closes peers that ask for what isn't here, and forgets removed torrents", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const seeder = machine(network, "seeder");
    const getter = machine(network, "getter");
    await seeder.session.remove(seeder.add(1, true));
    expect(seeder.session.get(infoHash(new Uint8Array(20).fill(1)))).toBeUndefined();
    const torrent = getter.add(1, false);
    torrent.addPeers([seeder.address], "user");
    await clock.advance(2000);
    expect(torrent.stats().peers).toBe(0);
    expect([seeder.host.connections, seeder.session.connections]).toEqual([0, 0]);
    await Promise.all([seeder.session.close(), getter.session.close()]);
  });

  it("refuses the same torrent twice", () => {
    const { add } = machine(new MemoryNetwork(new FakeClock()), "one");
    add(1, true);
    expect(() => add(1, true)).toThrow(expect.objectContaining({ code: "duplicate" }));
  });

  it("drops a connection that says nothing, and frees its place", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const seeder = machine(network, "seeder");
    seeder.add(1, true);
    const silent = network.host("silent");
    const dialling = silent.dial(seeder.address, new AbortController().signal);
    await clock.advance(10);
    await dialling;
    expect(seeder.session.connections).toBe(1);
    await clock.advance(11_000);
    expect([seeder.session.connections, seeder.host.connections]).toEqual([0, 0]);
    await seeder.session.close();
  });

  it("refuses a new connection rather than drop an old one", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const seeder = machine(network, "seeder", { maxConnections: 2 });
    seeder.add(1, true);
    const getters = ["a", "b", "c"].map((name) => {
      const one = machine(network, name);
      const torrent = one.add(2, false);
      return { ...one, torrent };
    });
    seeder.add(2, true);
    seeder.host.setRates({ up: 1000 });
    for (const { torrent } of getters) torrent.addPeers([seeder.address], "user");
    await clock.advance(1000);
    expect(seeder.session.connections).toBe(2);
    expect(getters.map(({ torrent }) => torrent.stats().peers)).toEqual([1, 1, 0]);
    await Promise.all([seeder, ...getters].map(({ session }) => session.close()));
  });

  it("ends a connection that is being made when it closes", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1000 });
    const seeder = machine(network, "seeder");
    const getter = machine(network, "getter");
    seeder.add(1, true);
    getter.add(1, false).addPeers([seeder.address], "user");
    await clock.advance(500);
    await getter.session.close();
    await seeder.session.close();
    await clock.advance(10_000);
    expect([clock.pending, getter.session.connections]).toEqual([0, 0]);
  });
});

describe("two peers that know each other", () => {
  it("keep one connection, and make another when that one ends", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const sim = new Sim({ seed, length: 4_000_000, pieceLength: 65_536 });
      const a = sim.add("a", { have: "all", up: 500_000 });
      const b = sim.add("b");
      sim.introduceAll();
      await sim.clock.advance(1000);
      expect([a.host.connections, b.host.connections]).toEqual([1, 1]);
      await sim.leave(a);
      await sim.clock.advance(1000);
      sim.add("a", { have: "all", up: 500_000 });
      await sim.runUntilComplete([b], 60_000);
      await sim.close();
    }
  });

  it("don't take themselves for another", async () => {
    const sim = new Sim({ seed: 5, length: 4_000_000, pieceLength: 65_536 });
    const a = sim.add("a");
    a.torrent.addPeers([a.address], "tracker");
    await sim.clock.advance(100_000);
    expect(a.torrent.stats().peers).toBe(0);
    expect(a.host.bytesUp).toBeLessThan(300);
    await sim.close();
  });

  it("part when both have everything", async () => {
    const sim = new Sim({ seed: 6, length: 400_000, pieceLength: 65_536 });
    const a = sim.add("a", { have: "all" });
    const b = sim.add("b");
    sim.introduceAll();
    await sim.runUntilComplete([b], 10_000);
    await sim.clock.advance(1000);
    expect([a.host.connections, b.host.connections]).toEqual([0, 0]);
    await sim.close();
  });
});

describe("a private torrent", () => {
  it("takes peers from its tracker and the user only", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork(clock, { delay: 1 });
    const one = machine(network, "one");
    let dialled = 0;
    const session = new Session({
      dial: (address, signal) => {
        dialled++;
        return one.host.dial(address, signal);
      },
      clock,
      random: seededRandom(1),
      sha1,
      client: "private",
    });
    const torrent = session.add({
      infoHash: infoHash(new Uint8Array(20)),
      layout,
      pieceHashes: new Uint8Array(20 * layout.pieceCount),
      private: true,
      storage: one.storage,
      have: new Bitfield(layout.pieceCount),
    });
    for (const source of ["lan", "pex", "dht"] as const)
      torrent.addPeers([{ host: source, port: 1 }], source);
    expect(dialled).toBe(0);
    torrent.addPeers([{ host: "x", port: 1 }], "tracker");
    torrent.addPeers([{ host: "y", port: 1 }], "user");
    expect(dialled).toBe(2);
    await session.close();
  });
});
