import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { fromLatin1, toLatin1 } from "../../../src/protocol/bytes.ts";
import { editTorrent, type TorrentChanges } from "../../../src/protocol/edit-metainfo.ts";
import { parseMetainfo } from "../../../src/protocol/parse-metainfo.ts";

/** Its keys are out of order, as those of some writers are. */
const INFO = `d4:name1:n6:lengthi5e12:piece lengthi16384e6:pieces20:${"a".repeat(20)}e`;
const torrent = (rest = "") => fromLatin1(`d${rest}4:info${INFO}e`);
const edit = (changes: TorrentChanges, rest?: string) => toLatin1(editTorrent(torrent(rest), changes));

describe("editing a torrent", () => {
  it("keeps info byte for byte, and what it doesn't know", () => {
    const own = "6:boojumd5:token1:te";
    expect(edit({ comment: "c" }, `${own}1:zli1eli2eee`)).toBe(
      `d${own}7:comment1:c4:info${INFO}1:zli1eli2eeee`,
    );
  });

  it("writes one tracker as announce, several as tiers, and none as nothing", () => {
    const had = "8:announce1:x13:announce-listll1:xee";
    expect(edit({ trackers: [["http://a"]] }, had)).toBe(`d8:announce8:http://a4:info${INFO}e`);
    expect(edit({ trackers: [["http://a", "http://b"], ["udp://c:1"]] }, had)).toBe(
      `d8:announce8:http://a13:announce-listll8:http://a8:http://bel9:udp://c:1ee4:info${INFO}e`,
    );
    expect(edit({ trackers: [] }, had)).toBe(`d4:info${INFO}e`);
  });

  it("replaces comments of both kinds, makers and web seeds, or takes them away", () => {
    const had = "7:comment3:old13:comment.utf-83:old10:created by3:old8:url-list3:old";
    expect(edit({ comment: "né", createdBy: "me", webSeeds: ["http://w/"] }, had)).toBe(
      `d7:comment3:n\u00c3\u00a910:created by2:me4:info${INFO}8:url-listl9:http://w/ee`,
    );
    expect(edit({ comment: "", createdBy: "", webSeeds: [] }, had)).toBe(`d4:info${INFO}e`);
    expect(edit({}, "7:comment3:old")).toBe(`d7:comment3:old4:info${INFO}e`);
  });

  it("takes nothing that has no info", () => {
    expect(() => editTorrent(fromLatin1("d7:comment3:olde"), {})).toThrow("info is missing");
  });

  it("never changes the info hash, whatever is written", () => {
    const before = parseMetainfo(torrent(), nodeHashes).infoHash;
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.webUrl()), (comment, createdBy, webSeeds) => {
        const after = parseMetainfo(editTorrent(torrent(), { comment, createdBy, webSeeds }), nodeHashes);
        expect(after.infoHash).toEqual(before);
      }),
    );
  });
});
