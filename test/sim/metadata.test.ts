/** Getting the info dictionary from a swarm (BEP 9): the real engine on both sides, and peers that lie, in memory. */
import { describe, expect, it } from "vitest";
import { encodeExtendedHandshake } from "../../src/client/core/extension.ts";
import { encodeHandshake, HandshakeReader } from "../../src/client/core/handshake.ts";
import { MessageWriter } from "../../src/client/core/messages.ts";
import { encodeMetadataData, encodeMetadataRequest } from "../../src/client/core/metadata-messages.ts";
import { Session } from "../../src/client/session.ts";
import type { Transport } from "../../src/platform/transport.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { type InfoHash, infoHash, peerId } from "../../src/protocol/ids.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryNetwork } from "../support/memory-transport.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { sha1 } from "../support/sim.ts";

const PORT = 6881;
const metadata = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 13) & 0xff);
const hash = infoHash(sha1(metadata));

class Net {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork(this.clock, { delay: 1 });
  readonly sessions: Session[] = [];

  session(name: string, limitUp = Number.POSITIVE_INFINITY): Session {
    const host = this.network.host(name);
    const session = new Session({
      dial: host.dial,
      clock: this.clock,
      random: seededRandom(name.length * 31 + name.charCodeAt(0)),
      sha1,
      listenPort: PORT,
      client: name,
      limitUp,
    });
    host.listen(PORT, (transport) => session.accept(transport));
    this.sessions.push(session);
    return session;
  }

  seeder(name: string, isPrivate = false, limitUp?: number): void {
    const layout = new PieceLayout([16_384], 16_384);
    this.session(name, limitUp).add({
      infoHash: hash,
      layout,
      pieceHashes: new Uint8Array(20),
      private: isPrivate,
      metadata,
      storage: { read: () => undefined, write: () => Promise.resolve(), close: () => Promise.resolve() },
      have: Bitfield.full(layout.pieceCount),
    });
  }

  /** A peer that says it has `size` bytes of metadata and answers each request as told. */
  stranger(
    name: string,
    size: number,
    answer: (part: number) => Uint8Array | undefined,
  ): { asked: number[] } {
    const log = { asked: [] as number[] };
    this.network.host(name).listen(PORT, (transport) => stranger(transport, size, log.asked, answer));
    return log;
  }

  /** Runs for so many seconds. @returns the metadata, if it came. */
  async fetch(names: readonly string[], seconds: number): Promise<Uint8Array | undefined> {
    const fetch = this.session("asker").fetchMetadata(hash);
    let got: Uint8Array | undefined;
    const arrived = async () => {
      got = await fetch.metadata;
    };
    void arrived();
    fetch.addPeers(
      names.map((host) => ({ host, port: PORT })),
      "user",
    );
    await this.clock.advance(seconds * 1000);
    return got;
  }

  /** Nothing is left behind. */
  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
    await this.clock.advance(20_000);
    expect(this.clock.pending).toBe(0);
    for (const session of this.sessions) expect(session.connections).toBe(0);
  }
}

/** Speaks the least that is needed; the ids are its own. */
function stranger(
  transport: Transport,
  size: number,
  asked: number[],
  answer: (part: number) => Uint8Array | undefined,
): void {
  const reader = new HandshakeReader();
  const out = new MessageWriter();
  const send = () => {
    transport.write(out.written.slice());
    out.clear();
  };
  transport.attach({
    onData(bytes) {
      const taken = reader.push(bytes);
      const rest = bytes.slice(taken);
      if (taken > 0 && reader.handshake !== undefined) {
        out.raw(
          encodeHandshake({
            infoHash: hash as InfoHash,
            peerId: peerId(new Uint8Array(20).fill(size & 0xff)),
            fast: false,
            extended: true,
          }),
        );
        const extensions = new Map([["ut_metadata", 9]]);
        out.extended(
          0,
          encodeExtendedHandshake({
            client: "x",
            requestQueue: 1,
            uploadOnly: false,
            metadataSize: size,
            extensions,
          }),
        );
        send();
      }
      // Small messages arrive whole here: each request is 4 + 2 + the dictionary.
      for (const [, part = ""] of Buffer.from(rest)
        .toString("latin1")
        .matchAll(/msg_typei0e5:piecei(\d+)e/g)) {
        asked.push(Number(part));
        const payload = answer(Number(part));
        if (payload === undefined) continue;
        out.extended(1, payload);
        send();
      }
    },
    onDrain() {},
    onClose() {},
  });
}

describe("metadata", () => {
  it("comes from a peer that has the torrent", async () => {
    const net = new Net();
    net.seeder("s1");
    expect(await net.fetch(["s1"], 2)).toEqual(metadata);
    await net.close();
  });

  it("of a private torrent is given to nobody", async () => {
    const net = new Net();
    net.seeder("s1", true);
    expect(await net.fetch(["s1"], 30)).toBeUndefined();
    await net.close();
  });

  it("comes all the same when four of five lie, stay silent or claim giants", async () => {
    const net = new Net();
    const bad = metadata.map((byte, i) => (i === 40_000 ? ~byte : byte));
    net.stranger("liar", metadata.length, (part) => encodeMetadataData(bad, part));
    net.stranger("silent", metadata.length, () => undefined);
    const giant = net.stranger("giant", 2 ** 31 - 1, (part) => encodeMetadataData(bad, part));
    net.stranger("short", 16_390, (part) => encodeMetadataData(bad.subarray(0, 16_390), part));
    net.seeder("honest");
    expect(await net.fetch(["liar", "silent", "giant", "short", "honest"], 60)).toEqual(metadata);
    expect(giant.asked).toEqual([]);
    await net.close();
  });

  it("is taken in parts from several peers", async () => {
    const net = new Net();
    const logs = ["a", "b"].map((name) =>
      net.stranger(name, metadata.length, (part) => encodeMetadataData(metadata, part)),
    );
    expect(await net.fetch(["a", "b"], 2)).toEqual(metadata);
    for (const { asked } of logs) expect(asked.length).toBeGreaterThan(0);
    await net.close();
  });

  it("leaves no faster than the upload limit, and comes all the same", async () => {
    const net = new Net();
    net.seeder("s1", false, 16_384);
    expect(await net.fetch(["s1"], 1)).toBeUndefined();
    await net.close();
    const patient = new Net();
    patient.seeder("s1", false, 16_384);
    expect(await patient.fetch(["s1"], 6)).toEqual(metadata);
    await patient.close();
  });

  it("is not given without end: a peer that keeps asking is closed", async () => {
    const net = new Net();
    net.seeder("s1");
    const host = net.network.host("flood");
    const transport = await Promise.all([
      host.dial({ host: "s1", port: PORT }, new AbortController().signal),
      net.clock.advance(10),
    ]).then(([made]) => made);
    let closed = false;
    let received = 0;
    transport.attach({
      onData: (bytes) => {
        received += bytes.length;
      },
      onDrain() {},
      onClose: () => {
        closed = true;
      },
    });
    const out = new MessageWriter();
    out.raw(
      encodeHandshake({
        infoHash: hash,
        peerId: peerId(new Uint8Array(20).fill(3)),
        fast: false,
        extended: true,
      }),
    );
    const extensions = new Map([["ut_metadata", 5]]);
    out.extended(0, encodeExtendedHandshake({ client: "x", requestQueue: 1, uploadOnly: false, extensions }));
    // The only extension of this torrent that a peer may be sent, so the first id.
    for (let i = 0; i < 2000; i++) out.extended(1, encodeMetadataRequest(i % 4));
    transport.write(out.written.slice());
    await net.clock.advance(5_000);
    expect(closed).toBe(true);
    expect(received).toBeLessThan(6 * metadata.length + 200_000);
    await net.close();
  });
});
