import { describe, expect, it } from "vitest";
import { type DnsRecord, inMessages, keyOf } from "../../../src/mdns/core/messages.ts";
import { addressRecords, ownRecords, readEntries, uniqueNames } from "../../../src/mdns/core/service.ts";

type TxtRecord = Extract<DnsRecord, { readonly type: "TXT" }>;
const HASH = "0123456789abcdef0123456789abcdef01234567";
const good = [
  "txtvers=1",
  "name=a b",
  `ih=${HASH}`,
  "bytes=999999999999999",
  "files=0",
  "path=/s/A-z_9",
  "host=h",
];
const without = (key: string, ...more: string[]) => [
  ...good.filter((entry) => !entry.startsWith(`${key}=`)),
  ...more,
];

describe("what a TXT record says of a share", () => {
  it("is read, whatever the case of keys and digits; the first of each key counts", () => {
    const said = {
      name: "a b",
      infoHash: HASH,
      bytes: 999_999_999_999_999,
      files: 0,
      path: "/s/A-z_9",
      host: "h",
    };
    expect(readEntries(good)).toEqual(said);
    expect(readEntries([...without("ih", `IH=${HASH.toUpperCase()}`), "ih=no", "name=other"])).toEqual(said);
    expect(readEntries(["", "=x", "flag", ...good])).toEqual(said);
    expect(readEntries(without("host"))).toEqual({ ...said, host: "" });
    expect(readEntries(without("host", "host=a=b"))).toEqual({ ...said, host: "a=b" });
  });

  it.each([
    ["no hash", without("ih")],
    ["a hash too short", without("ih", `ih=${HASH.slice(2)}`)],
    ["a hash too long", without("ih", `ih=${HASH}00`)],
    ["a hash that is none", without("ih", `ih=${"xy".repeat(20)}`)],
    ["no name", without("name")],
    ["a name of nothing", without("name", "name=")],
    ["a name that is a path", without("name", "name=../x")],
    ["no size", without("bytes")],
    ["a size below nothing", without("bytes", "bytes=-1")],
    ["a size beyond what is exact", without("bytes", "bytes=1000000000000000")],
    ["no number of files", without("files")],
    ["half a file", without("files", "files=1.5")],
    ["no path", without("path")],
    ["a path elsewhere", without("path", "path=/x/s/abc")],
    ["a path with more behind it", without("path", "path=/s/abc/..")],
    ["a path of nothing", without("path", "path=/s/")],
    ["a path too long", without("path", `path=/s/${"a".repeat(65)}`)],
  ])("with %s makes no share", (_, entries) => {
    expect(readEntries(entries)).toBeUndefined();
  });
});

describe("what is announced of a share", () => {
  it("has names that fit a label, whatever people call it, without half a letter", () => {
    expect(uniqueNames({ id: "k3", name: "a.b\n\x7f" }, 0)).toEqual({
      instance: "a\u2024b   (k3)",
      host: "boojum-k3.local",
    });
    const { instance, host } = uniqueNames({ id: "k3", name: "\u{e9}".repeat(60) }, 1);
    // 63 bytes hold the 7 of the suffix and 28 letters of two.
    expect(instance).toBe(`${"\u{e9}".repeat(28)} (k3-2)`);
    expect(host).toBe("boojum-k3-2.local");
    expect(uniqueNames({ id: "k3", name: "x".repeat(58) }, 0).instance).toBe(`${"x".repeat(58)} (k3)`);
  });

  it("has entries of 255 bytes at most", () => {
    const share = {
      id: "k3",
      name: "n".repeat(300),
      infoHash: HASH,
      bytes: 1,
      files: 1,
      port: 5,
      path: "/s/k3",
      host: "h",
    };
    const texts = ownRecords(share, uniqueNames(share, 0)).filter(
      (each): each is TxtRecord => each.type === "TXT",
    );
    expect(texts.map(({ entries }) => Math.max(...entries.map((entry) => entry.length)))).toEqual([255, 10]);
  });

  it("has addresses of both kinds", () => {
    expect(addressRecords("h.local", ["10.0.0.1", "fd00::1"]).map(({ type }) => type)).toEqual(["A", "AAAA"]);
  });

  it("goes out in packets that fit, in order, and what is too long for any alone", () => {
    const text = (length: number): TxtRecord => ({
      type: "TXT",
      name: "n",
      ttl: 1,
      flush: true,
      entries: ["x".repeat(length)],
    });
    // 25 bytes are around the text of such a record.
    const records = [text(575), text(575), text(1), text(2_000), text(3)];
    expect(inMessages(records)).toEqual([[records[0], records[1]], [records[2]], [records[3]], [records[4]]]);
    expect(inMessages([])).toEqual([]);
  });

  it("is the same record when only case and time to live differ", () => {
    const text = { type: "TXT", name: "n", ttl: 1, flush: true, entries: ["a", "b"] } as const;
    expect(keyOf({ ...text, name: "N", ttl: 7, flush: false })).toBe(keyOf(text));
    expect(keyOf({ ...text, entries: ["a,b"] })).not.toBe(keyOf(text));
    const target = { type: "SRV", name: "n", ttl: 1, flush: true, port: 1, target: "T" } as const;
    expect(keyOf({ ...target, target: "t" })).toBe(keyOf(target));
    expect(keyOf({ ...target, port: 2 })).not.toBe(keyOf(target));
    const [four, six] = addressRecords("n", ["10.0.0.1", "::a00:1"]);
    expect(four && six && keyOf(four) === keyOf(six)).toBe(false);
  });
});
