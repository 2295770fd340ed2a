import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import {
  type ConnectionHandlers,
  type Listener,
  type ListenOptions,
  listen,
} from "../../src/platform/listener.ts";
import { ListenError } from "../../src/platform/ports.ts";

const HANDSHAKE = Buffer.from(
  `\x13BitTorrent protocol${"\0".repeat(8)}${"h".repeat(20)}${"p".repeat(20)}`,
  "latin1",
);

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(handlers: ConnectionHandlers, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listen({ port: 0, bind: ["127.0.0.1"], ...options }, handlers);
  cleanups.push(() => listener.close());
  return listener;
}

async function dial(port: number, host = "127.0.0.1", localAddress?: string): Promise<Socket> {
  const socket = connect({ port, host, ...(localAddress !== undefined && { localAddress }) });
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  await once(socket, "close");
  return text;
}

/** Resolves with what a GET of `path` answers, read to the end. */
function get(port: number, path = "/"): Promise<string> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: "127.0.0.1", path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
}

/** Sends `bytes` one at a time, each in a packet of its own. */
async function dribble(socket: Socket, bytes: Uint8Array): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of bytes) {
    socket.write(Uint8Array.of(byte));
    await sleep(1);
  }
}

const greeting: ConnectionHandlers = {
  request: (request, response) => response.end(`${request.method} ${request.url}`),
};

describe("first bytes", () => {
  it("gives a peer's connection to the peer handler with every byte, however small the packets", async () => {
    const received: Buffer[] = [];
    const { port } = await open({
      peer: (socket, firstBytes) => {
        received.push(Buffer.from(firstBytes));
        socket.on("data", (bytes: Buffer) => received.push(bytes)).resume();
      },
    });
    await dribble(await dial(port), HANDSHAKE);
    await expect.poll(() => Buffer.concat(received).length).toBe(HANDSHAKE.length);
    expect(Buffer.concat(received)).toEqual(HANDSHAKE);
  });

  it("gives HTTP to the request handler, one byte a packet", async () => {
    const { port } = await open(greeting);
    const socket = await dial(port);
    const answer = readAll(socket);
    await dribble(socket, Buffer.from("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    expect(await answer).toContain("GET /slow");
  });

  it("answers all requests that came in one packet, in order", async () => {
    const { port } = await open(greeting);
    const socket = await dial(port);
    const one = (path: string, rest = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${rest}\r\n`;
    socket.write(one("/a") + one("/b") + one("/c", "Connection: close\r\n"));
    const answer = await readAll(socket);
    expect([...answer.matchAll(/GET \/(\w)/g)].map((match) => match[1])).toEqual(["a", "b", "c"]);
  });

  it("hands over a large upload that begins in the first packet, complete and in order", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789");
    let echoed = 0;
    let intact = true;
    const { port } = await open({
      request: (request, response) => {
        request.on("data", (bytes: Buffer) => {
          intact &&= bytes.equals(body.subarray(echoed, echoed + bytes.length));
          echoed += bytes.length;
        });
        request.on("end", () => response.end("thanks"));
      },
    });
    const socket = await dial(port);
    const answer = readAll(socket);
    socket.write(
      Buffer.concat([
        Buffer.from(
          `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
        ),
        body,
      ]),
    );
    expect(await answer).toContain("thanks");
    expect({ echoed, intact }).toEqual({ echoed: body.length, intact: true });
  });

  it("answers a client that ends its side after the request", async () => {
    const { port } = await open(greeting);
    const socket = await dial(port);
    socket.end("GET /half HTTP/1.0\r\nHost: x\r\n\r\n");
    expect(await readAll(socket)).toContain("GET /half");
  });

  it("gives anything else to the unknown handler, and closes it when there is none", async () => {
    const unknown = new Promise<string>((resolve) => {
      void open({ unknown: (_, firstBytes) => resolve(Buffer.from(firstBytes).toString("latin1")) }).then(
        async ({ port }) => (await dial(port)).write("\x17\x03\x01"),
      );
    });
    expect(await unknown).toBe("\x17\x03\x01");
    const { port } = await open(greeting);
    const socket = await dial(port);
    socket.write("\x17\x03\x01");
    expect(await readAll(socket)).toBe("");
  });

  it("tells TLS at once that it isn't spoken here, whoever takes the rest", async () => {
    const { port } = await open({
      request: (_, response) => response.end(),
      unknown: (socket) => socket.destroy(),
    });
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    cleanups.push(() => socket.destroy());
    const [error] = await once(socket, "error");
    expect(error).toMatchObject({ code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
  });

  it("closes a connection that says nothing, or too little, in time", async () => {
    const { port } = await open(greeting, { firstBytesTimeout: 100 });
    const silent = await dial(port);
    const hesitant = await dial(port);
    hesitant.write("GE");
    const start = performance.now();
    expect(await Promise.all([readAll(silent), readAll(hesitant)])).toEqual(["", ""]);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("HTTP limits", () => {
  it("cuts a header that does not end, though another server does the listening", async () => {
    const { port } = await open(greeting, { headersTimeout: 300 });
    const socket = await dial(port);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
    const start = performance.now();
    expect(await readAll(socket)).toContain("408");
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it("answers quickly beside 500 headers that never end", async () => {
    const { port } = await open(greeting);
    const slow = await Promise.all(Array.from({ length: 500 }, () => dial(port)));
    for (const socket of slow) socket.write("GET / HTTP/1.1\r\nX-Slow: ");
    const start = performance.now();
    expect(await get(port, "/normal")).toBe("GET /normal");
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it.each([
    [
      "both lengths",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two different lengths",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ],
    ["folded headers", "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n folded: c\r\n\r\n"],
    ["space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello"],
    ["bare line feeds", "GET / HTTP/1.1\nHost: x\n\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
  ])("refuses %s", async (_, bytes) => {
    const { port } = await open(greeting);
    const socket = await dial(port);
    socket.write(bytes);
    socket.setTimeout(1_500, () => socket.destroy());
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("refuses headers above 16 KiB", async () => {
    const { port } = await open(greeting);
    const socket = await dial(port);
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(17_000)}\r\n\r\n`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it("cuts a response that nobody reads, and not one that is read slowly", async () => {
    const body = Buffer.alloc(32_000_000, 1);
    const { port } = await open({ request: (_, response) => response.end(body) }, { stallTimeout: 1_000 });
    const stalled = await dial(port);
    stalled.pause();
    stalled.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const slow = await dial(port);
    slow.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let read = 0;
    for await (const bytes of slow) {
      const before = read;
      read += bytes.length;
      if (Math.floor(read / 1_500_000) > Math.floor(before / 1_500_000)) await sleep(120);
    }
    expect(read).toBeGreaterThan(body.length);
    expect((await readAll(stalled.resume())).length).toBeLessThan(body.length);
  });
});

describe("connection limit", () => {
  it("makes room by closing the longest idle, never a peer", async () => {
    const peers: Socket[] = [];
    const { port } = await open(
      { ...greeting, peer: (socket) => void peers.push(socket.resume()) },
      { maxConnections: 3 },
    );
    const peer = await dial(port);
    peer.write(HANDSHAKE);
    await expect.poll(() => peers.length).toBe(1);
    const idle = await dial(port);
    const idleClosed = once(idle.resume(), "close");
    await dial(port);
    expect(await get(port)).toBe("GET /");
    await idleClosed;
    expect(peers[0]?.destroyed).toBe(false);
  });

  it("refuses a new connection when none of the others is idle", async () => {
    let peers = 0;
    const { port } = await open(
      {
        ...greeting,
        peer: (socket) => {
          peers++;
          socket.on("error", () => {}).resume();
        },
      },
      { maxConnections: 2 },
    );
    for (let i = 0; i < 2; i++) (await dial(port)).write(HANDSHAKE);
    await expect.poll(() => peers).toBe(2);
    await expect(get(port)).rejects.toThrow();
  });

  it("lets one host have three quarters of the places, and others the rest", async () => {
    let peers = 0;
    const { port } = await open(
      { ...greeting, peer: (socket) => void (peers++, socket.on("error", () => {}).resume()) },
      { maxConnections: 8 },
    );
    const many: Socket[] = [];
    for (let i = 0; i < 12; i++) {
      const socket = (await dial(port, "127.0.0.1", "127.0.0.2")).resume();
      many.push(socket);
      socket.write(HANDSHAKE);
      await expect.poll(() => socket.closed || peers === i + 1).toBe(true);
    }
    expect(peers).toBe(6);
    expect(many.map(({ closed }) => closed)).toEqual(many.map((_, i) => i >= 6));
    expect(await get(port)).toBe("GET /");
  });

  it("makes room where most come from, not where one waits for longest", async () => {
    const { port } = await open(greeting, { maxConnections: 4 });
    const patient = (await dial(port, "127.0.0.1", "127.0.0.3")).resume();
    const many: Socket[] = [];
    for (let i = 0; i < 3; i++) many.push((await dial(port, "127.0.0.1", "127.0.0.2")).resume());
    const first = once(many[0] as Socket, "close");
    expect(await get(port)).toBe("GET /");
    await first;
    expect([patient, ...many.slice(1)].map(({ closed: isClosed }) => isClosed)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe("ports", () => {
  async function occupy(host: string): Promise<number> {
    const other = createServer();
    other.listen(0, host);
    await once(other, "listening");
    cleanups.push(() => other.close());
    const address = other.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  it("says clearly that the port asked for is taken", async () => {
    const port = await occupy("127.0.0.1");
    const attempt = listen({ port, bind: ["127.0.0.1"] }, greeting);
    await expect(attempt).rejects.toThrow(ListenError);
    await expect(attempt).rejects.toThrow(`port ${port}`);
  });

  it("takes the remembered port when it is free, and one from 6881 on when not", async () => {
    const taken = await occupy("127.0.0.1");
    const second = await open(greeting, { port: undefined, preferredPort: taken });
    expect(second.port).toBeGreaterThanOrEqual(6881);
    expect(second.port).toBeLessThanOrEqual(6999);
    const remembered = second.port;
    await second.close();
    const third = await open(greeting, { port: undefined, preferredPort: remembered });
    expect(third.port).toBe(remembered);
  });

  it("moves all addresses to the next port when one of them is taken: never half up", async () => {
    // A port that the system gave: none of the well-known ones, which other programs may have on the other address.
    const first = await open(greeting, { port: 0, bind: ["127.0.0.2"] });
    const both = await open(greeting, {
      port: undefined,
      preferredPort: first.port,
      bind: ["127.0.0.1", "127.0.0.2"],
    });
    expect(both.port).not.toBe(first.port);
    expect(both.addresses).toEqual(["127.0.0.1", "127.0.0.2"]);
    // What was opened on the way is closed again.
    const again = await open(greeting, { port: first.port, bind: ["127.0.0.1"] });
    expect(again.port).toBe(first.port);
  });

  it("opens nothing when one of several addresses fails on the port asked for", async () => {
    const taken = await occupy("127.0.0.2");
    await expect(listen({ port: taken, bind: ["127.0.0.1", "127.0.0.2"] }, greeting)).rejects.toThrow(
      ListenError,
    );
    const alone = await open(greeting, { port: taken });
    expect(alone.port).toBe(taken);
  });

  it("names an address that isn't ours, and one that is none", async () => {
    await expect(listen({ port: 0, bind: ["192.0.2.1"] }, greeting)).rejects.toThrow("--bind");
    await expect(listen({ port: 0, bind: ["localhost"] }, greeting)).rejects.toThrow("not an IP address");
  });

  it("answers over IPv4 and IPv6 alike", async () => {
    const { port } = await open(greeting, { bind: [] });
    for (const host of ["127.0.0.1", "::1"]) {
      const socket = await dial(port, host);
      socket.write("GET /both HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      expect(await readAll(socket)).toContain("GET /both");
    }
  });
});

describe("close", () => {
  it("cuts HTTP, peers and the undecided, and frees the port", async () => {
    let served = 0;
    const listener = await open({ request: () => void served++, peer: () => void served++ });
    const { port } = listener;
    const sockets = await Promise.all([dial(port), dial(port), dial(port)]);
    sockets[0]?.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    sockets[1]?.write(HANDSHAKE);
    await expect.poll(() => served).toBe(2);
    const ends = sockets.map(readAll);
    await listener.close();
    expect(await Promise.all(ends)).toEqual(["", "", ""]);
    const again = await open(greeting, { port });
    expect(again.port).toBe(port);
  });
});
