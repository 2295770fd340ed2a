import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindOfKrpc, looksLikeKrpc } from "../../../../src/client/core/krpc.ts";
import { fromLatin1 } from "../../../../src/protocol/bytes.ts";

const ID = "abcdefghij0123456789";
const OTHER = "mnopqrstuvwxyz123456";

describe("messages of the DHT", () => {
  it.each([
    ["a ping", `d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:y1:qe`, "query"],
    ["find_node", `d1:ad2:id20:${ID}6:target20:${OTHER}e1:q9:find_node1:t2:aa1:y1:qe`, "query"],
    ["get_peers", `d1:ad2:id20:${ID}9:info_hash20:${OTHER}e1:q9:get_peers1:t2:aa1:y1:qe`, "query"],
    [
      "announce_peer",
      `d1:ad2:id20:${ID}12:implied_porti1e9:info_hash20:${OTHER}4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe`,
      "query",
    ],
    ["an answer", `d1:rd2:id20:${OTHER}5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re`, "reply"],
    ["an answer that says who we are", `d2:ip6:aaaabb1:rd2:id20:${OTHER}e1:t2:aa1:y1:re`, "reply"],
    [
      "get_peers' nodes",
      `d1:rd2:id20:${OTHER}5:nodes52:${ID.repeat(2)}abcdefghijkl5:token0:e1:t2:aa1:y1:re`,
      "reply",
    ],
    ["no peers", `d1:rd2:id20:${OTHER}6:valueslee1:t2:aa1:y1:re`, "reply"],
    [
      "an announcement without a port",
      `d1:ad2:id20:${ID}9:info_hash20:${OTHER}5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`,
      "query",
    ],
    ["the longest transaction", `d1:ad2:id20:${ID}e1:q4:ping1:t32:${"t".repeat(32)}1:y1:qe`, "query"],
    ["an error", "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee", "reply"],
  ])("are taken as BEP 5 writes them: %s", (_, text, kind) => {
    expect(looksLikeKrpc(fromLatin1(text))).toBe(true);
    expect(kindOfKrpc(fromLatin1(text))).toBe(kind);
  });

  it.each([
    ["no arguments", "d1:q4:ping1:t2:aa1:y1:qe"],
    ["arguments that are no dictionary", "d1:ali1ee1:q4:ping1:t2:aa1:y1:qe"],
    ["no name", `d1:ad2:id20:${ID}e1:t2:aa1:y1:qe`],
    ["a short id", "d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe"],
    ["an id that is a number", "d1:ad2:idi5ee1:q4:ping1:t2:aa1:y1:qe"],
    ["no target", `d1:ad2:id20:${ID}e1:q9:find_node1:t2:aa1:y1:qe`],
    ["a target that is a list", `d1:ad2:id20:${ID}6:targetlee1:q9:find_node1:t2:aa1:y1:qe`],
    ["no transaction", `d1:ad2:id20:${ID}e1:q4:ping1:y1:qe`],
    ["storing something (BEP 44)", `d1:ad2:id20:${ID}5:token1:x1:v1:xe1:q3:put1:t2:aa1:y1:qe`],
    [
      "an announcement without a token",
      `d1:ad2:id20:${ID}9:info_hash20:${OTHER}e1:q13:announce_peer1:t2:aa1:y1:qe`,
    ],
    ["an empty transaction", `d1:ad2:id20:${ID}e1:q4:ping1:t0:1:y1:qe`],
    ["a long transaction", `d1:ad2:id20:${ID}e1:q4:ping1:t33:${"t".repeat(33)}1:y1:qe`],
    ["a transaction that is a number", `d1:ad2:id20:${ID}e1:q4:ping1:ti5e1:y1:qe`],
    ["a number for a kind", `d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:yi5ee`],
    ["peers asked for without a hash", `d1:ad2:id20:${ID}e1:q9:get_peers1:t2:aa1:y1:qe`],
    ["an announcement without a hash", `d1:ad2:id20:${ID}5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`],
    [
      "a port that is text",
      `d1:ad2:id20:${ID}9:info_hash20:${OTHER}4:port4:68815:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`,
    ],
    [
      "a token that is a number",
      `d1:ad2:id20:${ID}9:info_hash20:${OTHER}5:tokeni5ee1:q13:announce_peer1:t2:aa1:y1:qe`,
    ],
    ["an answer that is a list", "d1:rle1:t2:aa1:y1:re"],
    ["no answer", "d1:t2:aa1:y1:re"],
    ["an answer without an id", "d1:rde1:t2:aa1:y1:re"],
    ["nodes that are a list", `d1:rd2:id20:${OTHER}5:nodeslee1:t2:aa1:y1:re`],
    ["an answer's token that is a number", `d1:rd2:id20:${OTHER}5:tokeni5ee1:t2:aa1:y1:re`],
    ["peers that are one text", `d1:rd2:id20:${OTHER}6:values6:abcdefe1:t2:aa1:y1:re`],
    ["a peer cut off among others", `d1:rd2:id20:${OTHER}6:valuesl6:abcdef5:abcdeee1:t2:aa1:y1:re`],
    ["an error that is a text", "d1:e3:abc1:t2:aa1:y1:ee"],
    ["no error", "d1:t2:aa1:y1:ee"],
    ["a text", "4:ping"],
    ["cut nodes", `d1:rd2:id20:${OTHER}5:nodes5:abcdee1:t2:aa1:y1:re`],
    ["peers that are numbers", `d1:rd2:id20:${OTHER}6:valuesli1eee1:t2:aa1:y1:re`],
    ["an unknown kind", "d1:t2:aa1:y1:xe"],
    ["a list", "le"],
    ["too much", `d1:ad2:id20:${ID}1:x1500:${"x".repeat(1500)}e1:q4:ping1:t2:aa1:y1:qe`],
  ])("are passed over with %s", (_, text) => {
    expect(kindOfKrpc(fromLatin1(text))).toBeUndefined();
  });

  it("are read up to 1500 bytes", () => {
    const ofLength = (length: number) =>
      fromLatin1(
        `d1:ad2:id20:${ID}1:x1400:${"x".repeat(1400)}e1:q4:ping1:t2:aa1:v${length - 1470}:${"v".repeat(length - 1470)}1:y1:qe`,
      );
    expect(ofLength(1500)).toHaveLength(1500);
    expect([1499, 1500, 1501].map((length) => kindOfKrpc(ofLength(length)))).toEqual([
      "query",
      "query",
      undefined,
    ]);
  });

  it("nest no deeper than BEP 5 does, and don't say endlessly much", () => {
    const ping = (more: string) =>
      kindOfKrpc(fromLatin1(`d1:ad2:id20:${ID}1:x${more}e1:q4:ping1:t2:aa1:y1:qe`));
    expect([ping("llee"), ping("lllleeee")]).toEqual(["query", undefined]);
    expect([ping(`l${"le".repeat(100)}e`), ping(`l${"le".repeat(500)}e`)]).toEqual(["query", undefined]);
  });

  it("are told by their first three bytes and the last", () => {
    const looks = (text: string) => looksLikeKrpc(fromLatin1(text));
    expect(["d1:e", "d9:e", "d2: anything e"].map(looks)).toEqual([true, true, true]);
    expect(["e1:e", "d0:e", "d::e", "dx:e", "d1-e", "d1:d", "d12:e", "d"].map(looks)).toEqual(
      Array(8).fill(false),
    );
  });

  it("are judged without an error, whatever the bytes", () => {
    const ping = fromLatin1(`d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:y1:qe`);
    const damaged = fc.tuple(fc.nat(ping.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = ping.slice();
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        looksLikeKrpc(bytes);
        expect([undefined, "query", "reply"]).toContain(kindOfKrpc(bytes));
      }),
    );
  });

  it("don't look like requests to a UDP tracker", () => {
    expect(looksLikeKrpc(fromLatin1("\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\0\0\0\x01"))).toBe(false);
    expect(looksLikeKrpc(new Uint8Array(0))).toBe(false);
  });
});
