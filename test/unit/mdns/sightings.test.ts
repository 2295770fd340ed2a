/** The cache of what was heard, record by record; how whole shares are found on networks is in `shares.test.ts`. */
import { expect, it } from "vitest";
import type { DnsRecord } from "../../../src/mdns/core/messages.ts";
import { SHARE_TYPE } from "../../../src/mdns/core/service.ts";
import { Sightings } from "../../../src/mdns/core/sightings.ts";

const NAME = `photos (k3f9)._boojum._tcp.local`;
const HOST = "boojum-k3f9.local";
const ENTRIES = [
  "txtvers=1",
  "name=photos",
  `ih=${"ab".repeat(20)}`,
  "bytes=7",
  "files=2",
  "path=/s/k3f9",
  "host=kiste",
];
const ptr = (ttl = 4_500, target = NAME): DnsRecord => ({
  type: "PTR",
  name: SHARE_TYPE,
  ttl,
  flush: false,
  target,
});
const srv = (ttl = 120, port = 6881): DnsRecord => ({
  type: "SRV",
  name: NAME,
  ttl,
  flush: true,
  port,
  target: HOST,
});
const txt = (ttl = 4_500): DnsRecord => ({ type: "TXT", name: NAME, ttl, flush: true, entries: ENTRIES });
const at = (address: string, ttl = 120, flush = false): DnsRecord => ({
  type: address.includes(":") ? "AAAA" : "A",
  name: HOST,
  ttl,
  flush,
  address,
});

const from = { host: "10.0.0.1", interface: "eth0" };
/** A cache in which all of these were heard at once. */
function heard(records: readonly DnsRecord[], now = 0): Sightings {
  const sightings = new Sightings();
  for (const record of records) sightings.take(record, from, now);
  return sightings;
}
const whole = [ptr(), srv(), txt(), at("10.0.0.1")];
const addresses = (sightings: Sightings) => sightings.all().flatMap((each) => each.addresses);
const asked = (sightings: Sightings, now: number) =>
  (sightings.questions(now).get("eth0") ?? []).map(({ name, type }) => `${type} ${name}`);

it("a share is shown when its name, port, description and an address are known", () => {
  expect(heard(whole).all()).toEqual([
    {
      name: "photos",
      infoHash: "ab".repeat(20),
      bytes: 7,
      files: 2,
      path: "/s/k3f9",
      host: "kiste",
      port: 6881,
      addresses: ["10.0.0.1"],
    },
  ]);
  for (const missing of whole) expect(heard(whole.filter((each) => each !== missing)).all()).toEqual([]);
  expect(heard([ptr(), srv(120, 0), txt(), at("10.0.0.1")]).all()).toEqual([]);
});

it("what wasn't asked for is not kept: other names, other types, other machines", () => {
  const other = { ...ptr(), name: "_http._tcp.local" } as const;
  expect(asked(heard([other]), 5_000)).toEqual([]);
  expect(asked(heard([ptr(4_500, "photos.local")]), 5_000)).toEqual([]);
  expect(heard([srv(), txt(), ptr(), at("10.0.0.1")]).all()).toEqual([]);
  expect(heard([ptr(), txt(), at("10.0.0.1"), srv()]).all()).toEqual([]);
});

it("addresses come best first: the one that spoke, IPv4, IPv6, and with its zone what needs one", () => {
  const found = heard([
    ptr(),
    srv(),
    txt(),
    at("fe80::1"),
    at("fd00::1"),
    at("10.0.0.9"),
    at("10.0.0.1"),
    at("127.0.0.1"),
    at("0.0.0.0"),
    at("224.0.0.1"),
  ]);
  expect(addresses(found)).toEqual(["10.0.0.1", "10.0.0.9", "fd00::1", "fe80::1%eth0"]);
});

it("a machine has at most 16 addresses, and may tell again the ones that it has", () => {
  const many = Array.from({ length: 20 }, (_, i) => at(`10.0.1.${i + 1}`));
  const found = heard([ptr(), srv(), txt(), ...many, at("10.0.1.1")]);
  expect(addresses(found)).toHaveLength(16);
  expect(addresses(found)).not.toContain("10.0.1.17");
});

it("one sender fills a fifth of the places at most, and all of them 500", () => {
  const sightings = new Sightings();
  for (let sender = 0; sender < 7; sender++)
    for (let i = 0; i < 120; i++)
      sightings.take(
        ptr(4_500, `s${sender}-${i}.${SHARE_TYPE}`),
        { host: `10.0.0.${sender}`, interface: "eth0" },
        0,
      );
  const names = asked(sightings, 5_000).filter((question) => question.startsWith("SRV"));
  expect(names).toHaveLength(500);
  expect(names.filter((name) => name.includes(" s0-"))).toHaveLength(100);
});

it("what is taken back is gone a second later, and so is each part of it", () => {
  for (const [goodbye, rest] of [
    [ptr(0), 0],
    [srv(0), 0],
    [at("10.0.0.1", 0), 0],
    [srv(0, 1), 1],
    [at("10.0.0.7", 0), 1],
    [txt(0), 1],
  ] as const) {
    const sightings = heard(whole);
    sightings.take(goodbye, from, 10_000);
    sightings.expire(10_999);
    expect(sightings.all(), JSON.stringify(goodbye)).toHaveLength(1);
    sightings.expire(11_000);
    expect(sightings.all(), JSON.stringify(goodbye)).toHaveLength(rest);
  }
});

it("a goodbye to what nobody knows, or before its time, makes nothing live longer", () => {
  const sightings = heard([ptr(0)]);
  expect(asked(sightings, 5_000)).toEqual([]);
  const soon = heard(whole);
  soon.take(srv(0), from, 119_500);
  soon.expire(120_000);
  expect(soon.all()).toEqual([]);
});

it("is true for as long as it claims to be, an hour and a quarter at most, and a second at least", () => {
  const long = heard([ptr(99_999), srv(99_999), txt(99_999), at("10.0.0.1", 99_999)]);
  long.expire(4_499_999);
  expect(long.all()).toHaveLength(1);
  long.expire(4_500_000);
  expect(long.all()).toEqual([]);
});

it("a machine that tells its addresses anew has only the new ones, but for those of the same second", () => {
  const sightings = heard(whole);
  sightings.take(at("10.0.0.2", 120, true), from, 5_000);
  sightings.take(at("10.0.0.3", 120, true), from, 6_000);
  sightings.expire(7_000);
  expect(addresses(sightings).sort()).toEqual(["10.0.0.2", "10.0.0.3"]);
});

it("what is missing is asked for four times, each time later", () => {
  const sightings = heard([ptr()]);
  const times: number[] = [];
  for (let now = 0; now <= 20_000; now += 500) if (asked(sightings, now).length > 0) times.push(now);
  expect(times).toEqual([0, 1_000, 3_000, 6_000]);
});

it("what is known in part is asked for in part", () => {
  expect(asked(heard([ptr()]), 0)).toEqual([`SRV ${NAME}`, `TXT ${NAME}`]);
  expect(asked(heard([ptr(), srv()]), 0)).toEqual([`TXT ${NAME}`, `A ${HOST}`, `AAAA ${HOST}`]);
  expect(asked(heard(whole), 0)).toEqual([]);
});

it("is asked for again at 80, 85, 90 and 95 parts of a hundred of its life", () => {
  const sightings = heard(whole);
  const times: number[] = [];
  for (let now = 0; now < 119_000; now += 1_000)
    if (asked(sightings, now).includes(`SRV ${NAME}`)) times.push(now / 1_000);
  expect(times).toEqual([96, 102, 108, 114]);
});

it("names are compared as DNS does, and each network has its own", () => {
  const sightings = heard([ptr(), { ...srv(), name: NAME.toUpperCase() } as DnsRecord, txt()]);
  sightings.take(at("10.0.0.1"), { host: "10.0.0.1", interface: "wlan0" }, 0);
  expect(sightings.all()).toEqual([]);
  sightings.take({ ...at("10.0.0.1"), name: HOST.toUpperCase() } as DnsRecord, from, 0);
  expect(sightings.all()).toHaveLength(1);
});

it("those who answer are told what is known, and for how long it still is", () => {
  const sightings = heard(whole);
  expect(sightings.known("eth0", 1_500)).toEqual([ptr(4_498)]);
  expect(sightings.known("wlan0", 0)).toEqual([]);
  expect(sightings.known("eth0", 9_999_000)).toEqual([ptr(0)]);
  expect(heard([ptr(), srv()]).known("eth0", 0)).toEqual([]);
});
