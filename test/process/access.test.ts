/** Who gets at a share, and for how long: the built command with --unlisted, --expire, --until-copies and --private. */
import { truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { fromHex, toLatin1 } from "../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import type { ShareProcess } from "../support/command.ts";
import { noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const { at, share, publish, get } = useStage();

function file(name: string, bytes: number): string {
  writeFileSync(at(name), noise(bytes, bytes));
  return name;
}

interface Ready {
  readonly share: string;
  readonly url: string;
  readonly torrentUrl: string;
  readonly infoHash: string;
}

async function readyOf(publisher: ShareProcess): Promise<Ready> {
  return (await publisher.event("ready")) as unknown as Ready;
}

async function textAt(url: string, accept = "*/*"): Promise<string> {
  return await (await fetch(url, { headers: { accept } })).text();
}

function escaped(hex: string): string {
  return [...(fromHex(hex) ?? [])].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

it.each([
  ["--expire", "0"],
  ["--expire", "0.5s"],
  ["--until-copies", "0"],
])("makes no share that ends before it begins: %s %s", async (flag, value) => {
  const refused = publish(file("file.bin", 1_000), flag, value);
  expect(await refused.end()).toBe(2);
  expect(refused.lastEvent("error")).toMatchObject({ code: "usage" });
});

describe("--unlisted", () => {
  it("is found by those alone who know the URL, which stays", async () => {
    const first = publish(file("secret-name.bin", 100_000), "--unlisted");
    const { share: id, url, infoHash, torrentUrl } = await readyOf(first);
    expect(id).toMatch(/^[2-9a-hjkmnp-z]{21}$/);
    const { origin } = new URL(url);
    for (const accept of ["text/html", "application/json", "*/*"]) {
      const index = await textAt(`${origin}/`, accept);
      expect(index).not.toContain("secret-name");
      expect(index).not.toContain(id);
    }
    expect((await fetch(`${origin}/metainfo.torrent`)).status).toBe(404);
    for (const where of ["/feed.xml", "/stats", "/stats.json", "/metrics"]) {
      const body = await textAt(origin + where);
      expect(body).not.toContain(id);
      expect(body).not.toContain(infoHash);
      expect(body).not.toContain("secret-name");
    }
    const query = `info_hash=${escaped(infoHash)}`;
    const raw = toLatin1(fromHex(infoHash) ?? new Uint8Array());
    const latin1 = async (where: string) =>
      Buffer.from(await (await fetch(origin + where)).arrayBuffer()).toString("latin1");
    expect(await latin1("/scrape")).not.toContain(raw);
    expect(await latin1(`/scrape?${query}`)).not.toContain(raw);
    expect(await latin1(`/scrape/${id}?${query}`)).toContain(raw);
    const announce = `${query}&peer_id=-XX0000-abcdefghijkl&port=1000&left=1`;
    expect(await latin1(`/announce?${announce}`)).toContain("failure reason");
    expect(await latin1(`/announce/${id}?${announce}`)).toContain("5:peers");

    const torrent = new Uint8Array(await (await fetch(torrentUrl)).arrayBuffer());
    expect(parseMetainfo(torrent, nodeHashes)).toMatchObject({
      unlisted: true,
      private: false,
      trackers: [[`${origin}/announce/${id}`]],
    });
    expect(await get(url).end()).toBe(0);
    await first.stop();
    expect((await readyOf(publish("secret-name.bin", "--unlisted"))).url).toBe(url);
  });

  it("has no other tracker, and its receivers tell none", async () => {
    const refused = publish(
      file("file.bin", 100_000),
      "--unlisted",
      "--tracker",
      "http://127.0.0.1:9/announce",
    );
    expect(await refused.end()).toBe(2);
    expect(refused.lastEvent("error")?.["message"]).toMatch(/--tracker/);

    const { torrentUrl } = await readyOf(publish("file.bin", "--unlisted"));
    let asked = 0;
    const stranger = createServer((_, response) => {
      asked++;
      response.end("d8:intervali300e5:peers0:e");
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    try {
      // listening on TCP, so it is not a pipe's name
      const announce = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/announce`;
      const bytes = Buffer.from(await (await fetch(torrentUrl)).arrayBuffer());
      const { info, trackers, webSeeds } = parseMetainfo(bytes, nodeHashes);
      const edited = encodeTorrent({ info, trackers: [[announce], ...trackers], webSeeds, unlisted: true });
      writeFileSync(at("edited.torrent"), edited);
      expect(await get("edited.torrent").end()).toBe(0);
      expect(asked).toBe(0);
    } finally {
      stranger.closeAllConnections();
      await new Promise((resolve) => stranger.close(resolve));
    }
  });
});

describe("--expire", () => {
  it("ends the share and the command with it, and says so at its URL while last bytes leave", async () => {
    writeFileSync(at("file.bin"), "");
    truncateSync(at("file.bin"), 2 ** 26);
    const publisher = publish("file.bin", "--expire", "3");
    const { url, share: id, torrentUrl } = await readyOf(publisher);
    const stalled = await fetch(`${url}/files/file.bin`);
    await publisher.event("ended");
    expect(publisher.lastEvent("ended")).toEqual({ event: "ended", share: id, reason: "expired" });
    for (const where of [url, torrentUrl, `${url}/files/file.bin`]) {
      const answer = await fetch(where);
      expect(answer.status).toBe(410);
      expect(await answer.text()).toMatch(/limited time/);
    }
    // Whoever doesn't read what it asked for holds nobody up for long.
    expect(await publisher.end(10_000)).toBe(0);
    expect(publisher.events.at(-1)).toEqual({ event: "stopped" });
    await expect(stalled.arrayBuffer()).rejects.toThrow();
  });

  it("ends a share that is still being hashed", async () => {
    writeFileSync(at("huge.bin"), "");
    truncateSync(at("huge.bin"), 2 ** 36);
    const publisher = publish("huge.bin", "--expire", "1");
    expect(await publisher.end(15_000)).toBe(0);
    expect(publisher.events.at(-1)).toEqual({ event: "stopped" });
    expect(publisher.lastEvent("ready")).toBeUndefined();
  });
});

describe("--until-copies", () => {
  it("ends each share when so many have it, and the command with the last one", async () => {
    const publisher = publish(file("a.bin", 200_000), file("b.bin", 200_001), "--until-copies", "2");
    await publisher.until(() => (publisher.lastEvent("ready")?.["name"] === "b.bin" ? true : undefined));
    const [a, b] = publisher.events.filter(({ event }) => event === "ready") as unknown as [Ready, Ready];
    for (const out of ["one", "two"]) expect(await share("get", a.url, "-o", at(out)).end()).toBe(0);
    await publisher.event("ended");
    expect(publisher.lastEvent("ended")).toEqual({ event: "ended", share: a.share, reason: "copies" });

    for (const where of [a.url, a.torrentUrl, `${a.url}/files/a.bin`, `${a.url}/seed/a.bin`]) {
      const answer = await fetch(where, { headers: { accept: "text/html" } });
      expect(answer.status).toBe(410);
      expect(await answer.text()).toMatch(/until enough people had it/);
    }
    expect(await textAt(new URL("/", a.url).href)).not.toContain("a.bin");
    const late = share("get", a.url, "-o", at("late"));
    expect(await late.end()).toBe(1);
    expect(late.lastEvent("error")?.["message"]).toMatch(/isn't shared any more/);

    expect(await share("get", b.url, "-o", at("one")).end()).toBe(0);
    expect(publisher.lastEvent("stopped")).toBeUndefined();
    expect(await share("get", b.url, "-o", at("two")).end()).toBe(0);
    expect(await publisher.end(15_000)).toBe(0);
    expect(publisher.events.at(-1)).toEqual({ event: "stopped" });
  });
});

describe("--private", () => {
  it("is in the torrent, and such a torrent is downloaded through its tracker", async () => {
    const { url, torrentUrl } = await readyOf(publish(file("file.bin", 100_000), "--private"));
    const torrent = new Uint8Array(await (await fetch(torrentUrl)).arrayBuffer());
    expect(parseMetainfo(torrent, nodeHashes)).toMatchObject({ private: true, unlisted: false });
    expect(await get(url).end()).toBe(0);
  });
});
