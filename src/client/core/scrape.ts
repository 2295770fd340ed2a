/** Asking a tracker how many peers a torrent has (BEP 48), and reading what it says. */
import { dictAt, integerAt } from "../../protocol/bencode.ts";
import { toLatin1 } from "../../protocol/bytes.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import { type ParsedReply, parseReply } from "./announce-reply.ts";
import { escapeBytes } from "./announce-url.ts";

export interface SwarmCounts {
  /** Peers with everything. */
  readonly seeders: number;
  readonly leechers: number;
  /** How many have completed it while this tracker looked; some don't count. */
  readonly completed?: number;
}

/** Asks one tracker by its announce URL. Rejects with a `TrackerError`, or with the reason of `signal`. */
export type Scrape = (url: string, infoHash: InfoHash, signal: AbortSignal) => Promise<SwarmCounts>;

/**
 * BEP 48: `scrape` stands where the path says `announce`. The BEP wants that in the last component; trackers that tell
 * torrents or users apart by what follows (`/announce/KEY`), ours among them, are asked the same way.
 * @returns undefined when the tracker can't be scraped.
 */
export function canScrape(url: string): boolean {
  return URL.canParse(url) && ANNOUNCE.test(new URL(url).pathname);
}

const ANNOUNCE = /\/announce(?!.*\/announce)/;

/** Path and query that ask for one torrent's counts. */
export function scrapePath({ pathname, search }: URL, infoHash: InfoHash): string {
  const query = search.length > 1 ? `${search.slice(1)}&` : "";
  return `${pathname.replace(ANNOUNCE, "/scrape")}?${query}info_hash=${escapeBytes(infoHash)}`;
}

export function parseScrapeReply(body: Uint8Array, infoHash: InfoHash): ParsedReply<SwarmCounts> {
  return parseReply(body, (dict) => {
    const files = dictAt(dict, "files");
    const counts = files && dictAt(files, toLatin1(infoHash));
    if (counts === undefined) throw new BoojumError("tracker", "it knows no such torrent");
    const completed = integerAt(counts, "downloaded");
    return {
      seeders: Math.max(0, integerAt(counts, "complete") ?? 0),
      leechers: Math.max(0, integerAt(counts, "incomplete") ?? 0),
      ...(completed !== undefined && completed >= 0 && { completed }),
    };
  });
}
