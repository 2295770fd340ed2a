import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { fetchTorrent, type Unfinished } from "../../src/client/http/fetch-torrent.ts";
import { httpGet } from "../../src/client/http/http-get.ts";
import { FetchError } from "../../src/client/http/http-open.ts";
import { systemClock } from "../../src/platform/clock.ts";

const TORRENT = Buffer.from("d4:infod4:name1:aee");
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  // listening on TCP, so it is not a pipe's name
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function fetched(url: string, onUnfinished: (status: Unfinished | undefined) => void = () => {}) {
  const options = { userAgent: "test", clock: systemClock, onUnfinished };
  return fetchTorrent(url, options, AbortSignal.timeout(20_000));
}

describe("a torrent from a URL", () => {
  it("is waited for while the publisher's machine is busy: somebody took the call", async () => {
    const base = await serve((_request, response) => {
      setTimeout(() => response.end(TORRENT), 11_000);
    });
    expect(Buffer.from((await fetched(base)).bytes)).toEqual(TORRENT);
  });

  it("asks for a torrent and tells where it came from after redirects", async () => {
    const base = await serve((request, response) => {
      if (request.url === "/old") response.writeHead(302, { location: "/s/abc" }).end();
      else if (request.headers.accept === "application/x-bittorrent") response.end(TORRENT);
      else response.writeHead(406).end();
    });
    const { bytes, url } = await fetched(`${base}/old`);
    expect(Buffer.from(bytes)).toEqual(TORRENT);
    expect(url).toBe(`${base}/s/abc`);
  });

  it("unpacks what was compressed unasked", async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(TORRENT));
    });
    expect(Buffer.from((await fetched(base)).bytes)).toEqual(TORRENT);
  });

  it("waits while the publisher hashes and tells how far it is", async () => {
    let asked = 0;
    const base = await serve((_, response) => {
      if (++asked > 2) response.end(TORRENT);
      else {
        response.writeHead(503, { "content-type": "application/json" });
        response.end(JSON.stringify({ name: "photos", files: 3, bytes: 300, bytesDone: asked * 100 }));
      }
    });
    const told: (Unfinished | undefined)[] = [];
    await fetched(base, (status) => told.push(status));
    expect(told).toEqual([
      { name: "photos", files: 3, bytes: 300, bytesDone: 100 },
      { name: "photos", files: 3, bytes: 300, bytesDone: 200 },
    ]);
  });

  it("stops waiting when it is told to", async () => {
    const base = await serve((_, response) => {
      response.writeHead(503, { "content-type": "application/json" }).end('{"name":"x"}');
    });
    const abort = new AbortController();
    const waiting = fetchTorrent(
      base,
      { userAgent: "test", clock: systemClock, onUnfinished: () => abort.abort(new Error("enough")) },
      abort.signal,
    );
    await expect(waiting).rejects.toThrow("enough");
  });
});

describe("what is no torrent", () => {
  it.each<[string, RequestListener, RegExp]>([
    [
      "a web page",
      (_, r) => r.setHeader("content-type", "text/html").end("<!doctype html>"),
      /is a web page/,
    ],
    ["nothing", (_, r) => r.writeHead(404).end(), /There is nothing at .* \(404\)/],
    [
      "another kind of file",
      (_, r) => r.setHeader("content-type", "image/png").end("\x89PNG"),
      /but image\/png/,
    ],
    ["an empty answer", (_, r) => r.end(), /is not a torrent/],
    ["a server error", (_, r) => r.writeHead(500).end(), /error \(500\)/],
    [
      "a redirect to itself",
      (_, r) => r.writeHead(301, { location: "/" }).end(),
      /redirects more than 5 times/,
    ],
    [
      "a redirect to a file",
      (_, r) => r.writeHead(301, { location: "file:///etc/passwd" }).end(),
      /only http/,
    ],
    ["a malformed redirect", (_, r) => r.writeHead(301, { location: "http://[" }).end(), /redirects to/],
    [
      "an unknown encoding",
      (_, r) => r.writeHead(200, { "content-encoding": "zstd" }).end("x"),
      /encoded as/,
    ],
    [
      "broken compression",
      (_, r) => r.writeHead(200, { "content-encoding": "gzip" }).end("not gzip"),
      /fetched/,
    ],
    [
      "a cut-off answer",
      (_, r) => void r.writeHead(200, { "content-length": 99 }).write("d", () => r.destroy()),
      /./,
    ],
  ])("says so for %s", async (_, listener, message) => {
    const base = await serve(listener);
    const error = await fetched(base).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FetchError);
    expect((error as FetchError).message).toMatch(message);
  });

  it("stops at 10 MB of what a small answer unpacks to", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const base = await serve((_, r) => r.writeHead(200, { "content-encoding": "gzip" }).end(bomb));
    await expect(fetched(base)).rejects.toThrow(/more than 10 MB/);
  });

  it("says that nobody listens", async () => {
    const base = await serve(() => {});
    server?.close();
    await expect(fetched(base)).rejects.toThrow(/Nobody listens at 127\.0\.0\.1/);
  });

  it("says that a name is unknown", async () => {
    await expect(fetched("http://nobody.invalid/x")).rejects.toThrow(/name nobody\.invalid .* not known/);
  });

  it("does not trust a certificate that nobody vouches for", async () => {
    server = createSecureServer({ key: SELF_SIGNED_KEY, cert: SELF_SIGNED }, (_, response) =>
      response.end(TORRENT),
    );
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    // listening on TCP, so it is not a pipe's name
    const { port } = server.address() as AddressInfo;
    await expect(fetched(`https://localhost:${port}/`)).rejects.toThrow(
      /certificate of localhost can't be trusted/,
    );
  });

  it("says that http, not https, is spoken", async () => {
    const base = await serve((_, r) => r.end());
    await expect(fetched(base.replace("http:", "https:"))).rejects.toThrow(/doesn't speak https/);
  });
});

describe("a public server's redirect", () => {
  it("never leads to a local address", async () => {
    let reached = false;
    const base = await serve((request, response) => {
      if (request.url === "/secret") reached = true;
      response.writeHead(302, { location: "/secret" }).end();
    });
    // The same server plays the public one: only what its address is called differs.
    const judged: string[] = [];
    const isLocalAddress = (address: string) => {
      judged.push(address);
      return judged.length > 1;
    };
    const options = { accept: "*/*", maxBytes: 100, userAgent: "test", isLocalAddress };
    await expect(httpGet(base, options, AbortSignal.timeout(5_000))).rejects.toThrow(
      /local network.*not contacted/,
    );
    expect(judged).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(reached).toBe(false);
  });
});

/** Made for this test, used nowhere else. */
const SELF_SIGNED_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh7DyXLpBMFmyvb+P
Ha2gX2hrR7ULfmWK4r7K8HJVBIKhRANCAASs61YfJVhpsoQ4JAZnGjOulFtimAHV
vhEu4p1XqxZG3O5YKr5Xnjj0q+miiOsGACJXyxIB+nxaZjfYLOJ2F9s/
-----END PRIVATE KEY-----`;
const SELF_SIGNED = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUMQd6lfBR4QPuXeC19NlUmvuZ+bYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAyMzAzMVoYDzIxMjYxMDMw
MDIzMDMxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASs61YfJVhpsoQ4JAZnGjOulFtimAHVvhEu4p1XqxZG3O5YKr5Xnjj0
q+miiOsGACJXyxIB+nxaZjfYLOJ2F9s/o1MwUTAdBgNVHQ4EFgQUHylTBh2aOI76
XyIY/nry3Jj1QnEwHwYDVR0jBBgwFoAUHylTBh2aOI76XyIY/nry3Jj1QnEwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAgMilmRb2+crP2+nyr4m/
ipvqTEL6YQ3qTW7LWEpUh+ICIQDwBbkJCKwftlkSS12CM66SRCd64pDUfuGyZDUb
ypKYsQ==
-----END CERTIFICATE-----`;
