import { describe, expect, it } from "vitest";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { infoHash } from "../../../src/protocol/ids.ts";
import { PeerList } from "../../../src/tracker/core/peer-list.ts";
import { encodeAnnounce, encodeFailure, encodeScrape } from "../../../src/tracker/core/response.ts";

const ID = fromLatin1("-XX0001-abcdefghijkl");
const SIX = Uint8Array.from([0xfd, ...new Uint8Array(14), 9]);

function answer(peers: readonly Uint8Array[], more: { readonly warning?: string } = {}) {
  const list = new PeerList(10);
  list.reset(10, true);
  for (const ip of peers) list.add(ip, 0x1ae1, ID, 0);
  return {
    counts: { complete: 2, incomplete: 3, downloaded: 4 },
    peers: list,
    interval: 1800,
    minInterval: 60,
    externalIp: Uint8Array.of(10, 0, 0, 9),
    ...more,
  };
}

const say = (bytes: Uint8Array) => toLatin1(bytes);
const START =
  "d8:completei2e10:downloadedi4e11:external ip4:\x0a\0\0\x0910:incompletei3e8:intervali1800e12:min intervali60e";

describe("an answer to an announce", () => {
  it("is compact as BEP 23 and BEP 7 have it, without an empty list of IPv6", () => {
    expect(say(encodeAnnounce(answer([Uint8Array.of(10, 0, 0, 1)]), { compact: true }))).toBe(
      `${START}5:peers6:\x0a\0\0\x01\x1a\xe1e`,
    );
    expect(say(encodeAnnounce(answer([SIX]), { compact: true }))).toBe(
      `${START}5:peers0:6:peers618:\xfd${"\0".repeat(14)}\x09\x1a\xe1e`,
    );
    expect(say(encodeAnnounce(answer([]), { compact: true }))).toBe(`${START}5:peers0:e`);
  });

  it("says the same with a warning, which comes last", () => {
    const warned = answer([Uint8Array.of(10, 0, 0, 1), SIX], { warning: "soon" });
    expect(say(encodeAnnounce(warned, { compact: true }))).toBe(
      `${START}5:peers6:\x0a\0\0\x01\x1a\xe16:peers618:\xfd${"\0".repeat(14)}\x09\x1a\xe115:warning message4:soone`,
    );
  });

  it("lists both families as dictionaries for who wants no compact one (BEP 3)", () => {
    const list = answer([Uint8Array.of(10, 0, 0, 1), SIX]);
    const peer = (ip: string) => `d2:ip${ip.length}:${ip}7:peer id20:${say(ID)}4:porti6881ee`;
    expect(say(encodeAnnounce(list, { compact: false }))).toBe(
      `${START}5:peersl${peer("10.0.0.1")}${peer("fd00::9")}ee`,
    );
  });
});

describe("other answers", () => {
  it("say why not, and when to ask again (BEP 31)", () => {
    expect(say(encodeFailure("no"))).toBe("d14:failure reason2:noe");
    expect(say(encodeFailure("no", 5))).toBe("d14:failure reason2:no8:retry ini5ee");
  });

  it("count swarms by info hash (BEP 48)", () => {
    const scraped = {
      infoHash: infoHash(new Uint8Array(20).fill(0x61)),
      counts: { complete: 1, incomplete: 2, downloaded: 3 },
    };
    const hash = "a".repeat(20);
    expect(say(encodeScrape([scraped], 900))).toBe(
      `d5:filesd20:${hash}d8:completei1e10:downloadedi3e10:incompletei2eee5:flagsd20:min_request_intervali900eee`,
    );
    expect(say(encodeScrape([], 900))).toBe("d5:filesde5:flagsd20:min_request_intervali900eee");
  });
});
