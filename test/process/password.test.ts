/** Shares with a password: who knows it gets everything, and nobody else learns or gets anything. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { fromHex, toLatin1 } from "../../src/protocol/bytes.ts";
import type { Metainfo } from "../../src/protocol/metainfo.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import { Child } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

const PASSWORD = "snärk: 42";
const NAME = "confidential.bin";
const place = scratch();
let running: Child[] = [];
let publisher: ShareProcess;
let url: string;
let id: string;
let infoHash: string;
let metainfo: Metainfo;

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

function authorization(password: string): string {
  return `Basic ${Buffer.from(`somebody:${password}`).toString("base64")}`;
}

function ask(where: string, password?: string, accept = "*/*"): Promise<Response> {
  const headers = { accept, ...(password !== undefined && { authorization: authorization(password) }) };
  return fetch(new URL(where, url), { headers, redirect: "manual" });
}

async function latin1(where: string): Promise<string> {
  return Buffer.from(await (await ask(where)).arrayBuffer()).toString("latin1");
}

function get(source: string, out: string, flags: readonly string[] = [], env = {}): ShareProcess {
  const child = new ShareProcess(["get", source, "-o", at(out), ...flags], { cwd: place.dir, env });
  running.push(child);
  return child;
}

beforeAll(async () => {
  writeFileSync(at(NAME), noise(400_000, 1));
  publisher = new ShareProcess([at(NAME), "--bind", "127.0.0.1", "--cache-dir", at("cache")], {
    // Not on the command line: everybody on this machine can read that.
    env: { BOOJUM_PASSWORD: PASSWORD },
  });
  const ready = await publisher.event("ready");
  url = String(ready["url"]);
  id = String(ready["share"]);
  infoHash = String(ready["infoHash"]);
  const torrent = await ask(`${url}.torrent`, PASSWORD);
  metainfo = parseMetainfo(new Uint8Array(await torrent.arrayBuffer()), nodeHashes);
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.stop("SIGKILL")));
  running = [];
});
afterAll(async () => {
  await publisher?.stop();
  place.remove();
});

it("is everywhere asked for, and nothing is told without it", async () => {
  const paths = [
    "",
    ".torrent",
    ".zip",
    ".tar",
    "/",
    "/files/confidential.bin",
    "/seed/confidential.bin",
    "/hashes",
    "/events",
  ];
  const wheres = [
    ...paths.map((rest) => `/s/${id}${rest}`),
    "/",
    "/s/nosuch12",
    "/feed.xml",
    "/metainfo.torrent",
  ];
  wheres.push("/stats", "/stats.json", "/metrics", `/s/${id}/seed/${"0".repeat(32)}/${NAME}`);
  for (const where of wheres) {
    for (const accept of ["text/html", "application/json", "application/x-bittorrent", "*/*"]) {
      const answer = await ask(where, undefined, accept);
      expect([where, answer.status]).toEqual([where, 401]);
      expect(answer.headers.get("www-authenticate")).toBe('Basic realm="Boojum share", charset="UTF-8"');
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const text = `${[...answer.headers].flat().join(" ")} ${await answer.text()}`;
      expect(text).not.toContain("confidential");
      expect(text).not.toContain(infoHash);
    }
  }
  expect((await ask("/favicon.svg")).status).toBe(200);
});

it("opens everything of the share, in no list even then", async () => {
  expect(await (await ask(url, PASSWORD, "text/html")).text()).toContain(NAME);
  const body = await (await ask(`${url}/files/${NAME}`, PASSWORD)).arrayBuffer();
  expect(Buffer.from(body).equals(readFileSync(at(NAME)))).toBe(true);
  expect(await (await ask("/", PASSWORD)).text()).not.toContain(NAME);
});

it("applies the rule for Host before it compares anything", async () => {
  const { port, pathname } = new URL(url);
  const status = await new Promise((resolve, reject) => {
    const headers = { host: "evil.example", authorization: authorization(PASSWORD) };
    const asked = request({ host: "127.0.0.1", port, path: pathname, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject).end();
  });
  expect(status).toBe(421);
});

it("makes torrents that carry a token, which opens tracker and web seed and nothing else", async () => {
  const { token, trackers, webSeeds } = metainfo;
  const { origin } = new URL(url);
  expect(token).toMatch(/^[0-9a-f]{32}$/);
  expect(metainfo).toMatchObject({ private: true, unlisted: true });
  expect(trackers).toEqual([[`${origin}/announce/${id}/${token}`]]);
  expect(webSeeds).toEqual([`${origin}/s/${id}/seed/${token}/`]);
  const seeded = await (await ask(`${webSeeds[0]}${NAME}`)).arrayBuffer();
  expect(Buffer.from(seeded).equals(readFileSync(at(NAME)))).toBe(true);
  expect((await ask(`/s/${id}/files/${token}/${NAME}`)).status).toBe(401);
  expect((await ask(`/s/${id}/seed/${token}/other`)).status).toBe(404);
  expect((await ask(url, token)).status).toBe(401);

  const hash = [...(fromHex(infoHash) ?? [])]
    .map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
    .join("");
  const raw = toLatin1(fromHex(infoHash) ?? new Uint8Array());
  const query = `info_hash=${hash}&peer_id=-XX0000-abcdefghijkl&port=1000&left=1`;
  for (const rest of ["", `/${id}`, `/${id}/${"0".repeat(32)}`, `/nosuch12/${token}`]) {
    expect(await latin1(`/announce${rest}?${query}`)).toContain("failure reason");
    expect(await latin1(`/scrape${rest}?info_hash=${hash}`)).not.toContain(raw);
    expect(await latin1(`/scrape${rest}`)).not.toContain(raw);
  }
  expect(await latin1(`/announce/${id}/${token}?${query}`)).toContain("5:peers");
  expect(await latin1(`/announce/${id}/${token}?${query}&event=stopped`)).toContain("5:peers");
  expect(await latin1(`/scrape/${id}/${token}?info_hash=${hash}`)).toContain(raw);
});

it("lets our own clients download from each other with it, and from nobody without", async () => {
  expect(await get(url, "flag", ["--password", PASSWORD]).end()).toBe(0);
  expect(await get(url, "env", [], { BOOJUM_PASSWORD: PASSWORD }).end()).toBe(0);
  expect(await digestFile(at("env", NAME))).toBe(await digestFile(at(NAME)));
  writeFileSync(at("secret"), `${PASSWORD}\r\nwhat follows is not the password\n`);
  expect(await get(url, "file", ["--password-file", at("secret")]).end()).toBe(0);
  expect(await get(url, "file-by-env", [], { BOOJUM_PASSWORD_FILE: at("secret") }).end()).toBe(0);

  // The same torrent without the token, and the publisher's address by hand: no block over the wire.
  writeFileSync(at("bare.torrent"), encodeTorrent({ info: metainfo.info }));
  const flags = ["--peer", new URL(url).host, "--timeout", "4"];
  const outside = get("bare.torrent", "outside", flags);
  expect(await outside.end()).toBe(5);
  expect(outside.lastEvent("progress")).toMatchObject({ bytesDone: 0, peers: 0 });

  const withToken = encodeTorrent({ info: metainfo.info, token: metainfo.token ?? "" });
  writeFileSync(at("token.torrent"), withToken);
  expect(await get("token.torrent", "inside", flags).end()).toBe(0);
});

it("says what is wrong, and exits 1", async () => {
  const without = get(url, "none");
  expect(await without.end()).toBe(1);
  expect(without.lastEvent("error")).toMatchObject({ code: "password" });
  expect(without.lastEvent("error")?.["message"]).toMatch(/needs a password.*--password/);
  const wrong = get(url, "none", ["--password", "wrong"]);
  expect(await wrong.end()).toBe(1);
  expect(wrong.lastEvent("error")?.["message"]).toMatch(/not the password/);
  expect(await get(url, "none", ["--password", ""]).end()).toBe(2);
  expect(await get(url, "none", [], { BOOJUM_PASSWORD: "" }).end()).toBe(2);
  const two = get(url, "none", ["--password", PASSWORD, "--password-file", at("secret")]);
  expect(await two.end()).toBe(2);
  const unreadable = get(url, "none", ["--password-file", at("no-such-file")]);
  expect(await unreadable.end()).toBe(2);
  expect(unreadable.lastEvent("error")?.["message"]).toMatch(/no-such-file.*ENOENT/);
});

it("is asked for in a terminal, and not shown there", async () => {
  // util-linux's script gives the command a terminal, and what it shows goes to a file; answers wait for the questions.
  const seen = at("seen");
  const answer = (question: string, text: string) =>
    `for i in $(seq 100); do grep -q '${question}' '${seen}' && break; sleep 0.1; done; printf '${text}\\r'`;
  const answers = `${answer("^Password: ", "wrong")}; ${answer("That was wrong. Password: ", PASSWORD)}; sleep 3`;
  const command = `'${process.execPath}' '${commandPath}' get ${url} -o '${at("typed")}'`;
  const child = new Child("/bin/bash", ["-c", `(${answers}) | script -qefc "${command}" '${seen}'`]);
  running.push(child);
  expect([await child.end(30_000), child.describe()]).toEqual([0, expect.anything()]);
  expect(readFileSync(seen, "utf8")).not.toContain(PASSWORD);
  expect(await digestFile(at("typed", NAME))).toBe(await digestFile(at(NAME)));
});

it("is read from standard input when that is no terminal", async () => {
  const line = `printf '%s\\n' '${PASSWORD}' | '${process.execPath}' '${commandPath}' get ${url} -o '${at("piped")}' --password-file -`;
  const child = new Child("/bin/bash", ["-c", line]);
  running.push(child);
  expect([await child.end(30_000), child.describe()]).toEqual([0, expect.anything()]);
  expect(await digestFile(at("piped", NAME))).toBe(await digestFile(at(NAME)));
});

it("stays the same for torrents after a restart, and changes them when it changes", async () => {
  const again = async (password: string) => {
    const child = new ShareProcess([
      at(NAME),
      "--bind",
      "127.0.0.1",
      "--cache-dir",
      at("cache"),
      "--port",
      "0",
      "--password",
      password,
    ]);
    running.push(child);
    const { torrentUrl } = (await child.event("ready")) as unknown as { torrentUrl: string };
    const answer = await ask(torrentUrl, password);
    return parseMetainfo(new Uint8Array(await answer.arrayBuffer()), nodeHashes).token;
  };
  expect(await again(PASSWORD)).toBe(metainfo.token);
  expect(await again("another")).not.toBe(metainfo.token);
});

it("can't be guessed for long", async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 14; i++) statuses.push((await ask(url, `guess ${i}`)).status);
  expect(statuses).toContain(401);
  expect(statuses.at(-1)).toBe(429);
  const refused = await ask(url, PASSWORD);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
});
