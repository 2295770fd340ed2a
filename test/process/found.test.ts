/** A share that several announce on the local network, some of them gone, others with something else. */
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { encodeInfo, encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import { readSource } from "../../src/share/get/read-source.ts";
import { OtherTorrentError } from "../../src/share/source.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/s/share`; // a TCP server has such an address
}

function infoOf(name: string): Uint8Array {
  const pieceHashes = new Uint8Array(20);
  return encodeInfo({ name, pieceLength: 16_384, pieceHashes, private: false, length: 1 });
}

const wanted = infoOf("film");
const infoHash = toHex(nodeHashes.sha1(wanted));
const give = (info: Uint8Array): RequestListener => {
  return (_, response) => response.end(encodeTorrent({ info, trackers: [], webSeeds: [] }));
};
const swarm = { port: 0, timeoutSeconds: 1, onProgress: () => {}, onWarning: () => {} };

function read(urls: readonly string[], password?: string) {
  const source = { kind: "found" as const, name: "film", infoHash, urls, peers: ["127.0.0.1:1"] };
  const options = { swarm, onUnfinished: () => {}, password, askPassword: () => Promise.resolve("secret") };
  return readSource(source, options, AbortSignal.timeout(20_000));
}

it("comes from whoever has it, at once, whoever else is silent or lies; the others are hung up on", async () => {
  let hungUp = 0;
  const silent = await serve((request) => request.once("close", () => hungUp++));
  const liar = await serve(give(infoOf("virus")));
  const honest = await serve(give(wanted));
  const begun = performance.now();
  const { bytes, url, peers } = await read([silent, liar, silent, silent, honest]);
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(Buffer.from(bytes).includes(Buffer.from(wanted))).toBe(true);
  expect([url, peers]).toEqual([honest, ["127.0.0.1:1"]]);
  await expect.poll(() => hungUp).toBe(3);
});

it("is asked of no more than eight at a time", async () => {
  let most = 0;
  const waiting: ServerResponse[] = [];
  const busy = await serve((_, response) => {
    most = Math.max(most, waiting.push(response));
    // A ninth would come meanwhile.
    const refuse = () => waiting.splice(0).forEach((each) => each.writeHead(404).end());
    if (waiting.length === 8) setTimeout(refuse, 200);
  });
  const honest = await serve(give(wanted));
  expect((await read([...Array<string>(20).fill(busy), honest])).url).toBe(honest);
  expect(most).toBe(8);
});

it("is refused when only liars answer, who are told no password", async () => {
  const heard: unknown[] = [];
  const locked = await serve((request, response) => {
    heard.push(request.headers.authorization);
    response.writeHead(401).end();
  });
  const liar = await serve(give(infoOf("virus")));
  await expect(read([locked, liar], "secret")).rejects.toThrow(OtherTorrentError);
  await expect(read([locked])).rejects.toThrow(/needs a password/);
  expect(heard).toEqual([undefined, undefined]);
});
