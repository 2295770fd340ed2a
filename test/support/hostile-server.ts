/** HTTP servers that break every rule: each says what a test wants, byte by byte. */
import { createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";

export type HttpMischief = (socket: Socket, port: number) => void;

/** A server that lets `mischief` answer whoever has asked for something. */
export async function listenForHttp(
  mischief: HttpMischief,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    socket.once("data", () => mischief(socket, port));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  const { port } = address;
  return {
    port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const OK = "HTTP/1.1 200 OK\r\n";

/** Answers with `body`, and closes. */
export function saying(body: string | Uint8Array, head: string = OK): HttpMischief {
  return (socket) => {
    socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`);
    socket.end(body);
  };
}

/** Writes `part` again and again for as long as somebody listens. */
function writeOnAndOn(socket: Socket, part: string | Uint8Array): void {
  const more = () => {
    while (socket.writable && socket.write(part));
    socket.once("drain", more);
  };
  more();
}

const bomb = gzipSync(new Uint8Array(200_000_000), { level: 9 });

/** What any HTTP answer can do wrong, whatever was asked for. */
export const mischiefs: Readonly<Record<string, HttpMischief>> = {
  "an endless body": (socket) => {
    socket.write(`${OK}\r\n`);
    writeOnAndOn(socket, "d8:announce".padEnd(65_536, "x"));
  },
  "endless headers": (socket) => {
    socket.write(OK);
    writeOnAndOn(socket, "X-More: and more\r\n");
  },
  "redirects in a circle": (socket, port) =>
    socket.end(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${port}/again\r\nContent-Length: 0\r\n\r\n`),
  "a redirect to a file": (socket) =>
    socket.end("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
  "200 MB in 200 KB of gzip": saying(bomb, `${OK}Content-Encoding: gzip\r\n`),
  "a body cut off": (socket) => socket.end(`${OK}Content-Length: 1000\r\n\r\nd8:announce`),
  "no HTTP at all": (socket) => socket.end("\u001b[31m\u0000\u0001\u0002 hello\r\n\r\n"),
  "nothing, and the connection closed": (socket) => socket.end(),
  "chunks of impossible length": (socket) =>
    socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx`),
  "another protocol": (socket) =>
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello"),
  "a redirect with escapes that are none": (socket, port) =>
    socket.end(
      `HTTP/1.1 302 Found\r\nLocation: http://%zz:%@127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`,
    ),
  "a redirect into nothing": (socket) =>
    socket.end("HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n"),
  "a part that nobody asked for": (socket) =>
    socket.end(
      "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5\r\n\r\nd8:an",
    ),
  "nothing new": (socket) => socket.end("HTTP/1.1 304 Not Modified\r\n\r\n"),
  "gzip that is none": saying("hello", `${OK}Content-Encoding: gzip\r\n`),
  "two lengths": (socket) => socket.end(`${OK}Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello`),
  "nesting without end": saying("l".repeat(200_000)),
  "an error page that moves the cursor": saying(
    "<h1>\u001b]52;c;bWFsbA==\u0007\u001b[2J</h1>",
    "HTTP/1.1 404 \u001b[31mgone\r\nContent-Type: text/html\r\n",
  ),
};
