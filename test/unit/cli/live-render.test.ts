import pc from "picocolors";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { render, roomFor } from "../../../src/cli/ui/live/render.ts";
import type { LiveState, Panel, ShownTransfer, Size } from "../../../src/cli/ui/live/state.ts";
import type { TransferPeer, TransferStats } from "../../../src/share/transfer-types.ts";

const PLAIN = pc.createColors(false);
const SMALL: Size = { columns: 80, rows: 24 };
const LARGE: Size = { columns: 200, rows: 50 };
const PANELS: readonly Panel[] = ["overview", "peers", "files", "log", "info", "help"];
/** Moves the cursor, colours, reorders, and takes two cells a letter, or none. */
const HOSTILE = "\x1b[2J\x1b[31mÿ\u202egpj.\u0007日本語🐌👩‍👩‍👧‍👦e\u0301\r\n\t" + "長".repeat(80);

function stats(over: Partial<TransferStats> = {}): TransferStats {
  return {
    phase: "seeding",
    infoHash: "a".repeat(40),
    bytesDone: 3e9,
    bytesTotal: 3e9,
    downRate: 0,
    upRate: 12.3e6,
    downloaded: 0,
    uploaded: 4.5e9,
    uploadedHttp: 1.5e9,
    wasted: 0,
    ratio: 1.5,
    copies: 2.413,
    peers: 3,
    seeders: 1,
    webSeeds: 0,
    completed: 2,
    etaSeconds: 0,
    ...over,
  };
}

function transfer(over: Partial<ShownTransfer> = {}): ShownTransfer {
  const url = "http://192.168.1.20:6881/s/k3f9x2mw";
  return { name: "photos", url, stats: stats(), fileCount: 412, peers: [], strip: [], ...over };
}

function peer(over: Partial<TransferPeer> = {}): TransferPeer {
  return {
    address: "10.0.0.7:51413",
    client: "Transmission 3.00",
    progress: 0.455,
    downRate: 0,
    upRate: 2e6,
    downloaded: 0,
    uploaded: 9.5e6,
    isServed: true,
    servesUs: false,
    isInterested: true,
    interestsUs: false,
    ...over,
  };
}

function state(over: Partial<LiveState> = {}): LiveState {
  return {
    panel: "overview",
    work: undefined,
    transfers: [transfer()],
    files: [],
    log: [],
    warnings: [],
    limits: {},
    chosen: "up",
    scrolled: 0,
    hasKeys: true,
    ...over,
  };
}

/** More of everything than fits, with names from the worst of strangers. */
function crowded(panel: Panel): LiveState {
  const peers = Array.from({ length: 90 }, (_, i) =>
    peer({
      client: i % 2 === 0 ? HOSTILE : `c${i}`,
      address: `[2001:db8::${i}:ffff:ffff:ffff]:6881`,
      upRate: i * 1e6,
    }),
  );
  const strip = Array.from({ length: 500 }, (_, i) => ({ have: (i % 3) / 2, copies: i % 6 }));
  return state({
    panel,
    transfers: Array.from({ length: 30 }, (_, i) => transfer({ name: `${i}${HOSTILE}`, peers, strip })),
    files: Array.from({ length: 200 }, (_, i) => ({
      path: `${i}/${HOSTILE}`,
      bytes: 10 ** (i % 13),
      progress: (i % 5) / 4,
      isWanted: i % 7 !== 0,
      transfer: i % 30,
    })),
    log: Array.from({ length: 400 }, (_, i) => ({ time: "14:03:59", text: `${i} ${HOSTILE}` })),
    warnings: [HOSTILE, "second", "third"],
    limits: { up: 5e6 },
  });
}

describe.each([SMALL, LARGE, { columns: 40, rows: 8 }])("in $columns x $rows", (size) => {
  it.each(PANELS)("%s fits, whatever there is to show, and has nothing that moves the cursor", (panel) => {
    for (const one of [
      state({ panel }),
      crowded(panel),
      { ...crowded(panel), transfers: [transfer({ name: HOSTILE })] },
    ]) {
      const lines = render(one, size, PLAIN);
      expect(lines.length).toBeLessThan(size.rows);
      expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThan(size.columns);
      expect(lines.join("")).not.toMatch(/[\0-\x1f\x7f-\x9f\u202e]/);
    }
  });

  it("the keys are the last line of every panel that leaves room for them", () => {
    for (const panel of PANELS) expect(render(crowded(panel), size, PLAIN).at(-1)).toMatch(/^(p|o) /);
  });
});

it("tells of a publication in three lines, the limits and the keys", () => {
  const strip = [0, 1, 2, 4].map((copies) => ({ have: 1, copies }));
  expect(render(state({ transfers: [transfer({ strip })], limits: { up: 5e6 } }), SMALL, PLAIN)).toEqual([
    "photos  3.00 GB  seeding",
    "12.3 MB/s up  0 B/s down  4.50 GB sent  ratio 1.50  2.41 copies  3 peers  2 co…",
    `${"░".repeat(20)}${"▒".repeat(20)}${"▓".repeat(20)}${"█".repeat(19)}`,
    "limits: up* 5.00 MB/s  down none",
    "p peers  f files  l log  i info  +/- limit  ? help  q quit",
  ]);
});

it("tells of a download how far it is, how long it takes, and what nobody has", () => {
  const strip = [
    { have: 1, copies: 1 },
    { have: 0.5, copies: 1 },
    { have: 0, copies: 2 },
    { have: 0, copies: 0 },
  ];
  const getting = stats({
    phase: "getting",
    bytesDone: 1.2e9,
    bytesTotal: 2.4e9,
    downRate: 12.3e6,
    upRate: 0,
    uploaded: 3e8,
    ratio: 0.125,
    etaSeconds: 125,
    completed: 0,
    webSeeds: 1,
  });
  const shown = render(
    state({ transfers: [transfer({ stats: getting, strip })], chosen: "down" }),
    LARGE,
    PLAIN,
  );
  expect(shown.slice(0, 4)).toEqual([
    `getting  ${"█".repeat(20)}${"░".repeat(20)}  50 %  1.20 GB of 2.40 GB  12.3 MB/s  2m 05s left`,
    "0 B/s up  300 MB sent  ratio 0.13  2.41 copies  3 peers  1 web seed",
    `${"█".repeat(30)}${"▓".repeat(30)}${"░".repeat(30)}${"×".repeat(30)}`,
    "limits: up none  down* none",
  ]);
});

it("keeps columns straight under names of any script, the busiest peers first", () => {
  const peers = [
    peer({ client: "日本語クライアント", upRate: 1e6 }),
    peer({ client: "🐌 snail", upRate: 5e6, address: "10.0.0.8:6881", isServed: false }),
    peer({
      client: "aria2 1.36.0",
      upRate: 0,
      downRate: 3e6,
      interestsUs: true,
      servesUs: true,
      isInterested: false,
    }),
  ];
  const shown = render(
    state({ panel: "peers", transfers: [transfer({ name: "写真", peers })] }),
    SMALL,
    PLAIN,
  );
  expect(shown.slice(0, 5)).toEqual([
    "NAME                       SIZE  DONE       DOWN         UP PEERS COPIES  RATIO",
    "写真                    3.00 GB 100 %      0 B/s  12.3 MB/s     3   2.41   1.50",
    "  10.0.0.8:6881   🐌 snail       45 %      0 B/s  5.00 MB/s    u-       9.50 MB",
    "  10.0.0.7:51413  aria2 1.36.0   45 %  3.00 MB/s      0 B/s    -D       9.50 MB",
    "  10.0.0.7:51413  日本語クライ…  45 %      0 B/s  1.00 MB/s    U-       9.50 MB",
  ]);
  expect(new Set(shown.slice(0, 5).map((line) => stringWidth(line)))).toEqual(new Set([79]));
});

it("shows the newest of the log, and older lines when scrolled", () => {
  const log = Array.from({ length: 100 }, (_, i) => ({ time: "14:03:59", text: `line ${i}` }));
  const room = roomFor({ warnings: [] }, SMALL);
  const newest = render(state({ panel: "log", log }), SMALL, PLAIN);
  expect(newest.slice(room - 1, room)).toEqual(["14:03:59 line 99"]);
  const older = render(state({ panel: "log", log, scrolled: 30 }), SMALL, PLAIN);
  expect(older.slice(room - 1, room)).toEqual(["14:03:59 line 69"]);
});

it("shows work before there is a transfer, then a table for several shares", () => {
  const progress = { bytesDone: 50, bytesTotal: 100 };
  const work = { title: "hashing", progress };
  const hashing = transfer({ stats: stats({ phase: "hashing" }) });
  expect(render(state({ work, transfers: [hashing] }), SMALL, PLAIN)[0]).toMatch(
    /^hashing {2}█+░+ {2}50 % {2}50 B of 100 B$/,
  );
  expect(render(state({ work, transfers: [] }), SMALL, PLAIN)).toHaveLength(1);
  const many = Array.from({ length: 40 }, (_, i) => transfer({ name: `share ${i}` }));
  const table = render(state({ transfers: many }), SMALL, PLAIN);
  expect(table[1]).toMatch(/^share 0 /);
  expect(table.join("\n")).toMatch(/… and \d+ more/);
});

it("says nothing of keys when there are none", () => {
  expect(render(state({ hasKeys: false }), SMALL, PLAIN).join("\n")).not.toContain("quit");
});
