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
    ["cut nodes", `d1:rd2:id20:${OTHER}5:nodes5:abcdee1:t2:aa1:y1:re`],
    ["peers that are numbers", `d1:rd2:id20:${OTHER}6:valuesli1eee1:t2:aa1:y1:re`],
    ["an unknown kind", "d1:t2:aa1:y1:xe"],
    ["a list", "le"],
    ["too much", `d1:ad2:id20:${ID}1:x1500:${"x".repeat(1500)}e1:q4:ping1:t2:aa1:y1:qe`],
  ])("are passed over with %s", (_, text) => {
    expect(kindOfKrpc(fromLatin1(text))).toBeUndefined();
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
