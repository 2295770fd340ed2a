/** A publisher that is still hashing, scripted: what it knows, when, and whether it is there at all. */
import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeInfo, encodeTorrent } from "../../src/protocol/write-metainfo.ts";

export const EARLY_PIECE = 65_536;

export interface EarlyShareFile {
  readonly path: string;
  data: Uint8Array;
}

export class EarlyPublisher {
  readonly files: EarlyShareFile[];
  /** `PATH first-last` of each range that was asked for. */
  readonly fetched: string[] = [];
  /** Pieces whose hashes it tells. */
  known = 0;
  /** Told instead of an end. */
  error: string | undefined;
  isReady = false;
  #server: Server | undefined;
  #port = 0;
  readonly #streams = new Map<ServerResponse, number>();

  constructor(files: readonly EarlyShareFile[]) {
    this.files = files.map((file) => ({ ...file }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/s/abc`;
  }

  get pieceCount(): number {
    return Math.ceil(this.#stream.length / EARLY_PIECE);
  }

  /** Opens, at the same port as before. */
  async open(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    // It listens on TCP, so this is no pipe's name.
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Gone, as when it is killed. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#streams.clear();
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Tells the hashes of the first `known` pieces. */
  reveal(known: number): void {
    this.known = known;
    for (const stream of this.#streams.keys()) this.#tell(stream);
  }

  /** The torrent is there. */
  finish(): void {
    this.isReady = true;
    this.reveal(this.pieceCount);
  }

  /** It gives up. */
  fail(error: string): void {
    this.error = error;
    this.reveal(this.known);
  }

  /** Bytes of all ranges that were asked for. */
  get bytesAsked(): number {
    let sum = 0;
    for (const range of this.fetched) {
      const [, first, last] = /(\d+)-(\d+)$/.exec(range) ?? [];
      sum += Number(last) - Number(first) + 1;
    }
    return sum;
  }

  get #stream(): Buffer {
    return Buffer.concat(this.files.map(({ data }) => data));
  }

  get #hashes(): Buffer {
    const stream = this.#stream;
    const hashes: Buffer[] = [];
    for (let at = 0; at < stream.length; at += EARLY_PIECE)
      hashes.push(hash("sha1", stream.subarray(at, at + EARLY_PIECE), "buffer"));
    return Buffer.concat(hashes);
  }

  get #info(): Uint8Array {
    return encodeInfo({
      name: "folder",
      pieceLength: EARLY_PIECE,
      pieceHashes: this.#hashes,
      files: this.files.map(({ path, data }) => ({ path: path.split("/"), length: data.length })),
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = "", headers } = request;
    const bytes = this.#stream.length;
    if (url === "/s/abc/hashes") this.#openStream(response);
    else if (url.startsWith("/announce")) response.end("d8:intervali1800e5:peers0:e");
    else if (url === "/s/abc" && this.error !== undefined) response.writeHead(410).end(this.error);
    else if (url === "/s/abc" && !this.isReady) {
      response.writeHead(503, { "content-type": "application/json" });
      const status = { name: "folder", url: this.url, files: this.files.length, bytes, bytesDone: 0 };
      response.end(JSON.stringify(status));
    } else if (url === "/s/abc") {
      const base = `http://127.0.0.1:${this.#port}`;
      const torrent = {
        info: this.#info,
        trackers: [[`${base}/announce/abc`]],
        webSeeds: [`${this.url}/seed/`],
      };
      response.end(encodeTorrent(torrent));
    } else {
      const file = this.files.find(({ path }) => url === `/s/abc/seed/folder/${path}`);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
      if (file === undefined) return void response.writeHead(404).end();
      this.fetched.push(`${file.path} ${first}-${last}`);
      const part = file.data.subarray(Number(first), Number(last) + 1);
      const range = `bytes ${first}-${last}/${file.data.length}`;
      response.writeHead(206, { "content-length": part.length, "content-range": range }).end(part);
    }
  }

  #openStream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const bytes = this.#stream.length;
    const head = {
      hashes: 1,
      name: "folder",
      oneFile: false,
      pieceLength: EARLY_PIECE,
      bytes,
      files: this.files.length,
      webSeed: "seed/",
    };
    response.write(`${JSON.stringify(head)}\n`);
    for (const { path, data } of this.files)
      response.write(`${JSON.stringify({ path: path.split("/"), bytes: data.length })}\n`);
    this.#streams.set(response, 0);
    response.once("close", () => this.#streams.delete(response));
    this.#tell(response);
  }

  #tell(response: ServerResponse): void {
    const from = this.#streams.get(response) ?? 0;
    if (this.known > from) {
      const sha1 = this.#hashes.subarray(20 * from, 20 * this.known).toString("base64");
      response.write(`${JSON.stringify({ from, sha1 })}\n`);
      this.#streams.set(response, this.known);
    }
    if (this.error !== undefined) response.end(`${JSON.stringify({ error: this.error })}\n`);
    else if (this.isReady) response.end(`${JSON.stringify({ infoHash: hash("sha1", this.#info) })}\n`);
  }
}
