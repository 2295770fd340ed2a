/** `share doctor` beside publishers of every kind, and beside none. */
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import type { ShareEvent, ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** @returns what `ready` says */
async function published(
  ...flags: string[]
): Promise<{ readonly publisher: ShareProcess; readonly ready: ShareEvent }> {
  writeFileSync(stage.at("data.bin"), noise(300_000, 1));
  const publisher = stage.publish("data.bin", ...flags);
  return { publisher, ready: await publisher.event("ready") };
}

/** `step verdict` of each check, and how it ended. */
async function doctor(
  ...args: string[]
): Promise<{ steps: string[]; checks: ShareEvent[]; code: number | string }> {
  const child = stage.share("doctor", ...args);
  const code = await child.exited;
  const checks = child.events.filter(({ event }) => event === "check");
  expect(child.events.at(-1)?.event, child.describe()).toBe("diagnosis");
  return { steps: checks.map(({ step, verdict }) => `${step} ${verdict}`), checks, code };
}

const WORKS = [
  "tcp ok",
  "http ok",
  "clock ok",
  "torrent ok",
  "tracker ok",
  "webSeed ok",
  "peer ok",
  "block ok",
];

it.each<[string, string[], string[]]>([
  ["a plain share", [], []],
  ["an unlisted one", ["--unlisted"], []],
  ["one with a password", ["--password", "geheim"], ["--password", "geheim"]],
  ["one whose peers must be obfuscated", ["--encryption", "require"], []],
])("goes the whole way to %s", async (_, flags, more) => {
  const { ready } = await published(...flags);
  const { steps, checks, code } = await doctor(String(ready["url"]), ...more);
  expect(steps).toEqual(WORKS);
  expect(code).toBe(0);
  expect(checks.at(-1)?.["message"]).toContain("are what the torrent says");
  // What stands for a password is in the tracker's URL, and nobody's to see.
  expect(checks.find(({ step }) => step === "tracker")?.["subject"]).toBe(
    new URL(String(ready["url"])).origin,
  );
});

it("goes by a magnet link, and by a torrent without trackers when a peer is named", async () => {
  const { ready } = await published();
  expect((await doctor(String(ready["magnet"]))).steps).toEqual(WORKS);
  await stage.share("create", "data.bin", "-o", "x.torrent").succeed();
  const { steps, code } = await doctor("x.torrent", "--peer", new URL(String(ready["url"])).host);
  expect(steps).toEqual(["torrent ok", "tracker skipped", "webSeed skipped", "peer ok", "block ok"]);
  expect(code).toBe(0);
  const alone = await doctor("x.torrent");
  expect(alone.steps).toEqual([
    "torrent ok",
    "tracker skipped",
    "webSeed skipped",
    "peer fail",
    "block skipped",
  ]);
  expect(alone.code).toBe(1);
});

it("asks no address of a link but a share's own, as a download does", async () => {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo; // It listens on TCP.
    const link = (path: string) =>
      `magnet:?xt=urn:btih:${"ab".repeat(20)}&xs=${encodeURIComponent(`http://127.0.0.1:${port}${path}`)}`;
    await doctor(link("/reboot?now=1"), "--timeout", "1s");
    expect(asked).toEqual([]);
    await doctor(link("/s/abcdefgh.torrent"), "--timeout", "1s");
    expect(asked).toContain("/s/abcdefgh.torrent");
  } finally {
    server.close();
  }
});

it("says where the way ends, and tries no further", async () => {
  const { publisher, ready } = await published("--password", "geheim");
  const url = String(ready["url"]);
  const refused = await doctor(url, "--password", "falsch");
  expect(refused.steps.slice(0, 5)).toEqual([
    "tcp ok",
    "http ok",
    "clock ok",
    "torrent fail",
    "tracker skipped",
  ]);
  expect(refused.checks[3]?.["message"]).toContain("not the password");
  await publisher.stop();
  const gone = await doctor(url);
  expect(gone.steps[0]).toBe("tcp fail");
  expect(new Set(gone.steps.slice(1).map((step) => step.split(" ")[1]))).toEqual(new Set(["skipped"]));
  expect(gone.checks[0]).toMatchObject({
    subject: new URL(url).host,
    message: expect.stringContaining("nobody listens"),
    advice: expect.stringContaining("publisher still run"),
  });
  expect(gone.code).toBe(1);
  const nameless = await doctor("http://no-such-host.invalid:1/s/x");
  expect(nameless.steps.slice(0, 3)).toEqual(["name fail", "tcp skipped", "http skipped"]);
});

it("says when a server has no such share", async () => {
  const { ready } = await published();
  const { steps, checks } = await doctor(String(ready["url"]).replace(/\w+$/, "nothing1"));
  expect(steps.slice(0, 4)).toEqual(["tcp ok", "http fail", "clock ok", "torrent skipped"]);
  expect(checks[1]?.["message"]).toContain("404");
});

it("isn't kept by a server that takes connections and says nothing", async () => {
  const server = createServer((socket) => sockets.push(socket));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { steps, checks } = await doctor(`http://127.0.0.1:${port}/s/x`, "--timeout", "1");
  expect(steps.slice(0, 3)).toEqual(["tcp ok", "http fail", "torrent skipped"]);
  expect(checks[1]?.["message"]).toContain("says nothing");
});

it("looks at this machine, also beside a publisher, and keeps off the local network where it must", async () => {
  const { checks, code } = await doctor();
  const of = (step: string) => checks.filter((check) => check["step"] === step);
  for (const step of ["address", "port", "udp", "multicast", "firewall", "clock"])
    expect(of(step).length, step).toBeGreaterThan(0);
  expect(of("multicast")[0]).toMatchObject({
    verdict: "skipped",
    message: expect.stringContaining("BOOJUM_NO_LAN"),
  });
  expect(code).toBe(checks.some(({ verdict }) => verdict === "fail") ? 1 : 0);
  // Bound to loopback, nobody is there for others.
  const { ready } = await published();
  const beside = await doctor("--port", new URL(String(ready["url"])).port);
  const [port] = beside.checks.filter(({ step }) => step === "port");
  if (!String(port?.["subject"]).startsWith("127."))
    expect(port).toMatchObject({ verdict: "warn", advice: expect.stringContaining("--bind") });
});

it("shows people a line a check, and what to do below it", async () => {
  // No port of those that other tests look for: nobody is to be there once it has stopped.
  const { publisher, ready } = await published("--port", "0");
  const url = String(ready["url"]);
  const well: Child = stage.plain("doctor", url);
  expect(await well.exited).toBe(0);
  expect(well.stdout[0]).toMatch(/^ok {4}tcp {8}127\.0\.0\.1:\d+ +takes connections/);
  expect(well.stdout.at(-1)).toBe("All is well: 8 ok, 0 warnings, 0 failures.");
  await publisher.stop();
  const ill = stage.plain("doctor", url, "--quiet");
  expect(await ill.exited).toBe(1);
  expect(ill.stdout).toEqual([
    expect.stringMatching(/^FAIL {2}tcp/),
    expect.stringMatching(/^ {6}-> Does the publisher still run/),
    expect.stringMatching(/^Something is wrong: 0 ok, 0 warnings, 1 failure, 6 not tried/),
  ]);
});
