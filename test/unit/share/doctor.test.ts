import { describe, expect, it } from "vitest";
import { checkLines, diagnosisLine } from "../../../src/cli/ui/doctor-view.ts";
import type { FirewallFacts } from "../../../src/platform/firewall-files.ts";
import { nodeHashes } from "../../../src/platform/hashes.ts";
import { Bitfield } from "../../../src/protocol/bitfield.ts";
import { encodeBencode } from "../../../src/protocol/encode.ts";
import { parseMetainfo } from "../../../src/protocol/parse-metainfo.ts";
import { encodeTorrent } from "../../../src/protocol/write-metainfo.ts";
import { Checkup } from "../../../src/share/doctor/checkup.ts";
import { howToOpen, judgeFirewalls } from "../../../src/share/doctor/firewall.ts";
import { judgeSample, sampleOf, targetOf } from "../../../src/share/doctor/target.ts";
import type { CheckEvent } from "../../../src/share/events.ts";

const LINUX: FirewallFacts = { platform: "linux", firewalld: false, nftablesUnit: false };
const ON = "# comment\nENABLED=yes\nLOGLEVEL=low\n";

describe("firewalls", () => {
  const verdicts = (facts: Partial<FirewallFacts>, port = 6881) =>
    judgeFirewalls({ ...LINUX, ...facts }, port).map(({ name, verdict }) => `${name} ${verdict}`);
  const rule = (words: string) => ({ ufwConf: ON, ufwRules: `*filter\n### tuple ### ${words}\n-A ...\n` });

  it.each<[string, Partial<FirewallFacts>, string[]]>([
    ["none", {}, ["linux ok"]],
    ["ufw that is off", { ufwConf: "ENABLED=no\n" }, ["linux ok"]],
    ["ufw, whose rules only root may read", { ufwConf: ON }, ["ufw warn"]],
    ["ufw without a rule", { ufwConf: ON, ufwRules: "*filter\n" }, ["ufw warn"]],
    ["ufw that lets the port in", rule("allow any 6881 0.0.0.0/0 any 0.0.0.0/0 in"), ["ufw ok"]],
    ["ufw that lets it in by TCP", rule("allow tcp 22,6881:6889 ::/0 any ::/0 in"), ["ufw ok"]],
    ["ufw that lets in another port", rule("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in"), ["ufw warn"]],
    ["ufw that lets one host in", rule("allow tcp 6881 0.0.0.0/0 any 10.0.0.5 in"), ["ufw warn"]],
    ["ufw that refuses it", rule("deny any 6881 0.0.0.0/0 any 0.0.0.0/0 in"), ["ufw warn"]],
    ["ufw that lets it out", rule("allow any 6881 0.0.0.0/0 any 0.0.0.0/0 out"), ["ufw warn"]],
    ["firewalld", { firewalld: true, nftChains: "hook input" }, ["firewalld warn"]],
    ["nftables' own", { nftablesUnit: true }, ["nftables warn"]],
    [
      "nftables that drops",
      { nftChains: "chain in {\n\t\ttype filter hook input priority filter; policy drop;\n\t}" },
      ["nftables warn"],
    ],
    ["nftables that only counts what goes out", { nftChains: "type filter hook output" }, ["linux ok"]],
    [
      "macOS's, which is off",
      { platform: "darwin", macState: "Firewall is disabled. (State = 0)" },
      ["macOS ok"],
    ],
    ["macOS's", { platform: "darwin", macState: "Firewall is enabled. (State = 1)" }, ["macOS warn"]],
    ["Windows's", { platform: "win32" }, ["Windows warn"]],
  ])("%s", (_, facts, expected) => {
    expect(verdicts(facts)).toEqual(expected);
  });

  it("are opened by a command that names the port", () => {
    const advice = (facts: Partial<FirewallFacts>) =>
      howToOpen(judgeFirewalls({ ...LINUX, ...facts }, 7001), 7001);
    expect(advice({ ufwConf: ON })).toContain("sudo ufw allow 7001");
    expect(advice({ firewalld: true })).toContain("--add-port=7001/tcp --add-port=7001/udp");
    expect(advice({ platform: "win32" })).toContain("localport=7001");
    expect(advice({})).toContain("7001");
  });
});

/** Three pieces, the last one short, of one file. */
function torrent(pieceLength: number, last: number) {
  const data = Uint8Array.from({ length: 2 * pieceLength + last }, (_, i) => (i * i) >> 4);
  const hashes = [0, 1, 2].map((i) => nodeHashes.sha1(data.subarray(i * pieceLength, (i + 1) * pieceLength)));
  const info = encodeBencode({
    length: data.length,
    name: "x",
    "piece length": pieceLength,
    pieces: Uint8Array.from(hashes.flatMap((hash) => [...hash])),
  });
  const bytes = encodeTorrent({ info, trackers: [], webSeeds: [], unlisted: false });
  const target = targetOf(parseMetainfo(bytes, nodeHashes), { peers: [], fromPublic: false });
  if (target === undefined) throw new Error("no target");
  return { target, data };
}

describe("the sample", () => {
  const { target, data } = torrent(32_768, 5_000);
  const having = (...pieces: number[]) => {
    const field = new Bitfield(3);
    for (const piece of pieces) field.add(piece);
    return field;
  };

  it("is the last piece, else the first that is there; of pieces that are too large a block", () => {
    expect(sampleOf(target, having(0, 1, 2))).toEqual({ piece: 2, length: 5_000 });
    expect(sampleOf(target, having(1))).toEqual({ piece: 1, length: 32_768 });
    expect(sampleOf(target, having())).toBeUndefined();
    const large = torrent(2 ** 21, 2 ** 20 + 1).target;
    expect(sampleOf(large, having(2))).toEqual({ piece: 2, length: 16_384 });
  });

  it("is compared with the torrent when it is a whole piece", () => {
    const bytes = data.slice(65_536);
    expect(judgeSample(target, { piece: 2, bytes }).verdict).toBe("ok");
    bytes[17] = 1 ^ (bytes[17] ?? 0);
    expect(judgeSample(target, { piece: 2, bytes })).toMatchObject({
      verdict: "fail",
      message: expect.stringContaining("not what the torrent says"),
    });
    expect(judgeSample(target, { piece: 1, bytes: bytes.subarray(0, 16) }).message).toContain("too little");
  });
});

describe("a checkup", () => {
  it("tells of each step, and counts", async () => {
    const told: CheckEvent[] = [];
    const checkup = new Checkup((event) => told.push(event));
    await checkup.check("name", "a.example", () => ({ verdict: "ok", message: "is 10.0.0.1" }));
    checkup.note("tcp", "10.0.0.1:1", { verdict: "fail", message: "no", advice: "Try." }, 12.6);
    checkup.skip("http", "a.example", "there is no connection.");
    expect(told).toEqual([
      {
        event: "check",
        step: "name",
        subject: "a.example",
        verdict: "ok",
        message: "is 10.0.0.1",
        milliseconds: expect.any(Number),
      },
      {
        event: "check",
        step: "tcp",
        subject: "10.0.0.1:1",
        verdict: "fail",
        message: "no",
        advice: "Try.",
        milliseconds: 13,
      },
      {
        event: "check",
        step: "http",
        subject: "a.example",
        verdict: "skipped",
        message: "not tried: there is no connection.",
        milliseconds: 0,
      },
    ]);
    const diagnosis = checkup.diagnosis();
    expect(diagnosis).toEqual({ event: "diagnosis", ok: 1, warnings: 0, failures: 1, skipped: 1 });
    expect(diagnosisLine(diagnosis)).toBe("Something is wrong: 1 ok, 0 warnings, 1 failure, 1 not tried.");
  });

  it("is shown without anything that a stranger could do to a terminal", () => {
    const lines = checkLines({
      event: "check",
      step: "tracker",
      subject: "http://\u001b[2J",
      verdict: "warn",
      message: "it warns: \u0007\nFAIL",
      advice: "\u009b31m",
      milliseconds: 3,
    });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e\u{2400}-\u{2426}\\]*$/u);
  });
});
