/** The way past Node's HTTP parser: nobody can tell it from Node's, whatever is sent and however it is cut. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type Listener, type ListenOptions, listen } from "../../src/platform/listener.ts";
import { fromLatin1 } from "../../src/protocol/bytes.ts";
import { infoHash, peerId } from "../../src/protocol/ids.ts";
import { parseNetwork } from "../../src/protocol/proxy-rule.ts";
import { TrackerStore } from "../../src/tracker/core/store.ts";
import { createPlainAnnounces, createTrackerHttp } from "../../src/tracker/http.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  ODD_BODIES,
  ODD_FIELDS,
  ODD_HOSTS,
  ODD_METHODS,
  ODD_TARGETS,
  ODD_VERSIONS,
  USUAL_FIELDS,
} from "../support/odd-requests.ts";
import { seededRandom } from "../support/seeded-random.ts";

const HASH = infoHash(fromLatin1("listed-listed-listed"));
const HIDDEN = infoHash(fromLatin1("hidden-hidden-hidden"));
const OWN = peerId(fromLatin1("-BJ0100-own-seeder-0"));
/** Finds what is rare: `FAST_LANE_RUNS=20000 npx vitest run --project process fast-lane`. */
const RUNS = Number(process.env["FAST_LANE_RUNS"] ?? 250);

/** A tracker on a port of its own, with Node's parser alone or the fast lane beside it. */
class Post {
  readonly #isFast: boolean;
  readonly #proxies: string | undefined;
  #listener: Listener | undefined;
  #answer: Pick<Parameters<typeof listen>[1], "request" | "plainGets"> = {};
  store = new TrackerStore({ clock: new FakeClock(), random: seededRandom(1) });
  /** How many announces went past Node. */
  plain = 0;

  constructor(isFast: boolean, proxies?: string) {
    this.#isFast = isFast;
    this.#proxies = proxies;
    this.renew();
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async open(options: Partial<ListenOptions> = {}): Promise<void> {
    this.#listener = await listen(
      { port: 0, bind: ["127.0.0.1"], ...options },
      {
        request: (request, response) => this.#answer.request?.(request, response),
        plainGets: (socket) => this.#answer.plainGets?.(socket),
      },
    );
  }

  /** A fresh store, the same for all who do this. */
  renew(extra: { readonly seeder?: typeof OWN } = {}): void {
    this.store = new TrackerStore({ clock: new FakeClock(), random: seededRandom(1) });
    this.store.register({ id: "k3f9x2ab", infoHash: HASH, listed: true, totalBytes: 1_000, ...extra });
    this.store.register({ id: "hidden00/token", infoHash: HIDDEN, listed: false, totalBytes: 1_000 });
    const proxies = this.#proxies === undefined ? [] : [parseNetwork(this.#proxies) ?? expect.fail()];
    const tracked = { store: this.store, hostNames: () => ["bench"], proxies };
    const plain = this.#isFast ? createPlainAnnounces(tracked) : undefined;
    this.#answer = {
      request: createTrackerHttp(tracked),
      plainGets: (socket) => {
        const answer = plain?.(socket);
        if (answer === undefined) return undefined;
        return (request) => {
          const body = answer(request);
          if (body !== undefined) this.plain++;
          return body;
        };
      },
    };
  }

  /** What the tracker knows now. */
  state(): unknown {
    const { counters, totalPeers } = this.store;
    return { ...counters, totalPeers, peers: [HASH, HIDDEN].map((hash) => this.store.peers(hash, 100)) };
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.store.close();
  }
}

const posts: Post[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const post of posts.splice(0)) await post.close();
});

async function openPost(options: Partial<ListenOptions> = {}, isFast = true, proxies?: string) {
  const post = new Post(isFast, proxies);
  posts.push(post);
  await post.open(options);
  return post;
}

async function dial(post: Post): Promise<Socket> {
  const socket = connect({ port: post.port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  sockets.push(socket);
  socket.on("error", () => {}).on("end", () => socket.end());
  await once(socket, "connect");
  return socket;
}

/** All that comes until the connection is closed, without what is the moment's. */
async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  await once(socket, "close");
  return text.replaceAll(/^Date: [\w ,:]+ GMT\r\n/gm, "Date\r\n");
}

/** Sends pieces one by one, each in a packet of its own, and then no more. */
async function converse(post: Post, pieces: readonly string[]): Promise<string> {
  const socket = await dial(post);
  const answers = readAll(socket);
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    await turn();
    if (pieces.length > 1) await turn();
  }
  socket.end();
  return await answers;
}

const escape = (bytes: Uint8Array) =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

function target(n: number, extra = "", path = "/announce", hash: Uint8Array = HASH): string {
  return `${path}?info_hash=${escape(hash)}&peer_id=-XX0000-${String(n).padStart(12, "0")}&port=${7_000 + n}&left=${n % 3}&compact=1${extra}`;
}

function head(n: number, fields = "", line = `GET ${target(n)} HTTP/1.1`): string {
  return `${line}\r\nHost: 127.0.0.1:6881\r\n${fields}\r\n`;
}

const nth = fc.integer({ min: 1, max: 40 });
const mostly = <T>(weight: number, usual: fc.Arbitrary<T>, ...odd: readonly T[]) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const targets = fc.oneof(
  { weight: 12, arbitrary: nth.map((n) => target(n)) },
  { weight: 2, arbitrary: nth.map((n) => target(n, "&numwant=0&event=stopped")) },
  { weight: 2, arbitrary: nth.map((n) => target(n, "&compact=0")) },
  { weight: 2, arbitrary: nth.map((n) => target(n, "", "/announce/hidden00/token", HIDDEN)) },
  { weight: 1, arbitrary: nth.map((n) => target(n, "", "/announce/hidden00/wrong", HIDDEN)) },
  { weight: 1, arbitrary: nth.map((n) => target(n, "", "/announce", new Uint8Array(20))) },
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TARGETS) },
);
const lines = fc
  .tuple(
    mostly(12, fc.constant("GET"), ...ODD_METHODS),
    targets,
    mostly(12, fc.constant(" HTTP/1.1"), ...ODD_VERSIONS),
  )
  .map(([method, path, version]) => `${method} ${path}${version}`);
const hosts = mostly(
  10,
  fc.constantFrom("127.0.0.1:6881", "localhost", "bench:80", "[::1]:6881", "::1:6881"),
  ...ODD_HOSTS,
);
/** A request as clients send it, with now and then something else in it. */
const heads = fc
  .record({
    line: lines,
    host: hosts,
    fields: fc.array(mostly(5, fc.constantFrom(...USUAL_FIELDS), ...ODD_FIELDS), {
      maxLength: 4,
    }),
    /** Where `Host` stands; rarely nowhere. */
    place: fc.oneof({ weight: 20, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constant(undefined) }),
    body: mostly(12, fc.constant(""), ...ODD_BODIES),
  })
  .map(({ line, host, fields, place, body }) => {
    const all = [...fields];
    if (place !== undefined) all.splice(place, 0, `Host: ${host}`);
    return `${[line, ...all].join("\r\n")}\r\n\r\n${body}`;
  });
/** Puts a byte in, takes one out, or changes one. */
const blows = fc.record({
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  byte: fc.constantFrom(
    "\0",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    "\u007f",
    "\u0080",
    "\u00ff",
    "\v",
    "\r\n",
    "a",
    "\r\n\r\n",
    "",
  ),
  cut: fc.integer({ min: 0, max: 2 }),
});
const messages = fc
  .tuple(
    heads,
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(blows, { maxLength: 2 }) },
    ),
  )
  .map(([text, mutations]) => {
    let result = text;
    for (const { at, byte, cut } of mutations) {
      const where = Math.floor(at * result.length);
      result = result.slice(0, where) + byte + result.slice(where + cut);
    }
    return result;
  });

/**
 * When what follows a request in the same packet is none, Node may cut the connection before it has sent the answer, and
 * says why only when the answers before have left. So what it says last is compared only when it says nothing else.
 */
function withoutParting(answers: string): string {
  return answers.replace(/(?<=.)HTTP\/1\.1 4\d\d [\w ]+\r\nConnection: close\r\n\r\n$/s, "");
}

function expectBeginning(answers: string, beginning: string): void {
  const part = withoutParting(beginning);
  expect(withoutParting(answers).slice(0, part.length)).toBe(part);
}

describe("the fast lane beside Node's parser", () => {
  /** Says the same to both, and compares what they say and know. */
  async function compare(pieces: readonly string[], node: Post, fast: Post): Promise<void> {
    node.renew();
    fast.renew();
    const [expected, actual] = [await converse(node, pieces), await converse(fast, pieces)];
    expect(fast.state()).toEqual(node.state());
    if (actual === expected) return;
    // The fast lane may say more: all that Node says when it has the time.
    expectBeginning(actual, expected);
    node.renew();
    const unhurried = await converse(node, pieces.join("").split(""));
    expectBeginning(unhurried, actual);
  }

  it("answers what Node answers to each oddity by itself, between two that are plain", async () => {
    const [node, fast] = [await openPost({}, false), await openPost()];
    const announce = target(2);
    const odd = [
      ...ODD_TARGETS.map((each) => head(2, "", `GET ${each} HTTP/1.1`)),
      ...ODD_METHODS.map((each) => head(2, "", `${each} ${announce} HTTP/1.1`)),
      ...ODD_VERSIONS.map((each) => head(2, "", `GET ${announce}${each}`)),
      ...ODD_HOSTS.map((each) => `GET ${announce} HTTP/1.1\r\nHost: ${each}\r\n\r\n`),
      ...ODD_FIELDS.map((each) => head(2, `${each}\r\n`)),
      ...ODD_FIELDS.map((each) => `GET ${announce} HTTP/1.1\r\n${each}\r\nHost: 127.0.0.1:6881\r\n\r\n`),
      ...ODD_BODIES.map((each) => head(2) + each),
      ...ODD_BODIES.map((each) => head(2, "Connection: close\r\n") + each),
    ];
    for (const each of odd) {
      await compare([head(1), each, head(3)], node, fast);
      await compare([head(1) + each + head(3)], node, fast);
    }
    expect(fast.plain).toBeGreaterThan(2 * odd.length);
  });

  it.each([
    ["one packet for all", RUNS, (texts: readonly string[]) => [texts.join("")]],
    ["one packet a request", RUNS, (texts: readonly string[]) => texts],
    [
      "one packet a byte",
      Math.ceil(RUNS / 25),
      (texts: readonly string[]) => texts.join("").slice(0, 1_500).split(""),
    ],
    [
      "packets that end anywhere",
      RUNS,
      (texts: readonly string[]) => texts.join("").match(/[^]{1,600}/g) ?? [],
    ],
  ])("answers what Node answers, with %s", async (_, numRuns, cut) => {
    const [node, fast] = [await openPost({}, false), await openPost()];
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { minLength: 1, maxLength: 4 }), async (texts) =>
        compare(cut(texts), node, fast),
      ),
      { numRuns, seed: Number(process.env["FAST_LANE_SEED"] ?? 20_261_123) },
    );
    expect(node.plain).toBe(0);
    // Else nothing was compared.
    if (numRuns === RUNS) expect(fast.plain).toBeGreaterThan(numRuns / 4);
  });
});

describe("what goes past Node", () => {
  const plain = async (text: string, cut = (all: string) => [all]) => {
    const post = await openPost();
    await converse(post, cut(text));
    return [post.plain, post.store.counters.announces];
  };

  it("is an announce as clients send it, kept or closed, one or many in a packet", async () => {
    const agent = "User-Agent: Transmission/3.00\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip, br\r\n";
    expect(await plain(head(1, agent))).toEqual([1, 1]);
    expect(await plain(head(1, "Connection: close\r\nAccept-Encoding: gzip\r\n"))).toEqual([1, 1]);
    expect(await plain(head(1) + head(2) + head(3))).toEqual([3, 3]);
    expect(await plain(head(1) + head(2), (all) => [all.slice(0, -2), all.slice(-2)])).toEqual([1, 2]);
  });

  it("ends where anything else comes, for good", async () => {
    expect(await plain(head(1) + head(2, "X-Other: 1\r\n") + head(3))).toEqual([1, 3]);
    expect(await plain(head(1) + head(2, "", "GET /scrape HTTP/1.1") + head(3))).toEqual([1, 2]);
    expect(await plain(head(1, "Connection: close\r\n") + head(2))).toEqual([0, 1]);
    expect(await plain(head(1, "Content-Length: 9\r\n") + "GET /ann\r" + head(2))).toEqual([0, 2]);
    expect(await plain(head(1), (all) => [all.slice(0, 60), all.slice(60)])).toEqual([0, 1]);
  });

  it("is nothing when a proxy may speak for others", async () => {
    const post = await openPost({}, true, "127.0.0.1");
    const answer = await converse(post, [head(1, "X-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n")]);
    expect(answer).toContain("external ip4:\u00c6\u0033\u0064\u0007");
    expect(post.plain).toBe(0);
  });

  it("names our own seeder at our end of the connection, or where Host says", async () => {
    const post = await openPost();
    post.renew({ seeder: OWN });
    const peersOf = async (host: string) => {
      const answer = await converse(post, [`GET ${target(1)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`]);
      return Buffer.from(/5:peers6:(.{6})e$/s.exec(answer)?.[1] ?? "", "latin1");
    };
    const portBytes = (port: number) => [port >> 8, port & 255];
    expect([...(await peersOf("localhost"))]).toEqual([127, 0, 0, 1, ...portBytes(post.port)]);
    expect([...(await peersOf("203.0.113.9:7777"))]).toEqual([203, 0, 113, 9, ...portBytes(7_777)]);
    expect(post.plain).toBe(2);
  });
});

describe("limits of the fast lane", () => {
  it.each([true, false])("cuts who sends nothing more, fast lane: %s", async (isFast) => {
    const post = await openPost({ keepAliveTimeout: 1_000 }, isFast);
    const socket = await dial(post);
    const answers = readAll(socket);
    const start = performance.now();
    socket.write(head(1));
    expect(await answers).toContain("Keep-Alive: timeout=1\r\n");
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(post.plain).toBe(isFast ? 1 : 0);
  });

  it("leaves the time for half a request to Node", async () => {
    const post = await openPost({ headersTimeout: 300 });
    const socket = await dial(post);
    const answers = readAll(socket);
    socket.write(head(1));
    await sleep(100);
    socket.write(head(2).slice(0, -1));
    expect(await answers).toMatch(/^HTTP\/1\.1 200 .*HTTP\/1\.1 408 /s);
  });

  it("stops reading from who doesn't read, and answers all of it once it does", async () => {
    const post = await openPost();
    const socket = await dial(post);
    socket.pause();
    const asked = 2_000;
    for (let i = 0; i < asked; i++) {
      socket.write(head(0, "", `GET ${target(1 + (i % 250), "&compact=0&numwant=200")} HTTP/1.1`));
      if (i % 2 === 0) await turn();
    }
    socket.end();
    let before = -1;
    while (before !== post.store.counters.announces) {
      before = post.store.counters.announces;
      await sleep(300);
    }
    expect(before).toBeLessThan(asked);
    const answers = await readAll(socket.resume());
    expect(answers.split("HTTP/1.1 200 OK").length - 1).toBe(asked);
    expect(post.store.counters.announces).toBe(asked);
  });

  it("counts an answer as activity when room is needed", async () => {
    const post = await openPost({ maxConnections: 2 });
    const [older, newer] = [await dial(post), await dial(post)];
    const answered = (socket: Socket) => once(socket, "data");
    newer.write(head(2));
    await answered(newer);
    older.write(head(1));
    await answered(older);
    const cut = once(newer.resume(), "close");
    older.write(head(3));
    await answered(older);
    expect(await converse(post, [head(4)])).toContain("200 OK");
    await cut;
    expect(older.closed).toBe(false);
  });

  it("is cut by close() like everything else", async () => {
    const post = await openPost();
    const socket = await dial(post);
    socket.write(head(1));
    await once(socket, "data");
    const closed = once(socket, "close");
    await post.close();
    await closed;
  });
});
