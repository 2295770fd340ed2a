/** A proxy for HTTP that notes what it is asked for and sends every name to 127.0.0.1. */
import { createServer, request as requestHttp } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";

export interface ScriptedProxy {
  /** `METHOD TARGET` of each request that was passed on. */
  readonly seen: readonly string[];
  readonly port: number;
  close(): Promise<void>;
}

/** `credentials`: `NAME:PASSWORD` without which it answers 407. */
export async function startProxy(credentials?: string): Promise<ScriptedProxy> {
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
  const server = createServer((asked, answer) => {
    if (asked.headers["proxy-authorization"] !== wanted) {
      answer.writeHead(407, { "Proxy-Authenticate": "Basic" }).end();
      return;
    }
    // RFC 9112, 3.2.2: a whole URL, and nothing else.
    if (!URL.canParse(asked.url ?? "")) {
      answer.writeHead(400).end();
      return;
    }
    seen.push(`${asked.method} ${asked.url}`);
    const { port, host } = new URL(asked.url ?? "");
    const path = (asked.url ?? "").slice(`http://${host}`.length);
    const { "proxy-authorization": _, ...headers } = asked.headers;
    requestHttp({ host: "127.0.0.1", port, path, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    })
      .on("error", () => answer.writeHead(502).end())
      .end();
  });
  server.on("connect", (asked, socket: Duplex) => {
    sockets.add(socket);
    if (asked.headers["proxy-authorization"] !== wanted) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    seen.push(`CONNECT ${asked.url}`);
    const through = connect(Number(asked.url?.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(through).pipe(socket);
    });
    sockets.add(through);
    for (const end of [socket, through])
      end.on("error", () => [socket, through].map((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    // listening on TCP, so it is not a pipe's name
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
