/** Publishers and seekers on networks in memory: what is announced, found, contested and taken back. */
import { decode } from "dns-packet";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../../../src/mdns/browser.ts";
import { type DnsRecord, type Question, query, response } from "../../../src/mdns/core/messages.ts";
import type { Announcement } from "../../../src/mdns/core/service.ts";
import type { Sighting } from "../../../src/mdns/core/sightings.ts";
import { decodeMessage, encodeMessage } from "../../../src/mdns/packet.ts";
import { Responder } from "../../../src/mdns/responder.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type FakeHost, FakeNetworks, fakeHost } from "../../support/fake-multicast.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const HASH = "ab".repeat(20);
const share = (overrides: Partial<Announcement> = {}): Announcement => ({
  id: "k3f9x2mw",
  name: "photos",
  infoHash: HASH,
  bytes: 1_000,
  files: 3,
  port: 6881,
  path: "/s/k3f9x2mw",
  host: "laptop",
  ...overrides,
});

let clock: FakeClock;
let networks: FakeNetworks;
let random: ReturnType<typeof seededRandom>;

beforeEach(() => {
  clock = new FakeClock();
  networks = new FakeNetworks(clock);
  random = seededRandom(7);
});

async function publisher(host: FakeHost, only: readonly string[] = []): Promise<Responder> {
  return await Responder.open({ clock, random, open: networks.opener(host), only });
}

interface Seeker {
  readonly browser: Browser;
  found: readonly Sighting[];
}

async function seeker(host: FakeHost): Promise<Seeker> {
  const state: { found: readonly Sighting[] } = { found: [] };
  const browser = await Browser.open({
    clock,
    random,
    open: networks.opener(host),
    onChange: (found) => {
      state.found = found;
    },
  });
  return Object.assign(state, { browser });
}

const one = (last = 1) => fakeHost(["eth0", "home", `10.0.0.${last}`]);
const sentRecords = () =>
  networks.sent.flatMap(({ bytes }) => {
    const message = decodeMessage(bytes);
    return message?.isResponse ? message.answers : [];
  });

describe("a share that is announced", () => {
  it("is found within two seconds, whoever came first, with all that there is to know", async () => {
    const early = await seeker(one(2));
    const announcer = await publisher(one(1));
    announcer.announce(share({ name: "Fotos für Åse.zip" }));
    await clock.advance(2_000);
    const late = await seeker(one(3));
    await clock.advance(1_000);
    const { id: _, port, host, ...rest } = share({ name: "Fotos für Åse.zip" });
    for (const { found } of [early, late])
      expect(found).toEqual([{ ...rest, host, port, addresses: ["10.0.0.1"] }]);
  });

  it("is announced as a web page, too, under a host name by which the page can be had", async () => {
    const announcer = await publisher(one());
    announcer.announce(share({ name: "a.b" }));
    await clock.advance(2_000);
    const records = sentRecords();
    const name = "a\u2024b (k3f9x2mw)._http._tcp.local";
    expect(records).toContainEqual(
      expect.objectContaining({ type: "PTR", name: "_http._tcp.local", target: name }),
    );
    expect(records).toContainEqual(
      expect.objectContaining({ type: "TXT", name, entries: ["txtvers=1", "path=/s/k3f9x2mw"] }),
    );
    expect(announcer.hostNames).toEqual(["boojum-k3f9x2mw.local"]);
  });

  it("has on each network the address that it has there, and only on networks that it may use", async () => {
    const both = fakeHost(["eth0", "home", "10.0.0.1"], ["wlan0", "guests", "192.168.7.1"]);
    const [here, there] = [await seeker(one(2)), await seeker(fakeHost(["eth0", "guests", "192.168.7.2"]))];
    (await publisher(both)).announce(share());
    (await publisher(both, ["192.168.7.1"])).announce(
      share({ id: "zzzzzzzz", path: "/s/zzzzzzzz", port: 6882 }),
    );
    await clock.advance(3_000);
    expect(here.found.map(({ addresses, port }) => [addresses, port])).toEqual([[["10.0.0.1"], 6881]]);
    expect(there.found.map(({ addresses }) => addresses)).toEqual([["192.168.7.1"], ["192.168.7.1"]]);
  });

  it("is lost at once when it is taken back, and in two minutes when its publisher just vanishes", async () => {
    const looking = await seeker(one(2));
    const announcer = await publisher(one(1));
    const takeBack = announcer.announce(share());
    announcer.announce(share({ id: "other", name: "other", path: "/s/other" }));
    await clock.advance(2_000);
    expect(looking.found).toHaveLength(2);
    takeBack();
    await clock.advance(2_000);
    expect(looking.found.map(({ name }) => name)).toEqual(["other"]);
    // For long it is found again, since it answers when it is asked.
    await clock.advance(600_000);
    expect(looking.found).toHaveLength(1);
    networks.sent.length = 0;
    const silent = one(9);
    const vanishing = await publisher(silent);
    vanishing.announce(share({ id: "third", name: "third", path: "/s/third" }));
    await clock.advance(2_000);
    expect(looking.found).toHaveLength(2);
    silent.interfaces.clear();
    await clock.advance(125_000);
    expect(looking.found.map(({ name }) => name)).toEqual(["other"]);
  });

  it("is told again when an interface comes", async () => {
    const moving = one(1);
    (await publisher(moving)).announce(share());
    const there = await seeker(fakeHost(["eth0", "cafe", "172.16.0.2"]));
    await clock.advance(30_000);
    expect(there.found).toEqual([]);
    moving.interfaces.set("wlan0", { network: "cafe", address: "172.16.0.1" });
    networks.changed(moving);
    await clock.advance(500);
    expect(there.found.map(({ addresses }) => addresses)).toEqual([["172.16.0.1"]]);
  });

  it("says goodbye when everything is closed, and leaves nothing behind", async () => {
    const looking = await seeker(one(2));
    const announcer = await publisher(one(1));
    announcer.announce(share());
    await clock.advance(3_000);
    await announcer.close();
    await clock.advance(2_200);
    expect(looking.found).toEqual([]);
    await looking.browser.close();
    expect(networks.stations).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe("the same share, published twice", () => {
  const names = () =>
    new Set(
      sentRecords().flatMap((r) =>
        r.type === "SRV" && r.name.includes("_boojum") && r.ttl > 0 ? [`${r.port} ${r.name}`] : [],
      ),
    );

  it("has another name the second time, and both are found", async () => {
    const looking = await seeker(one(3));
    (await publisher(one(1))).announce(share());
    await clock.advance(2_000);
    (await publisher(one(2))).announce(share({ port: 7000 }));
    await clock.advance(5_000);
    expect(names()).toEqual(
      new Set(["6881 photos (k3f9x2mw)._boojum._tcp.local", "7000 photos (k3f9x2mw-2)._boojum._tcp.local"]),
    );
    expect(looking.found.map(({ port, addresses }) => [port, addresses])).toEqual([
      [6881, ["10.0.0.1"]],
      [7000, ["10.0.0.2"]],
    ]);
  });

  it("is settled, too, when both begin at the same moment", async () => {
    const looking = await seeker(one(3));
    const [a, b] = [await publisher(one(1)), await publisher(one(2))];
    a.announce(share());
    b.announce(share({ port: 7000 }));
    await clock.advance(10_000);
    expect(looking.found.map(({ port }) => port).sort()).toEqual([6881, 7000]);
    expect(names().size).toBe(2);
  });

  it("isn't contested by itself, heard from another interface on the same network", async () => {
    const twice = fakeHost(["eth0", "home", "10.0.0.1"], ["wlan0", "home", "10.0.0.2"]);
    const announcer = await publisher(twice);
    announcer.announce(share());
    await clock.advance(20_000);
    expect(names()).toEqual(new Set(["6881 photos (k3f9x2mw)._boojum._tcp.local"]));
    expect(networks.sent.length).toBeLessThan(40);
  });
});

describe("strangers", () => {
  const say = (records: readonly DnsRecord[], from = "10.0.0.66", port = 5353) =>
    networks.say("home", from, encodeMessage(response(records)), port);
  const forged = (i: number, text: readonly string[] = entries(i)): DnsRecord[] => {
    const name = `x${i}._boojum._tcp.local`;
    return [
      { type: "PTR", name: "_boojum._tcp.local", ttl: 4500, flush: false, target: name },
      { type: "SRV", name, ttl: 120, flush: true, port: 1 + (i % 65_535), target: `h${i}.local` },
      { type: "TXT", name, ttl: 4500, flush: true, entries: text },
      { type: "A", name: `h${i}.local`, ttl: 120, flush: true, address: "10.0.0.66" },
    ];
  };
  const entries = (i: number) => [`name=n${i}`, `ih=${HASH}`, "bytes=1", "files=1", "path=/s/a"];

  it("can't fill us up, nor drown others by talking", async () => {
    const looking = await seeker(one(2));
    for (let second = 0; second < 8; second++) {
      for (let i = 0; i < 300; i++) say(forged(1_000 * second + i), "10.0.0.66");
      await clock.advance(1_000);
    }
    expect(looking.found.length).toBeLessThanOrEqual(100);
    const asked = networks.sent.filter(({ from }) => from === "10.0.0.2").length;
    expect(asked).toBeLessThan(60);
    (await publisher(one(1))).announce(share());
    await clock.advance(2_000);
    expect(looking.found).toContainEqual(expect.objectContaining({ name: "photos" }));
  });

  it.each([
    ["no hash", [`name=n`, "bytes=1", "files=1", "path=/s/a"]],
    ["a short hash", ["name=n", "ih=abcd", "bytes=1", "files=1", "path=/s/a"]],
    ["a path that leads elsewhere", ["name=n", `ih=${HASH}`, "bytes=1", "files=1", "path=/s/a/../../x"]],
    ["a name that is a path", ["name=../n", `ih=${HASH}`, "bytes=1", "files=1", "path=/s/a"]],
    ["a size that is none", ["name=n", `ih=${HASH}`, "bytes=-1", "files=1", "path=/s/a"]],
    ["nothing", []],
  ])("announce nothing with %s", async (_, text) => {
    const looking = await seeker(one(2));
    say(forged(1, text));
    say(forged(2));
    await clock.advance(1_000);
    expect(looking.found.map(({ name }) => name)).toEqual(["n2"]);
  });

  it("aren't heard from other ports, nor when they name this machine", async () => {
    const looking = await seeker(one(2));
    say(forged(1), "10.0.0.66", 5354);
    say(forged(2).map((record) => (record.type === "A" ? { ...record, address: "127.0.0.1" } : record)));
    await clock.advance(1_000);
    expect(looking.found).toEqual([]);
  });

  it("who contest every name can't make us talk without end", async () => {
    const announcer = await publisher(one(1));
    announcer.announce(share());
    for (let i = 0; i < 600; i++) {
      await clock.advance(100);
      const label = i === 0 ? "k3f9x2mw" : `k3f9x2mw-${i + 1}`;
      for (let n = 0; n < 3; n++)
        say([
          {
            type: "SRV",
            name: `photos (${label})._boojum._tcp.local`,
            ttl: 120,
            flush: true,
            port: 9,
            target: "h",
          },
        ]);
    }
    expect(networks.sent.filter(({ from }) => from === "10.0.0.1").length).toBeLessThan(150);
  });

  it("who ask all the time are answered once a second", async () => {
    (await publisher(one(1))).announce(share());
    await clock.advance(5_000);
    networks.sent.length = 0;
    const ask = {
      id: 0,
      isResponse: false,
      questions: [{ name: "_boojum._tcp.local", type: "PTR" as const }],
    };
    for (let i = 0; i < 1_000; i++) {
      networks.say(
        "home",
        `10.0.1.${i % 250}`,
        encodeMessage({ ...ask, answers: [], authorities: [], additionals: [] }),
      );
      await clock.advance(10);
    }
    const answers = networks.sent.filter(({ from }) => from === "10.0.0.1").length;
    expect(answers).toBeGreaterThan(3);
    expect(answers).toBeLessThan(25);
  });
});

describe("ordinary resolvers, which ask once and from any port", () => {
  const ask = (id: number, ...questions: readonly Question[]) => encodeMessage({ ...query(questions), id });
  /** As such a resolver sees it. */
  const told = () => networks.told.map(({ to, bytes }) => ({ to, ...decode(Buffer.from(bytes)) }));

  beforeEach(async () => {
    (await publisher(one(1))).announce(share());
    await clock.advance(5_000);
    networks.sent.length = 0;
  });

  it("are answered alone, by their number, with their question and what they will ask next, for ten seconds", async () => {
    const question = { name: "_Boojum._tcp.local", type: "PTR" as const };
    networks.say("home", "10.0.0.9", ask(0x1234, question), 40_000);
    await clock.advance(200);
    expect(networks.sent.map(({ from }) => from)).toEqual(["10.0.0.9"]);
    const [answer, ...others] = told();
    expect(others).toEqual([]);
    expect(answer).toMatchObject({ to: "10.0.0.9:40000", id: 0x1234, type: "response", flag_aa: true });
    expect(answer?.questions).toMatchObject([question]);
    expect(answer?.answers).toMatchObject([{ type: "PTR", data: "photos (k3f9x2mw)._boojum._tcp.local" }]);
    const records = [...(answer?.answers ?? []), ...(answer?.additionals ?? [])];
    expect([...new Set(records.map(({ type }) => type))].sort()).toEqual(["A", "PTR", "SRV", "TXT"]);
    for (const record of records) expect(record).toMatchObject({ ttl: 10, flush: false, class: "IN" });
  });

  it("needn't wait for what only we can know, and hear nothing of names that nobody has", async () => {
    networks.say("home", "10.0.0.9", ask(7, { name: "boojum-k3f9x2mw.local", type: "A" }), 40_000);
    networks.say("home", "10.0.0.9", ask(8, { name: "boojum-other.local", type: "A" }), 40_000);
    await clock.advance(2);
    expect(told()).toMatchObject([{ id: 7, answers: [{ type: "A", data: "10.0.0.1", ttl: 10 }] }]);
    await clock.advance(1_000);
    expect(networks.told).toHaveLength(1);
  });

  it("can't contest names: what they say is no answer, and what they claim no claim", async () => {
    const claim: DnsRecord = {
      ...{ type: "SRV", name: "photos (k3f9x2mw)._boojum._tcp.local", ttl: 120 },
      ...{ flush: true, port: 9, target: "h.local" },
    };
    networks.say("home", "10.0.0.9", encodeMessage(response([claim])), 40_000);
    await clock.advance(5_000);
    // Whoever doubts a name asks for it.
    expect(networks.sent.map(({ from }) => from)).toEqual(["10.0.0.9"]);
  });

  it("are answered fifty times a second, so that whoever forges questions floods nobody with answers", async () => {
    const question = { name: "boojum-k3f9x2mw.local", type: "A" as const };
    for (let i = 0; i < 1_000; i++) networks.say("home", `10.0.1.${i % 250}`, ask(i, question), 40_000);
    await clock.advance(500);
    expect(networks.told).toHaveLength(50);
    await clock.advance(1_000);
    networks.say("home", "10.0.0.9", ask(1, question), 40_000);
    await clock.advance(2);
    expect(networks.told).toHaveLength(51);
  });
});
