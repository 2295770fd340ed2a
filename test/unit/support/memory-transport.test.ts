import { expect, test } from "vitest";
import type { Transport } from "../../../src/platform/transport.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryNetwork } from "../../support/memory-transport.ts";

const never = new AbortController().signal;

/** Remembers what a transport tells. */
function record(clock: FakeClock) {
  const seen = {
    bytes: 0,
    last: 0,
    drains: 0,
    closes: 0,
    text: [] as number[],
    onData(bytes: Uint8Array) {
      seen.bytes += bytes.length;
      seen.last = clock.now();
      if (seen.text.length < 10) seen.text.push(...bytes.subarray(0, 10));
    },
    onDrain: () => void seen.drains++,
    onClose: () => void seen.closes++,
  };
  return seen;
}

async function pair(options: { delay?: number; up?: number; down?: number }) {
  const clock = new FakeClock();
  const network = new MemoryNetwork(clock, { delay: options.delay ?? 0 });
  const a = network.host("10.0.0.1", options.up === undefined ? {} : { up: options.up });
  const b = network.host("10.0.0.2", options.down === undefined ? {} : { down: options.down });
  let incoming: Transport | undefined;
  b.listen(6881, (transport) => {
    incoming = transport;
  });
  const dialled = a.dial({ host: "10.0.0.2", port: 6881 }, never);
  await clock.advance(2 * (options.delay ?? 0));
  const transport = await dialled;
  if (incoming === undefined) throw new Error("nobody came");
  return { clock, network, a, b, transport, incoming };
}

test("carries bytes in order at the rate of the link", async () => {
  const { clock, transport, incoming } = await pair({ delay: 10, up: 100_000 });
  const seen = record(clock);
  incoming.attach(seen);
  transport.attach(record(clock));
  const start = clock.now();
  const bytes = new Uint8Array(100_000).map((_, i) => i);
  expect(transport.write(bytes)).toBe(false);
  await clock.advance(5000);
  expect(seen.bytes).toBe(100_000);
  expect(seen.text.slice(0, 4)).toEqual([0, 1, 2, 3]);
  expect(seen.last - start).toBeCloseTo(1010);
});

test("stops sending to a receiver that does not read, and drains when it does", async () => {
  const { clock, transport, incoming } = await pair({});
  const seen = record(clock);
  const sender = record(clock);
  incoming.pause();
  incoming.attach(seen);
  transport.attach(sender);
  let done = false;
  transport.write(new Uint8Array(1_000_000), () => {
    done = true;
  });
  await clock.advance(1000);
  expect(seen.bytes).toBe(0);
  expect(transport.bufferedBytes).toBe(1_000_000 - 256 * 1024);
  expect([done, sender.drains]).toEqual([false, 0]);
  incoming.resume();
  await clock.advance(1000);
  expect(seen.bytes).toBe(1_000_000);
  expect([done, sender.drains, transport.bufferedBytes]).toEqual([true, 1, 0]);
});

test("shares an uplink evenly between connections", async () => {
  const { clock, network, a, transport, incoming } = await pair({ up: 1_000_000 });
  const other = network.host("10.0.0.3");
  const third = record(clock);
  other.listen(1, (accepted) => accepted.attach(third));
  const dialled = a.dial({ host: "10.0.0.3", port: 1 }, never);
  await clock.advance(1);
  const second = await dialled;
  second.attach(record(clock));
  transport.attach(record(clock));
  const seen = record(clock);
  incoming.attach(seen);
  transport.write(new Uint8Array(1_000_000));
  second.write(new Uint8Array(1_000_000));
  await clock.advance(1000);
  expect(Math.abs(seen.bytes - third.bytes)).toBeLessThanOrEqual(16_384);
  expect(seen.bytes + third.bytes).toBeGreaterThan(950_000);
});

test("shares a downlink between senders", async () => {
  const { clock, network, b, transport, incoming } = await pair({ down: 1_000_000 });
  const seen = record(clock);
  incoming.attach(seen);
  transport.attach(record(clock));
  transport.write(new Uint8Array(500_000));
  const other = network.host("10.0.0.3");
  b.listen(6881, (accepted) => accepted.attach(seen));
  const dialled = other.dial({ host: "10.0.0.2", port: 6881 }, never);
  await clock.advance(0);
  const second = await dialled;
  second.attach(record(clock));
  second.write(new Uint8Array(500_000));
  await clock.advance(990);
  expect(seen.bytes).toBeLessThan(1_000_000);
  await clock.advance(20);
  expect(seen.bytes).toBe(1_000_000);
});

test("delivers what was sent before a close, then tells both ends once", async () => {
  const { clock, a, b, transport, incoming } = await pair({ delay: 5 });
  const seen = record(clock);
  const sender = record(clock);
  incoming.attach(seen);
  transport.attach(sender);
  transport.write(new Uint8Array(1000));
  await clock.advance(1);
  transport.destroy();
  transport.destroy();
  await clock.advance(100);
  expect([seen.bytes, seen.closes, sender.closes]).toEqual([1000, 1, 1]);
  expect([a.connections, b.connections, clock.pending]).toEqual([0, 0, 0]);
});

test("calls done for what a close threw away", async () => {
  const { clock, transport, incoming } = await pair({});
  const sender = record(clock);
  transport.attach(sender);
  incoming.pause();
  let done = 0;
  transport.write(new Uint8Array(1_000_000), () => done++);
  await clock.advance(1);
  incoming.destroy();
  await clock.advance(1);
  expect(transport.write(new Uint8Array(10), () => done++)).toBe(false);
  await clock.advance(1);
  expect([done, sender.closes]).toEqual([2, 1]);
});

test("refuses a dial to a port where nobody listens, and gives up when told to", async () => {
  const { clock, a } = await pair({ delay: 1 });
  const refused = expect(a.dial({ host: "10.0.0.2", port: 9 }, never)).rejects.toThrow(/REFUSED/);
  await clock.advance(10);
  await refused;
  const controller = new AbortController();
  const dialled = a.dial({ host: "10.0.0.2", port: 6881 }, controller.signal);
  controller.abort(new Error("enough"));
  await expect(dialled).rejects.toThrow("enough");
  expect(clock.pending).toBe(0);
});
