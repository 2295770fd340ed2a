import { expect, it } from "vitest";
import { type AnnouncedReceiver, ReturnCalls } from "../../../src/share/publish/return-calls.ts";

const id = (n: number) => new Uint8Array(20).fill(n);

function receiver(n: number, overrides: Partial<AnnouncedReceiver> = {}): AnnouncedReceiver {
  return { peerId: id(n), host: `10.0.0.${n}`, port: 6881, progress: 0.5, ...overrides };
}
const called = (calls: ReturnCalls, now: number) => calls.due(now).map(({ host }) => host);

it("calls who announced itself and has not come three seconds later, once", () => {
  const calls = new ReturnCalls();
  calls.announced(receiver(1), 1_000);
  expect(called(calls, 3_999)).toEqual([]);
  expect(called(calls, 4_000)).toEqual(["10.0.0.1"]);
  expect(called(calls, 100_000)).toEqual([]);
});

it("does not call who came, however late, and says where it needs no call any more", () => {
  const calls = new ReturnCalls();
  calls.announced(receiver(1), 0);
  expect(calls.arrived(id(1))).toEqual({ host: "10.0.0.1", port: 6881 });
  // The other way round: it found us elsewhere, and announced itself later.
  expect(calls.arrived(id(2))).toBeUndefined();
  calls.announced(receiver(2), 0);
  expect(called(calls, 10_000)).toEqual([]);
});

it("calls who was here, lost its connection and does not come again", () => {
  const calls = new ReturnCalls();
  calls.announced(receiver(1), 0);
  calls.arrived(id(1));
  calls.lost(id(1), 20_000);
  expect(called(calls, 34_999)).toEqual([]);
  expect(called(calls, 35_000)).toEqual(["10.0.0.1"]);
});

it("does not call who is complete, is gone, or listens nowhere", () => {
  const calls = new ReturnCalls();
  calls.announced(receiver(1, { progress: 1 }), 0);
  calls.announced(receiver(2, { port: 0 }), 0);
  calls.announced(receiver(3), 0);
  expect(calls.done(id(3))).toEqual({ host: "10.0.0.3", port: 6881 });
  calls.lost(id(3), 0);
  expect(called(calls, 100_000)).toEqual([]);
});

it("remembers a bounded number of them", () => {
  const calls = new ReturnCalls();
  for (let n = 0; n < 5_000; n++) {
    const peerId = id(0);
    new DataView(peerId.buffer).setUint32(0, n);
    calls.announced(receiver(1, { peerId }), 0);
  }
  expect(calls.due(10_000)).toHaveLength(1_000);
});
