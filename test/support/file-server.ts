/** A web server with files in memory, for tests: it does as it's told, also what a web seed must not. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers in its own way, and says whether it did. */
export type Whim = (
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array | undefined,
) => boolean;

export class FileServer {
  /** By path, as in the request line. */
  readonly files = new Map<string, Uint8Array>();
  /** `GET /path range`, in order. */
  readonly requests: string[] = [];
  connections = 0;
  whim: Whim = () => false;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("connection", () => this.connections++);
  }

  /** @returns its address, with a slash at the end. */
  async listen(host = "127.0.0.1"): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, host, resolve));
    // It listens on TCP, so this is no pipe's name.
    return `http://${host}:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = "", headers } = request;
    this.requests.push(`${url} ${headers.range ?? "whole"}`);
    const file = this.files.get(url);
    if (this.whim(request, response, file)) return;
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    if (first === undefined || last === undefined) {
      response.writeHead(200, { "content-length": file.length }).end(file);
      return;
    }
    const part = file.subarray(Number(first), Number(last) + 1);
    response.writeHead(206, {
      "content-length": part.length,
      "content-range": `bytes ${first}-${Number(first) + part.length - 1}/${file.length}`,
    });
    response.end(part);
  }
}
