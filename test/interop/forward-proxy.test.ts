/** Through Debian's tinyproxy, which wants a name and a password, to a publisher whose address is a public one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { createServer, type Server } from "node:https";
import { connect } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TLS_CERTIFICATE, TLS_KEY } from "../support/certificate.ts";
import { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

const PUBLIC = "198.51.100.1";
const PROXY = { host: "10.99.0.20", port: 8118 };
const TLS_PORT = 8443;
const place = scratch();
const running: Child[] = [];
let tinyproxy: Child;
let secure: Server;
let id: string;
let port: number;

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

/** What tinyproxy says that it was asked for. */
function asked(): string[] {
  return tinyproxy.stdout.flatMap((line) => /Request .*: (\S+ \S+) HTTP/.exec(line)?.[1] ?? []);
}

function getter(url: string, out: string, env: Readonly<Record<string, string>>): ShareProcess {
  mkdirSync(at(out), { recursive: true });
  const child = new ShareProcess(["get", url, "-o", at(out), "--timeout", "30"], { env });
  running.push(child);
  return child;
}

beforeAll(async () => {
  writeFileSync(at("file.bin"), noise(2_000_000, 1));
  const publisher = new ShareProcess([at("file.bin"), "--bind", PUBLIC, "--cache-dir", at("cache")]);
  running.push(publisher);
  id = String((await publisher.event("ready"))["share"]);
  port = Number(publisher.lastEvent("listening")?.["port"]);
  writeFileSync(
    at("tinyproxy.conf"),
    `Port ${PROXY.port}\nListen ${PROXY.host}\nTimeout 60\nMaxClients 50\nLogLevel Info\nBasicAuth me pass\nConnectPort ${TLS_PORT}\n`,
  );
  tinyproxy = new Child("tinyproxy", ["-d", "-c", at("tinyproxy.conf")]);
  running.push(tinyproxy);
  for (let i = 0; !(await canConnect(PROXY)); i++) {
    if (i === 100) throw new Error(tinyproxy.describe());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  secure = createServer({ key: TLS_KEY, cert: TLS_CERTIFICATE }, ({ url, headers }, answer) => {
    requestHttp({ host: PUBLIC, port, path: url, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    }).end();
  });
  await new Promise<void>((resolve) => secure.listen(TLS_PORT, PUBLIC, resolve));
});
afterAll(async () => {
  secure?.closeAllConnections();
  secure?.close();
  for (const child of running) await child.stop();
  place.remove();
});

function canConnect({ host, port: there }: typeof PROXY): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: there })
      .on("connect", () => resolve(true))
      .on("error", () => resolve(false))
      .on("close", () => socket.destroy());
    socket.on("connect", () => socket.end());
  });
}

it("takes the torrent, and announces", async () => {
  const child = getter(`http://${PUBLIC}:${port}/s/${id}`, "plain", {
    http_proxy: `http://me:pass@${PROXY.host}:${PROXY.port}`,
  });
  await child.succeed();
  expect(await digestFile(at("plain", "file.bin"))).toBe(await digestFile(at("file.bin")));
  expect(asked()).toContain(`GET http://${PUBLIC}:${port}/s/${id}`);
  expect(
    asked().some((line) => line.startsWith(`GET http://${PUBLIC}:${port}/announce/${id}?info_hash=`)),
  ).toBe(true);
});

it("takes the torrent from an https server", async () => {
  const before = asked().length;
  writeFileSync(at("authority.pem"), TLS_CERTIFICATE);
  const child = new ShareProcess(["info", `https://${PUBLIC}:${TLS_PORT}/s/${id}`], {
    env: {
      https_proxy: `http://me:pass@${PROXY.host}:${PROXY.port}`,
      NODE_EXTRA_CA_CERTS: at("authority.pem"),
    },
  });
  running.push(child);
  await child.succeed();
  expect(asked().slice(before)).toEqual([`CONNECT ${PUBLIC}:${TLS_PORT}`]);
});

it.each([
  ["none", "", /the proxy 10\.99\.0\.20:8118 \(from http_proxy\) wants a name and a password \(407\)/],
  // It says 401 then, as if it were the publisher.
  ["a wrong one", "me:wrong@", /Or is it the proxy 10\.99\.0\.20:8118/],
])("is named when it wants a password and gets %s", async (_, credentials, message) => {
  const child = new ShareProcess(["info", `http://${PUBLIC}:${port}/s/${id}`], {
    env: { http_proxy: `http://${credentials}${PROXY.host}:${PROXY.port}` },
  });
  running.push(child);
  expect(await child.end()).toBe(1);
  expect(child.lastEvent("error")?.["message"]).toMatch(message);
});

it("is left out where no_proxy says so", async () => {
  const before = asked().length;
  await getter(`http://${PUBLIC}:${port}/s/${id}`, "direct", {
    http_proxy: `http://me:pass@${PROXY.host}:${PROXY.port}`,
    no_proxy: "example.org,198.51.100.0/24",
  }).succeed();
  expect(asked().length).toBe(before);
});
