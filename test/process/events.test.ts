import { once } from "node:events";
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createWeb } from "../../src/httpd/app.ts";
import type { Room, Share } from "../../src/httpd/model.ts";
import { type Listener, listen } from "../../src/platform/listener.ts";
import { catalog, emptyRoom, share } from "../support/catalog.ts";

let room: Room;
let shares: Share[];
let listener: Listener;
const requests: ClientRequest[] = [];

beforeEach(async () => {
  room = emptyRoom;
  shares = [share({ files: [], room: () => room })];
  const shared = {
    listed: () => catalog(...shares).listed(),
    get: (id: string) => catalog(...shares).get(id),
  };
  const web = createWeb({ catalog: shared, version: "1.2.3", hostNames: () => [] });
  listener = await listen({ port: 0, bind: ["127.0.0.1"] }, { request: web });
});
afterEach(async () => {
  for (const request of requests.splice(0)) request.destroy();
  await listener.close();
});

interface Stream {
  readonly response: IncomingMessage;
  /** What came so far. */
  readonly text: () => string;
}

async function open(path: string): Promise<Stream> {
  const request = get({ port: listener.port, host: "127.0.0.1", path, agent: false });
  requests.push(request);
  request.on("error", () => {});
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("error", () => {});
  response.on("data", (piece: string) => {
    text += piece;
  });
  return { response, text: () => text };
}

const messages = ({ text }: Stream) => text().match(/^data: /gm)?.length ?? 0;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

it("says at once how it is, then only what has changed", async () => {
  const stream = await open("/s/k3f9x2/events");
  expect(stream.response.headers).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
  });
  await expect.poll(() => messages(stream)).toBe(1);
  await pause(2_200);
  expect(messages(stream)).toBe(1);
  room = { ...emptyRoom, completed: 3 };
  await expect.poll(() => messages(stream), { timeout: 3_000 }).toBe(2);
  expect(stream.text()).toContain("Everyone has it: safe to stop");
  // Each message is one line, whatever is in it.
  expect(stream.text()).toMatch(/^retry: 2000\n\n(data: \{.*\}\n\n){2}$/);
});

it("takes sixty-four readers, tells the next to come later, and has room again when one leaves", async () => {
  const streams = await Promise.all(Array.from({ length: 64 }, () => open("/s/k3f9x2/events")));
  expect(new Set(streams.map(({ response }) => response.statusCode))).toEqual(new Set([200]));
  const refused = await open("/events");
  expect([refused.response.statusCode, refused.response.headers["retry-after"]]).toEqual([503, "1"]);
  requests[0]?.destroy();
  await expect.poll(async () => (await open("/events")).response.statusCode).toBe(200);
});

it("lets go of a reader that reads nothing, and serves the others on", async () => {
  const stalled = connect({ port: listener.port, host: "127.0.0.1" });
  stalled.on("error", () => {});
  stalled.write("GET /s/k3f9x2/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  stalled.pause();
  let closed = false;
  stalled.once("close", () => {
    closed = true;
  });
  const other = await open("/s/k3f9x2/events");
  // Names of 40 kB, a hundred rows: four megabytes a second fill what the kernel keeps for the reader.
  let turn = 0;
  const client = "x".repeat(40_000);
  const receivers = Array.from({ length: 100 }, (_, i) => ({
    key: String(i),
    client,
    host: "10.0.0.2",
    progress: 0.5,
    rate: 1,
    state: "receiving" as const,
  }));
  shares = [share({ files: [], room: () => ({ ...emptyRoom, receivers, upRate: ++turn, uploaded: 1 }) })];
  await expect.poll(() => messages(other), { timeout: 30_000, interval: 500 }).toBeGreaterThan(4);
  stalled.resume();
  await expect.poll(() => closed, { timeout: 10_000 }).toBe(true);
  expect(other.response.destroyed).toBe(false);
});

it("ends when the share is gone, and with the listener", async () => {
  const stream = await open("/s/k3f9x2/events");
  const index = await open("/events");
  expect(index.response.statusCode).toBe(200);
  shares = [];
  await expect.poll(() => stream.response.complete, { timeout: 3_000 }).toBe(true);
  expect((await open("/s/k3f9x2/events")).response.statusCode).toBe(404);
  await listener.close();
  await expect.poll(() => index.response.closed).toBe(true);
});

it("answers HEAD without a stream", async () => {
  const answer = await fetch(`http://127.0.0.1:${listener.port}/s/k3f9x2/events`, { method: "HEAD" });
  expect([answer.status, await answer.text()]).toEqual([200, ""]);
});
