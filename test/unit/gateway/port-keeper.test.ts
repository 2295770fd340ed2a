import { beforeEach, describe, expect, it } from "vitest";
import type { Answer, MapRequest } from "../../../src/gateway/core/mapping.ts";
import type { Opener } from "../../../src/gateway/openers.ts";
import { type Closed, type OutsidePort, PortKeeper } from "../../../src/gateway/port-keeper.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const MINUTE = 60_000;
const address = Uint8Array.of(198, 51, 100, 7);

/** A gateway that does as it is told, and remembers what it was asked. */
class Gateway implements Opener {
  readonly way = "PCP";
  readonly gateway = "192.168.1.1";
  readonly own = "192.168.1.20";
  readonly asked: MapRequest[] = [];
  answer: (request: MapRequest) => Answer | undefined | Promise<Answer | undefined> = ({
    port,
    lifetime,
  }) => ({
    kind: "mapped",
    port,
    lifetime,
    address,
  });

  async map(request: MapRequest): Promise<Answer | undefined> {
    this.asked.push(request);
    return await this.answer(request);
  }
}

let clock: FakeClock;
let gateway: Gateway;
let present: Opener[];
let told: (OutsidePort | Closed)[];

beforeEach(() => {
  clock = new FakeClock();
  gateway = new Gateway();
  present = [gateway];
  told = [];
});

function keeper(protocols: ["tcp"] | ["tcp", "udp"] = ["tcp"]): PortKeeper {
  return new PortKeeper({
    port: 6881,
    protocols,
    clock,
    openers: async function* () {
      yield* present;
    },
    onOpen: (open) => told.push(open),
    onClosed: (why) => told.push(why),
  });
}

/** Lets everything that is pending happen. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function pass(time: number): Promise<void> {
  await clock.advance(time);
  await settle();
}

const lifetimes = () => gateway.asked.map(({ protocol, lifetime }) => `${protocol} ${lifetime}`);

describe("a port at the gateway", () => {
  it("is opened for a time, and renewed when half of it is over", async () => {
    const kept = keeper(["tcp", "udp"]);
    kept.start();
    await settle();
    expect(told).toEqual([
      {
        way: "PCP",
        gateway: "192.168.1.1",
        own: "192.168.1.20",
        address: "198.51.100.7",
        scope: "public",
        port: 6881,
      },
    ]);
    expect(lifetimes()).toEqual(["tcp 1200", "udp 1200"]);
    await pass(9 * MINUTE);
    expect(gateway.asked).toHaveLength(2);
    await pass(1 * MINUTE);
    expect(lifetimes().slice(2)).toEqual(["tcp 1200", "udp 1200"]);
    // Nothing new, nothing to tell.
    expect(told).toHaveLength(1);
    await kept.close();
    expect(lifetimes().slice(4).sort()).toEqual(["tcp 0", "udp 0"]);
    expect(clock.pending).toBe(0);
  });

  it("is asked for by the number that the gateway gave, from then on and at the end", async () => {
    gateway.answer = ({ lifetime }) => ({ kind: "mapped", port: 50_000, lifetime, address });
    const kept = keeper();
    kept.start();
    await pass(10 * MINUTE);
    await kept.close();
    expect(gateway.asked.map(({ wanted }) => wanted)).toEqual([6881, 50_000, 50_000]);
  });

  it("is renewed sooner when the gateway gives less time, but not all the time", async () => {
    gateway.answer = ({ port }) => ({ kind: "mapped", port, lifetime: 2, address });
    const kept = keeper();
    kept.start();
    await settle();
    await pass(29_000);
    expect(gateway.asked).toHaveLength(1);
    await pass(1_000);
    expect(gateway.asked).toHaveLength(2);
    await kept.close();
  });

  it("is told again when the address has changed", async () => {
    const kept = keeper();
    kept.start();
    await settle();
    gateway.answer = ({ port, lifetime }) => ({
      kind: "mapped",
      port,
      lifetime,
      address: Uint8Array.of(198, 51, 100, 8),
    });
    await pass(10 * MINUTE);
    expect(told.map((each) => "port" in each && each.address)).toEqual(["198.51.100.7", "198.51.100.8"]);
    await kept.close();
  });

  it("that is lost is told once, asked for again every 5 minutes, and told when it is back", async () => {
    const kept = keeper();
    kept.start();
    await settle();
    const opens = gateway.answer;
    gateway.answer = () => undefined;
    await pass(10 * MINUTE);
    expect(told.slice(1)).toEqual([{ refusals: [] }]);
    await pass(5 * MINUTE);
    expect(told).toHaveLength(2);
    gateway.answer = opens;
    await pass(5 * MINUTE);
    expect(told).toHaveLength(3);
    expect(told[2]).toMatchObject({ port: 6881 });
    await kept.close();
  });

  it("is asked for in every way until one works; else all reasons are told", async () => {
    const other = new Gateway();
    gateway.answer = () => ({ kind: "refused", reason: "not authorized" });
    present = [gateway, other];
    const kept = keeper();
    kept.start();
    await settle();
    expect(told).toMatchObject([{ port: 6881 }]);
    other.answer = () => ({ kind: "refused", reason: "it has no ports left", address });
    await pass(10 * MINUTE);
    expect(told[1]).toEqual({
      refusals: [
        { gateway: "192.168.1.1", way: "PCP", reason: "not authorized", address: undefined },
        { gateway: "192.168.1.1", way: "PCP", reason: "it has no ports left", address: "198.51.100.7" },
      ],
    });
    await kept.close();
  });

  it("that is given when we are stopping already is given back", async () => {
    let give: (answer: Answer) => void = () => {};
    const opens = gateway.answer;
    gateway.answer = () =>
      new Promise((resolve) => {
        give = resolve;
      });
    const kept = keeper();
    kept.start();
    await settle();
    const closed = kept.close();
    await settle();
    gateway.answer = opens;
    give({ kind: "mapped", port: 6881, lifetime: 1200, address });
    await closed;
    expect(lifetimes()).toEqual(["tcp 1200", "tcp 0"]);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
