import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { Dht } from "../../../src/client/discovery/dht.ts";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash } from "../../../src/protocol/ids.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const ID = "abcdefghij0123456789";
const PING = fromLatin1(`d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:y1:qe`);
const sent: { text: string; to: string }[] = [];
let dht: Dht | undefined;
afterEach(() => dht?.close());

function started(): { node: Dht; clock: FakeClock } {
  const clock = new FakeClock();
  // A literal, so that no name is looked up.
  const node = new Dht({ port: 6881, clock, bootstrap: ["127.0.0.1:9"] });
  dht = node;
  sent.length = 0;
  node.start((bytes, port, host) => sent.push({ text: toLatin1(bytes), to: `${host}:${port}` }));
  return { node, clock };
}

const answers = () => sent.filter(({ text }) => text.includes("1:y1:r"));

it("answers queries, to whoever asked, and no more than are reasonable in a second", async () => {
  const { node, clock } = started();
  expect(node.receive(PING, "10.0.0.9", 700)).toBe(true);
  expect(answers()).toMatchObject([{ to: "10.0.0.9:700" }]);
  for (let i = 0; i < 1000; i++) node.receive(PING, "10.0.0.9", 700);
  expect(answers().length).toBe(200);
  await clock.advance(1000);
  node.receive(PING, "10.0.0.9", 700);
  expect(answers().length).toBe(201);
});

it("leaves what isn't the DHT's to others, and survives what only looks like it", () => {
  const { node } = started();
  expect(node.receive(fromLatin1("\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\0\0\0\x01"), "10.0.0.9", 700)).toBe(
    false,
  );
  const names = fc.constantFrom("ping", "find_node", "get_peers", "announce_peer", "get", "put");
  const value = fc.constantFrom("le", "i1e", "0:", `20:${ID}`, "de", "3:abc");
  const query = fc
    .tuple(names, value, value, value, value)
    .map(
      ([name, target, hash, port, token]) =>
        `d1:ad2:id20:${ID}9:info_hash${hash}4:port${port}6:target${target}5:token${token}e1:q${name.length}:${name}1:t2:aa1:y1:qe`,
    );
  const reply = fc
    .tuple(value, value, value)
    .map(
      ([nodes, token, values]) =>
        `d1:rd2:id20:${ID}5:nodes${nodes}5:token${token}6:values${values}e1:t2:\0\x011:y1:re`,
    );
  fc.assert(
    fc.property(fc.oneof(query, reply), (text) => {
      expect(node.receive(fromLatin1(text), "10.0.0.9", 700)).toBe(true);
    }),
  );
});

it("asks a node that a peer tells of, and knows it when it answers", () => {
  const { node } = started();
  sent.length = 0;
  node.meet("10.0.0.9", 700);
  const [ping] = sent;
  expect(ping).toMatchObject({ to: "10.0.0.9:700", text: expect.stringContaining("q4:ping") });
  const transaction = /1:t2:([^]{2})1:y1:q/.exec(ping?.text ?? "")?.[1] ?? "";
  expect(node.nodes).toBe(0);
  node.receive(fromLatin1(`d1:rd2:id20:${ID}e1:t2:${transaction}1:y1:re`), "10.0.0.9", 700);
  expect(node.nodes).toBe(1);
});

it("asks nobody at an address where none of its nodes can be", () => {
  const { node } = started();
  sent.length = 0;
  node.meet("fd00::9", 700);
  node.meet("10.0.0.9", 0);
  node.meet("nonsense", 700);
  expect(sent).toEqual([]);
});

it("knows nodes of the IPv6 network by their own addresses, and answers them there", () => {
  const node = new Dht({ port: 6881, clock: new FakeClock(), bootstrap: [], family: 6 });
  dht = node;
  sent.length = 0;
  node.start((bytes, port, host) => sent.push({ text: toLatin1(bytes), to: `[${host}]:${port}` }));
  node.meet("10.0.0.9", 700);
  expect(sent).toEqual([]);
  node.meet("fd00::9", 700);
  expect(sent).toMatchObject([{ to: "[fd00::9]:700" }]);
  node.receive(PING, "fd00::a", 701);
  expect(answers()).toMatchObject([{ to: "[fd00::a]:701" }]);
});

it("says nothing more, and answers nobody, once it's closed", async () => {
  const { node } = started();
  node.seek(infoHash(new Uint8Array(20)), () => undefined);
  await node.close();
  const before = sent.length;
  node.receive(PING, "10.0.0.9", 700);
  expect(sent.length).toBe(before);
  dht = undefined;
});
