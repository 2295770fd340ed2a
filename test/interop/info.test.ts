/** What `share info` says is what Transmission says; and it sees real clients through a real tracker. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { decodeBencode } from "../../src/protocol/bencode.ts";
import { bytesEqual } from "../../src/protocol/bytes.ts";
import { type Encodable, encodeBencode } from "../../src/protocol/encode.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { encodeInfo, encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import { createTorrentFile, readInfo, type TorrentInfo } from "../../src/share.ts";
import { Child } from "../support/child.ts";
import { noise, scratch } from "../support/data.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { startOpentracker } from "../support/peers/opentracker.ts";
import { transmission } from "../support/peers/transmission.ts";
import { seededRandom } from "../support/seeded-random.ts";

const place = scratch();
const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop("SIGKILL")));
});
afterAll(() => place.remove());

const { signal } = new AbortController();
const corpus = process.env["TORRENT_CORPUS"] ?? expect.fail("TORRENT_CORPUS is not set");

/** What transmission-show prints, by its own names. */
async function shown(torrent: string): Promise<ReadonlyMap<string, string> | undefined> {
  const child = new Child("transmission-show", [torrent], { env: { TZ: "UTC", LC_ALL: "C.UTF-8" } });
  if ((await child.end()) !== 0 || child.stderr.length > 0) return undefined;
  const fields = new Map<string, string>();
  let section = "";
  for (const line of child.stdout) {
    if (/^[A-Z]+$/.test(line)) section = line;
    const [, name, value] = /^ {2}([A-Z][A-Za-z ]+): (.*)$/.exec(line) ?? [];
    if (section === "GENERAL" && name !== undefined) fields.set(name, value ?? "");
    else if (section !== "GENERAL" && line.trim() !== "" && line !== section) {
      fields.set(section, `${fields.get(section) ?? ""}${line.trim()}\n`);
    }
  }
  return fields;
}

/** The same, made of what we say. */
function expected(info: TorrentInfo): Record<string, string> {
  const oneFile = info.files.length === 1 && info.files[0]?.path === info.name;
  const files = info.files.map(({ path: file }) => (oneFile ? file : `${info.name}/${file}`)).sort();
  const created = info.creationDate === undefined ? undefined : new Date(info.creationDate * 1000);
  return {
    Name: info.name,
    Hash: info.infoHash ?? "",
    "Piece Count": String(info.pieces),
    Privacy: info.private ? "Private torrent" : "Public torrent",
    ...(info.comment !== undefined && info.comment !== "" && { Comment: info.comment }),
    ...(info.createdBy !== undefined && info.createdBy !== "" && { "Created by": info.createdBy }),
    ...(created !== undefined && { year: String(created.getUTCFullYear()) }),
    trackers: info.trackers.flat().sort().join(),
    files: files.join("\n"),
  };
}

function theirs(fields: ReadonlyMap<string, string>, like: Record<string, string>): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of Object.keys(like)) own[name] = fields.get(name) ?? "";
  if ("year" in own) own["year"] = /\d{4}$/.exec(fields.get("Created on") ?? "")?.[0] ?? "";
  const urls = (fields.get("TRACKERS") ?? "").split("\n").filter((line) => /^(https?|udp):/.test(line));
  const files = (fields.get("FILES") ?? "").split("\n").filter((line) => line !== "");
  own["trackers"] = urls.sort().join();
  own["files"] = files
    .map((line) => line.replace(/ \([\d.]+ ?[kMGT]?B\)$/, ""))
    .sort()
    .join("\n");
  return own;
}

/** Reproducible torrents of every kind that Transmission knows. */
function generate(dir: string, count: number): void {
  const random = seededRandom(20);
  mkdirSync(dir);
  const draw = (n: number) => Math.floor(random.next() * n);
  for (let i = 0; i < count; i++) {
    const lengths = Array.from({ length: 1 + draw(20) }, () => draw(100_000) + 1);
    const pieceLength = 2 ** (14 + draw(4));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const common = {
      name: `généré ${i}`,
      pieceLength,
      pieceHashes: noise(20 * Math.ceil(total / pieceLength), i),
      private: draw(3) === 0,
    };
    const files = lengths.map((length, n) => ({ path: [`d${n % 3}`, `f ${n}.bin`], length }));
    const info = encodeInfo(i % 4 === 0 ? { ...common, length: total } : { ...common, files });
    const tiers = Array.from({ length: draw(4) }, (_, n) => [
      `http://t${n}.example/announce`,
      `udp://u${n}.example:1/announce`,
    ]);
    const torrent = encodeTorrent({
      info,
      trackers: tiers,
      ...(draw(2) === 0 && { comment: `comment ${i}` }),
      ...(draw(2) === 0 && { createdBy: "somebody" }),
      ...(draw(2) === 0 && { creationDate: 1_000_000_000 + draw(700_000_000) }),
    });
    writeFileSync(path.join(dir, `${i}.torrent`), torrent);
  }
}

it("TorrentSpy: transmission-show agrees about 50 torrents and more", async () => {
  const generated = path.join(place.dir, "generated");
  generate(generated, 40);
  const given = path.join(corpus, "torrents");
  const all = [given, generated].flatMap((dir) => readdirSync(dir).map((name) => path.join(dir, name)));
  let agreed = 0;
  for (const torrent of all.filter((name) => name.endsWith(".torrent"))) {
    const info = await readInfo(torrent, signal).catch(() => undefined);
    // Transmission 3 knows neither v2 nor pad files, and cleans names in its own way.
    const isOurs =
      info === undefined ||
      info.infoHashV2 !== undefined ||
      info.files.some((file) => file.pad || file.symlink);
    if (isOurs || info.warnings.some(({ code }) => code === "renamed")) continue;
    const { info: raw } = parseMetainfo(readFileSync(torrent), nodeHashes);
    // It hashes what it would write itself, so with keys out of order it is wrong.
    if (!bytesEqual(encodeBencode(decodeBencode(raw) as Encodable), raw)) continue;
    const fields = await shown(torrent);
    if (fields === undefined) continue;
    const ours = expected(info);
    expect(theirs(fields, ours), torrent).toEqual(ours);
    agreed++;
  }
  expect(agreed).toBeGreaterThanOrEqual(50);
});

it("availability checker: counts the copies at real clients that opentracker names, over HTTP and UDP", async () => {
  const address = "10.99.0.1";
  const seeding = path.join(place.dir, "seeding");
  mkdirSync(path.join(seeding, "data"), { recursive: true });
  for (const name of ["a", "b", "c"])
    writeFileSync(path.join(seeding, "data", name), noise(400_000, name.charCodeAt(0)));
  const urls = { http: `http://${address}:7321/announce`, udp: `udp://${address}:7321/announce` };
  const make = async (name: string, tracker: string) => {
    const out = path.join(place.dir, `${name}.torrent`);
    await createTorrentFile(
      path.join(seeding, "data"),
      { out, trackers: [tracker], pieceLength: 16_384 },
      signal,
    );
    return out;
  };
  const torrent = await make("http", urls.http);
  const overUdp = await make("udp", urls.udp);
  const { infoHash } = parseMetainfo(readFileSync(torrent), nodeHashes);
  if (infoHash === undefined) throw new Error("a v1 torrent has one");
  running.push(
    await startOpentracker({
      address,
      port: 7321,
      dir: path.join(place.dir, "tracker"),
      infoHashes: [infoHash],
    }),
  );
  const job = (host: number) => {
    const state = path.join(place.dir, `state-${host}`);
    mkdirSync(state);
    return { torrent, dir: seeding, address: `10.99.0.${host}`, port: 7400 + host, state };
  };
  running.push(await libtorrent.seed(job(2)), await transmission.seed(job(3)));
  for (const [file, tracker] of [
    [torrent, urls.http],
    [overUdp, urls.udp],
  ] as const) {
    // Transmission takes a while to notice that we have hung up, and lets nobody in from the same address until then.
    const look = async () => await readInfo(file, signal, { swarm: true });
    await expect.poll(look, { timeout: 30_000, interval: 3_000 }).toMatchObject({
      // Nobody counts us: we have said that we are gone.
      swarm: [{ tracker, seeders: 2, leechers: 0, completed: expect.any(Number) }],
      availability: { peers: 2, complete: 2, copies: 2 },
    });
  }
});
