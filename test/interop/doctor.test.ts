/** `share doctor` on networks of its own where something is broken: a firewall, multicast, IPv6, a proxy's certificate. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterEach, beforeAll, expect, it } from "vitest";
import { TLS_CERTIFICATE, TLS_KEY } from "../support/certificate.ts";
import type { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useLan } from "../support/lan.ts";

const lan = useLan({ hosts: 2 });
const { at, fresh, host, keep, share } = lan;
const source = at("payload.bin");
const authority = at("authority.pem");

beforeAll(() => {
  writeFileSync(source, noise(300_000, 5));
  writeFileSync(authority, TLS_CERTIFICATE);
});
afterEach(() => {
  for (const { name } of lan.hosts) inside(name, "nft", "flush", "ruleset");
});

function inside(namespace: string, ...words: readonly string[]): void {
  execFileSync("ip", ["netns", "exec", namespace, ...words], { stdio: "pipe" });
}

/** @param match what is dropped when it comes in */
function drop(namespace: string, match: string): void {
  inside(namespace, "nft", "add table inet boojum");
  inside(namespace, "nft", "add chain inet boojum in { type filter hook input priority 0; }");
  inside(namespace, "nft", `add rule inet boojum in ${match} drop`);
}

interface Line {
  readonly event: string;
  readonly url: string;
  readonly step: string;
  readonly subject: string;
  readonly verdict: string;
  readonly message: string;
  readonly advice?: string;
}
const lines = (child: ShareProcess) => child.lines<Line>();

/** @returns the share's URL */
async function publish(...flags: string[]): Promise<string> {
  const args = [source, "--cache-dir", fresh(), "--port", "6881", ...flags];
  const child = share(0, args);
  return (await child.until(() => lines(child).find(({ event }) => event === "ready"), 20_000)).url;
}

async function doctor(i: number, args: readonly string[], env: Record<string, string> = {}) {
  const child = share(i, ["doctor", ...args], { env });
  const code = await child.exited;
  const checks = lines(child).filter(({ event }) => event === "check");
  expect(checks.length, child.describe()).toBeGreaterThan(0);
  return { code, checks, of: (step: string) => checks.filter((check) => check.step === step) };
}

it("names the address whose port a firewall drops, on both sides, and what to do", async () => {
  const url = await publish();
  const well = await doctor(0, ["--port", "6881"]);
  expect([well.of("port")[0]?.verdict, well.of("udp")[0]?.verdict, well.code]).toEqual(["ok", "ok", 0]);
  drop(host(0).name, "meta l4proto { tcp, udp } th dport 6881");

  const here = await doctor(0, ["--port", "6881"]);
  expect(here.code).toBe(1);
  for (const step of ["port", "udp"]) {
    expect(here.of(step)[0]).toMatchObject({
      subject: "10.77.0.1:6881",
      verdict: "fail",
      advice: expect.stringMatching(/6881.*nft list ruleset/),
    });
  }
  expect(here.of("firewall")[0]).toMatchObject({ subject: "nftables", verdict: "warn" });

  const there = await doctor(1, [url, "--timeout", "2"]);
  expect(there.code).toBe(1);
  expect(there.of("tcp")[0]).toMatchObject({
    subject: "10.77.0.1:6881",
    verdict: "fail",
    message: "nobody answers",
    advice: expect.stringContaining("share doctor --port"),
  });
  for (const step of ["http", "torrent", "tracker", "webSeed", "peer", "block"])
    expect(there.of(step)[0], step).toMatchObject({
      verdict: "skipped",
      message: expect.stringMatching(/^not tried: /),
    });
});

it("tells an address of another network from one that is silent", async () => {
  const { of } = await doctor(1, ["http://192.168.99.1:6881/s/x", "--timeout", "1"]);
  expect(of("tcp")[0]?.verdict).toBe("fail");
  expect(of("tcp")[0]?.message).toContain("on no network with such addresses");
});

it("hears whether multicast is dropped, or off, and says so of a name that isn't found", async () => {
  const verdicts = async () => {
    const { of, code } = await doctor(1, []);
    return {
      code,
      found: of("multicast").map(({ subject, verdict, advice }) => ({ subject, verdict, advice })),
    };
  };
  const well = await verdicts();
  expect(well.found.map(({ subject, verdict }) => `${subject} ${verdict}`)).toEqual([
    "eth0 IPv4 ok",
    "eth0 IPv6 ok",
  ]);
  drop(host(1).name, "ip daddr 224.0.0.251 udp dport 5353");
  const dropped = await doctor(1, ["nothing-of-that-name"]);
  expect(dropped.code).toBe(1);
  expect(dropped.of("find")[0]).toMatchObject({ verdict: "fail" });
  expect(dropped.of("multicast")[0]).toMatchObject({
    subject: "eth0 IPv4",
    verdict: "warn",
    message: expect.stringMatching(/224\.0\.0\.251 port 5353 .* no share find/),
    advice: expect.stringContaining("5353"),
  });
  inside(host(1).name, "nft", "flush", "ruleset");
  inside(host(1).name, "ip", "link", "set", "eth0", "multicast", "off");
  try {
    const { found, code } = await verdicts();
    expect(found[0]).toMatchObject({
      verdict: "warn",
      advice: expect.stringContaining("ip link set dev eth0 multicast on"),
    });
    // URLs work without.
    expect(code).toBe(0);
  } finally {
    inside(host(1).name, "ip", "link", "set", "eth0", "multicast", "on");
  }
});

it("warns of an IPv6 address that leads nowhere, and goes on by the other; goes by IPv6 where it works", async () => {
  const SIX = "2001:db8:77::1";
  for (const [i, { name }] of lan.hosts.entries())
    inside(name, "ip", "addr", "add", `2001:db8:77::${i + 1}/64`, "dev", "eth0", "nodad");
  for (const address of [SIX, "10.77.0.1"]) host(1).knows(address, "share.test");
  const url = new URL(await publish("--public-url", "http://share.test:6881"));

  const six = await doctor(1, [`http://[${SIX}]:6881${url.pathname}`]);
  expect(six.checks.map(({ step, verdict }) => `${step} ${verdict}`)).toEqual(
    ["tcp", "http", "clock", "torrent", "tracker", "webSeed", "peer", "block"].map((step) => `${step} ok`),
  );
  expect(six.of("peer")[0]?.subject).toContain("[2001:db8:77::1]:6881");

  drop(host(0).name, `ip6 daddr ${SIX} tcp dport 6881`);
  const broken = await doctor(1, [`http://share.test:6881${url.pathname}`, "--timeout", "3"]);
  expect(broken.of("name")[0]).toMatchObject({ verdict: "ok", message: `is ${SIX}, 10.77.0.1` });
  expect(broken.of("tcp")).toEqual([
    expect.objectContaining({
      subject: `[${SIX}]:6881`,
      verdict: "warn",
      advice: expect.stringContaining("IPv6 is broken"),
    }),
    expect.objectContaining({ subject: "10.77.0.1:6881", verdict: "ok" }),
  ]);
  expect(broken.of("block")[0]?.verdict).toBe("ok");
  expect(broken.code).toBe(0);
});

/** A proxy for TLS in front of port 6881 of its machine. */
const PROXY = `
const [key, cert] = process.argv.slice(1);
require("https").createServer({ key, cert }, (asked, answer) => {
  const { method, url: path, headers } = asked;
  const more = { "x-forwarded-proto": "https", "x-forwarded-for": asked.socket.remoteAddress };
  const request = require("http").request({ port: 6881, method, path, headers: { ...headers, ...more } }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
  });
  asked.pipe(request);
}).listen(8443, () => console.log("listening"));`;

it("goes through a proxy that speaks https, and says when its certificate can't be trusted", async () => {
  inside(host(0).name, "ip", "addr", "add", "198.51.100.1/32", "dev", "eth0");
  const proxy = keep(host(0).run(process.execPath, ["-e", PROXY, "--", TLS_KEY, TLS_CERTIFICATE]));
  await proxy.until((it) => it.stdout.find((line) => line === "listening"));
  const base = "https://198.51.100.1:8443";
  const url = await publish("--public-url", base, "--trust-proxy", "127.0.0.1");
  const shared = base + new URL(url).pathname;
  const distrusted = await doctor(1, [shared]);
  expect(distrusted.of("http")[0]).toMatchObject({
    verdict: "fail",
    message: expect.stringContaining("certificate"),
  });
  const trusted = await doctor(1, [shared], { NODE_EXTRA_CA_CERTS: authority });
  for (const step of ["http", "torrent", "tracker", "webSeed", "block"])
    expect(trusted.of(step)[0], step).toMatchObject({ verdict: "ok" });
  expect(trusted.of("tracker")[0]?.subject).toBe(base);
  expect(trusted.code).toBe(0);
});
