/** SECURITY.md's table of limits says what the code does: nobody changes one of them without the other. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const document = read("SECURITY.md");
const rows = document
  .slice(document.indexOf("## Limits"), document.indexOf("## What each option"))
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| what"));

const KiB = 1024;
const MiB = 1024 * KiB;
const seconds = (count: number) => count * 1000;

/** What the row begins with; each limit as it is said there; the file, its constant, and what that must be. */
const table: readonly (readonly [string, string, string, string, number])[] = [
  ["connections to the port", "2,000", "platform/listener.ts", "MAX_CONNECTIONS", 2_000],
  ["connections to the port", "three quarters", "platform/listener.ts", "PART_OF_ONE_NETWORK", 0.75],
  ["to say what it speaks", "10 s", "platform/listener.ts", "FIRST_BYTES_TIMEOUT", seconds(10)],
  ["to say what it speaks", "10 s", "platform/listener.ts", "HEADERS_TIMEOUT", seconds(10)],
  ["to say what it speaks", "30 s", "platform/listener.ts", "REQUEST_TIMEOUT", seconds(30)],
  ["to say what it speaks", "15 s", "platform/listener.ts", "KEEP_ALIVE_TIMEOUT", seconds(15)],
  ["header bytes", "16 KiB", "platform/listener.ts", "MAX_HEADER_BYTES", 16 * KiB],
  ["header bytes", "16 KiB", "httpd/core/target.ts", "MAX_TARGET", 16 * KiB],
  ["an answer that nobody reads", "60 s", "platform/listener.ts", "STALL_TIMEOUT", seconds(60)],
  ["ranges in a request", "32", "httpd/core/range.ts", "MAX_RANGES", 32],
  ["ranges in a request", "1,000", "httpd/core/selection.ts", "MAX_PATHS", 1_000],
  ["live event streams", "64", "httpd/event-streams.ts", "MAX_STREAMS", 64],
  ["live event streams", "200", "httpd/hash-stream.ts", "MAX_STREAMS", 200],
  ["live event streams", "512 KiB", "httpd/event-streams.ts", "MAX_WAITING", 512 * KiB],
  ["rows on a page", "200", "httpd/page/files.tsx", "ROWS", 200],
  ["rows on a page", "100", "httpd/page/room.tsx", "MAX_ROWS", 100],
  ["rows on a page", "10,000", "httpd/describe.ts", "JSON_FILES", 10_000],
  ["tries of a password", "10, then", "httpd/guard.ts", "FREE_TRIES", 10],
  ["tries of a password", "one in 6 s", "httpd/guard.ts", "TRY_EVERY", seconds(6)],
  ["tries of a password", "200, then", "httpd/guard.ts", "FREE_TRIES_OF_ALL", 200],
  ["tries of a password", "one a second", "httpd/guard.ts", "TRY_OF_ALL_EVERY", seconds(1)],
  ["peer connections of all", "200", "client/session.ts", "DEFAULT_MAX_CONNECTIONS", 200],
  ["peer connections of all", "100", "client/session.ts", "DEFAULT_MAX_PEERS", 100],
  ["being dialled at once", "20", "client/connections.ts", "MAX_HALF_OPEN", 20],
  ["being dialled at once", "20", "client/session.ts", "MAX_UNROUTED_OF_ONE", 20],
  ["handshake; silence", "10 s", "client/peers/accept.ts", "HANDSHAKE_TIMEOUT", seconds(10)],
  ["handshake; silence", "10 s", "client/peers/silence.ts", "HANDSHAKE_TIMEOUT", seconds(10)],
  ["handshake; silence", "130 s", "client/peers/silence.ts", "IDLE_TIMEOUT", seconds(130)],
  ["handshake; silence", "10 s", "client/peers/gate.ts", "PATIENCE", seconds(10)],
  ["requests queued for a peer", "4,000", "client/peers/upload.ts", "REQUEST_QUEUE", 4_000],
  ["requests queued for a peer", "512 KiB to", "client/peers/upload.ts", "LEAST_WAITING", 512 * KiB],
  ["requests queued for a peer", "to 4 MiB", "client/peers/upload.ts", "MOST_WAITING", 4 * MiB],
  ["requests queued for a peer", "1 MiB", "client/peers/wire.ts", "MAX_UNSENT", MiB],
  ["a message other than a block", "256 KiB", "client/core/framer.ts", "MAX_OTHER", 256 * KiB],
  ["a message other than a block", "128 KiB", "client/core/messages.ts", "MAX_BLOCK", 128 * KiB],
  ["a torrent by HTTP", "30 s;", "client/http/http-open.ts", "ANSWER_TIMEOUT", seconds(30)],
  ["a torrent by HTTP", "30 s; 30 s;", "client/http/http-open.ts", "IDLE_TIMEOUT", seconds(30)],
  ["a torrent by HTTP", "30 s, 1 KiB", "client/http/http-get.ts", "PATIENCE", seconds(30)],
  ["a torrent by HTTP", "1 KiB a second", "client/http/http-get.ts", "LEAST_RATE", KiB],
  ["pieces begun", "64 MiB", "client/torrent.ts", "DEFAULT_BUFFER_BYTES", 64 * MiB],
  ["addresses known", "2,000", "client/core/candidates.ts", "MAX_CANDIDATES", 2_000],
  ["addresses known", "1,000", "client/swarm.ts", "MAX_FROM_STRANGERS", 1_000],
  ["addresses known", "50", "client/core/pex-messages.ts", "MAX_PEX_PEERS", 50],
  ["local discovery", "100", "client/discovery/lan.ts", "MAX_A_SECOND", 100],
  ["local discovery", "20", "client/core/lan-messages.ts", "MAX_LAN_HASHES", 20],
  ["the DHT", "200", "client/discovery/dht.ts", "MAX_QUERIES", 200],
  ["the DHT", "2,000", "client/discovery/dht.ts", "MAX_PEERS", 2_000],
  ["a `.torrent`", "10 MB", "protocol/parse-metainfo.ts", "MAX_BYTES", 10_000_000],
  ["a `.torrent`", "100", "protocol/bencode.ts", "MAX_DEPTH", 100],
  ["a `.torrent`", "3,000,000", "protocol/bencode.ts", "MAX_TOKENS", 3_000_000],
  ["a `.torrent`", "2,097,152", "protocol/parse-metainfo.ts", "MAX_PIECES", 2_097_152],
  ["a `.torrent`", "255 bytes", "protocol/portable-path.ts", "MAX_NAME_BYTES", 255],
  ["a `.torrent`", "3,072 bytes", "protocol/portable-path.ts", "MAX_PATH_BYTES", 3_072],
  ["trackers; web seeds", "200", "protocol/metainfo-extras.ts", "MAX_URLS", 200],
  ["trackers; web seeds", "8", "client/web-seeds.ts", "MAX_SEEDS", 8],
  ["trackers; web seeds", "1 MiB", "client/discovery/ask-http.ts", "MAX_REPLY", MiB],
  ["trackers; web seeds", "5", "client/discovery/ask-http.ts", "MAX_REDIRECTS", 5],
  ["trackers; web seeds", "5", "client/http/http-open.ts", "MAX_REDIRECTS", 5],
  ["our tracker", "200", "tracker/core/store.ts", "MAX_WANTED", 200],
  ["our tracker", "100 (UDP", "tracker/core/query.ts", "MAX_SCRAPE", 100],
  ["our tracker", "UDP 74", "tracker/core/udp-codec.ts", "MAX_SCRAPE_UDP", 74],
  ["a UDP reply", "1,232 bytes", "tracker/core/udp-codec.ts", "MAX_REPLY", 1_232],
  ["files of a share", "1,000,000", "create/walk.ts", "MOST_FILES", 1_000_000],
  ["files of a share", "20 of a kind", "create/notices.ts", "MOST_OF_A_KIND", 20],
];
/** Of other kinds: held by the tests of what they are about. */
const ELSEWHERE = ["`share tracker`: torrents of strangers"];

const rowOf = (beginning: string) => rows.filter((row) => row.startsWith(`| ${beginning}`));

/** A constant that is a product of numbers. */
function valueOf(source: string, name: string): number | undefined {
  const [, text] = new RegExp(`const ${name}(?:: \\w+)? = ([\\d_.* ]+);`).exec(source) ?? [];
  return text?.split("*").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
}

describe("the table of limits", () => {
  it.each(table)("%s: %s (%s, %s)", (beginning, said, file, name, value) => {
    expect(rowOf(beginning)).toHaveLength(1);
    expect(rowOf(beginning)[0]).toContain(said);
    expect(valueOf(read(`src/${file}`), name)).toBe(value);
  });

  it("has no row that isn't looked at here", () => {
    const known = [...table.map(([beginning]) => beginning), ...ELSEWHERE];
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => !known.some((beginning) => row.startsWith(`| ${beginning}`)))).toEqual([]);
  });
});
