/** Files that are still coming, over HTTP to players on this machine: each range as its bytes are there. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { planAnswer } from "./answer.ts";
import { contentHeaders } from "./core/content.ts";
import { encodePath } from "./core/target.ts";
import { judgeRequest } from "./request.ts";

export interface StreamFile {
  /** Names from the top, none empty. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Bytes `start` to `end`, both included, as they come. */
  read(start: number, end: number): AsyncIterableIterator<Uint8Array>;
}

export interface StreamServerOptions {
  readonly files: readonly StreamFile[];
  /** Names this version of all of them: letters and digits. */
  readonly version: string;
  /** TCP, 0 for any. */
  readonly port: number;
  /** The first request for a file came. */
  readonly onRequest: (file: StreamFile) => void;
}

export interface StreamServer {
  readonly port: number;
  /** Of each file, in their order. */
  readonly urls: readonly string[];
  /** Cuts what is under way. */
  close(): Promise<void>;
}

/** More than any player opens at once. */
const MAX_CONNECTIONS = 64;

/** Pages from elsewhere get nothing of it. */
const ALWAYS = {
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

/** Listens on loopback alone. Rejects with a system error when the port can't be had. */
export async function openStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const { files, version, onRequest } = options;
  const byPath = new Map(files.map((file) => [encodePath(file.path), file]));
  const server = createServer((request, response) => {
    const judged = judgeRequest(request, { hostNames: () => [] });
    if (!("target" in judged)) return refuse(response, judged.status, judged.message);
    const path = encodePath(judged.target.segments);
    const file = byPath.get(path);
    if (file !== undefined) {
      onRequest(file);
      void send(request, response, file, version);
    } else if (path === "") list(request, response, [...byPath.keys()], judged.base);
    else refuse(response, 404, "There is no such file here.");
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  // Of a server that listens on TCP it is one.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    urls: files.map(({ path }) => `http://127.0.0.1:${port}/${encodePath(path)}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  file: StreamFile,
  version: string,
): Promise<void> {
  const { status, headers, parts } = planAnswer(request, {
    size: file.length,
    tag: `"${version}"`,
    headers: { ...ALWAYS, ...contentHeaders(file.path.at(-1) ?? "") },
  });
  response.writeHead(status, headers);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  try {
    for (const part of parts) {
      if (part instanceof Uint8Array) await write(response, part);
      else await pass(response, file.read(part.start, part.end));
      if (response.destroyed) return;
    }
    response.end();
  } catch {
    // What was promised can't be kept: whoever waits for it must not take the rest for the whole.
    response.destroy();
  }
}

/** Until the end, or until nobody takes it any more. */
async function pass(response: ServerResponse, chunks: AsyncIterableIterator<Uint8Array>): Promise<void> {
  const onClose = () => void chunks.return?.();
  response.once("close", onClose);
  try {
    for await (const chunk of chunks) {
      if (response.destroyed) return;
      await write(response, chunk);
    }
  } catch (error) {
    if (!response.destroyed) throw error;
  } finally {
    response.off("close", onClose);
  }
}

/** Settles when there is room for more, or when there will be none. */
async function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  if (response.destroyed || response.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const settle = () => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.once("drain", settle).once("close", settle);
  });
}

/** A playlist, as plain as they come: players take it, and people can read it. */
function list(
  request: IncomingMessage,
  response: ServerResponse,
  paths: readonly string[],
  base: string,
): void {
  const body = `${paths.map((path) => `${base}/${path}`).join("\n")}\n`;
  response.writeHead(200, {
    ...ALWAYS,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { ...ALWAYS, "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${message}\n`);
}
