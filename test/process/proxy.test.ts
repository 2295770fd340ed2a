/** The built command where the environment names a proxy. */
import { mkdirSync, writeFileSync } from "node:fs";
import {
  createServer as createPlainServer,
  type Server as PlainServer,
  request as requestHttp,
} from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TLS_CERTIFICATE, TLS_KEY } from "../support/certificate.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { type ScriptedProxy, startProxy } from "../support/proxy.ts";
import { useScratch } from "../support/use-scratch.ts";

/** Resolved by nobody but the proxy. */
const NAME = "files.example.test";
const place = useScratch();
let proxy: ScriptedProxy;
let secure: Server | undefined;
const running: ShareProcess[] = [];

beforeEach(async () => {
  writeFileSync(join(place.dir, "file.bin"), noise(300_000, 1));
  proxy = await startProxy("me:p@ss");
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  secure?.closeAllConnections();
  secure?.close();
  secure = undefined;
  await proxy.close();
});

/** Without what the machine itself may have set. */
const CLEAN = {
  http_proxy: "",
  https_proxy: "",
  HTTPS_PROXY: "",
  all_proxy: "",
  ALL_PROXY: "",
  no_proxy: "",
  NO_PROXY: "",
};

function share(args: readonly string[], env: Readonly<Record<string, string>> = {}): ShareProcess {
  const child = new ShareProcess(args, { env: { ...CLEAN, ...env } });
  running.push(child);
  return child;
}

async function publish(...args: string[]): Promise<{ id: string; port: number }> {
  const cache = join(place.dir, "cache");
  const publisher = share([
    join(place.dir, "file.bin"),
    "--bind",
    "127.0.0.1",
    "--cache-dir",
    cache,
    ...args,
  ]);
  const { share: id } = await publisher.event("ready");
  return { id: String(id), port: Number(publisher.lastEvent("listening")?.["port"]) };
}

function get(url: string, env: Readonly<Record<string, string>>): ShareProcess {
  const out = join(place.dir, "out");
  mkdirSync(out, { recursive: true });
  return share(["get", url, "-o", out, "--timeout", "20"], env);
}

async function expectSame(): Promise<void> {
  expect(await digestFile(join(place.dir, "out", "file.bin"))).toBe(
    await digestFile(join(place.dir, "file.bin")),
  );
}

function portOf(server: PlainServer | Server): number {
  // listening on TCP, so it is not a pipe's name
  return (server.address() as AddressInfo).port;
}

/** Speaks TLS and passes on to the publisher, as nginx would. */
async function serveSecurely(port: () => number): Promise<number> {
  secure = createServer({ key: TLS_KEY, cert: TLS_CERTIFICATE }, (asked, answer) => {
    const { url: path, headers } = asked;
    requestHttp({ host: "127.0.0.1", port: port(), path, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    }).end();
  });
  const server = secure;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return portOf(server);
}

it("gets a share and asks its tracker through http_proxy, by whole URLs and with name and password", async () => {
  // The port in the URL is one for the proxy, which sends it on.
  const { port, id } = await publish("--public-url", `http://${NAME}:6899`, "--port", "6899");
  expect(port).toBe(6899);
  const getter = get(`http://${NAME}:6899/s/${id}`, {
    http_proxy: `http://me:p%40ss@127.0.0.1:${proxy.port}`,
  });
  await getter.succeed();
  await expectSame();
  expect(proxy.seen[0]).toBe(`GET http://${NAME}:6899/s/${id}`);
  const announces = proxy.seen.filter((line) => line.startsWith(`GET http://${NAME}:6899/announce/${id}?`));
  expect(announces.length).toBeGreaterThan(0);
  // The hash has bytes that are no text: its escapes arrive as they left.
  expect(announces[0]).toMatch(/info_hash=(%[0-9A-F]{2}|[\w.~-])+&peer_id=/);
  expect(proxy.seen.every((line) => line.startsWith("GET "))).toBe(true);
});

it("reaches https servers and trackers through a tunnel, and looks at their certificate itself", async () => {
  const found = { port: 0 };
  const tlsPort = await serveSecurely(() => found.port);
  const base = `https://${NAME}:${tlsPort}`;
  const { id, port } = await publish("--public-url", base);
  found.port = port;
  const https_proxy = `http://me:p%40ss@127.0.0.1:${proxy.port}`;
  const distrusted = get(`${base}/s/${id}`, { https_proxy });
  expect(await distrusted.end()).toBe(1);
  expect(distrusted.lastEvent("error")?.["message"]).toMatch(
    /certificate of files\.example\.test can't be trusted/,
  );

  const authority = join(place.dir, "authority.pem");
  writeFileSync(authority, TLS_CERTIFICATE);
  const getter = get(`${base}/s/${id}`, { https_proxy, NODE_EXTRA_CA_CERTS: authority });
  await getter.succeed();
  await expectSame();
  expect(getter.events.filter(({ event }) => event === "warning")).toEqual([]);
  expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT ${NAME}:${tlsPort}`]));
  // The torrent; and its tracker, more than once.
  expect(proxy.seen.length).toBeGreaterThan(2);
});

it("asks nobody but the publisher for a share on this network, whatever is set", async () => {
  const { id, port } = await publish();
  const dead = "http://127.0.0.1:9";
  await get(`http://127.0.0.1:${port}/s/${id}`, {
    http_proxy: dead,
    https_proxy: dead,
    all_proxy: dead,
  }).succeed();
  await expectSame();
});

it.each([
  ["nobody listens there", "http://127.0.0.1:9", /proxy 127\.0\.0\.1:9 \(from http_proxy\) can't be reached/],
  ["it wants a name and a password", "http://127.0.0.1:PORT", /wants a name and a password \(407\)/],
  [
    "it wants another password",
    "http://me:wrong-secret@127.0.0.1:PORT",
    /doesn't take the name and password/,
  ],
  [
    "it is of a kind we can't use",
    "socks5://me:wrong-secret@127.0.0.1:1080",
    /http_proxy names a socks5 proxy/,
  ],
])("says that it is the proxy when %s, and how to do without", async (_, http_proxy, message) => {
  const asked = share(["info", `http://${NAME}/x.torrent`], {
    http_proxy: http_proxy.replace("PORT", String(proxy.port)),
  });
  expect(await asked.end()).toBe(1);
  const said = String(asked.lastEvent("error")?.["message"]);
  expect(said).toMatch(message);
  expect(said).not.toContain("secret");
  expect(proxy.seen).toEqual([]);
});

it("is not led to a local address by whoever is behind the proxy", async () => {
  const asked: string[] = [];
  const stranger = createPlainServer((request, answer) => {
    asked.push(String(request.headers.host));
    answer.writeHead(302, { location: `http://127.0.0.1:${portOf(stranger)}/press` }).end();
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const port = portOf(stranger);
  const led = share(["info", `http://${NAME}:${port}/x.torrent`], {
    http_proxy: `http://me:p%40ss@127.0.0.1:${proxy.port}`,
  });
  expect(await led.end()).toBe(1);
  stranger.close();
  expect(led.lastEvent("error")?.["message"]).toMatch(/an address on a local network. It was not contacted/);
  expect(asked).toEqual([`${NAME}:${port}`]);
});

it("says what the proxy answered for the server, and that it was the proxy", async () => {
  const asked = share(["info", `http://${NAME}:9/x.torrent`], {
    http_proxy: `http://me:p%40ss@127.0.0.1:${proxy.port}`,
  });
  expect(await asked.end()).toBe(1);
  expect(asked.lastEvent("error")?.["message"]).toContain(
    `(502). Try again later. It was asked through the proxy 127.0.0.1:${proxy.port}.`,
  );
});
