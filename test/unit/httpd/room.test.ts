import { describe, expect, it } from "vitest";
import type { Receiver, Room, Share } from "../../../src/httpd/model.ts";
import { indexPulse } from "../../../src/httpd/page/index-page.tsx";
import { isSafeToStop, sharePulse, verdict } from "../../../src/httpd/page/room.tsx";
import { emptyRoom, share } from "../../support/catalog.ts";

const receiver = (overrides: Partial<Receiver> = {}): Receiver => ({
  key: "1",
  client: "aria2 1.37",
  host: "10.0.0.2",
  progress: 0.5,
  rate: 0,
  state: "receiving",
  ...overrides,
});
const room = (receivers: readonly Receiver[], completed = 0): Room => ({
  ...emptyRoom,
  receivers,
  completed,
});

describe("who has it", () => {
  it.each([
    [room([]), 0, "Nobody has asked for it yet"],
    [room([receiver({ state: "helper", progress: 1 })]), 0, "Nobody has asked for it yet"],
    [room([]), 2, "2 downloads in a browser"],
    [room([receiver(), receiver({ key: "2", state: "gone" })], 7), 0, "7 of 8 complete"],
    [room([receiver({ state: "complete", progress: 1 })], 1), 0, "Everyone has it: safe to stop"],
    [room([], 3), 1, "All 3 complete, 1 download in a browser"],
  ] as const)("is told in a sentence", (is, downloads, sentence) => {
    expect(verdict(is, downloads)).toBe(sentence);
    expect(isSafeToStop(is, downloads)).toBe(sentence.includes("safe to stop"));
  });

  it("names each receiver, and can't be written into by one", () => {
    const evil = '<img src=x onerror="alert(1)">\u202e\u001b[31m';
    const now = share({ files: [], room: () => room([receiver({ client: evil, host: "fe80::1" })]) });
    const { phase, parts } = JSON.parse(sharePulse(now, 0)) as {
      phase: string;
      parts: Record<string, string>;
    };
    expect(phase).toBe("ready 0");
    expect(parts["room"]).not.toContain("<img");
    expect(parts["room"]).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;\\u202e\\x1b[31m");
    expect(parts["room"]).toContain("fe80::1");
    expect(parts["room"]).toContain("50 %");
  });

  it("lists a hundred at the most, however many come", () => {
    const crowd = Array.from({ length: 1_000 }, (_, i) => receiver({ key: String(i) }));
    const said = sharePulse(share({ files: [], room: () => room(crowd) }), 0);
    expect(said.match(/<li /g)).toHaveLength(100);
    expect(said).toContain("And 900 more.");
    expect(said).toContain("0 of 1,000 complete");
    expect(said.length).toBeLessThan(60_000);
  });

  it("has no room any more when the share is over", () => {
    const over: Share = share({ files: [], state: { name: "ended", message: "Its time is up." } });
    expect(sharePulse(over, 0)).not.toContain("Who has it");
    expect(indexPulse({ shares: [over], root: "", downloads: () => 0 })).toContain("Not shared any more");
  });
});
