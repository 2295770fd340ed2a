/** Atom feeds (RFC 4287). */

export interface FeedEntry {
  /** An absolute IRI that stays with this entry for ever (4.2.6). */
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** Nanoseconds since 1970. */
  readonly updatedNs: bigint;
  /** Absolute URL of a page about it. */
  readonly page: string;
  readonly enclosure: {
    /** Absolute. */
    readonly url: string;
    readonly type: string;
    /** Bytes. */
    readonly length: number;
  };
}

export interface Feed {
  readonly title: string;
  readonly author: string;
  /** Absolute URLs: of the feed itself, its ID, too; and of the page that it follows. */
  readonly url: string;
  readonly page: string;
  readonly entries: readonly FeedEntry[];
}

/** RFC 3339 has four digits for the year. */
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59);

/** Writes a feed, the newest entries first; of several with one ID only the first. */
export function atomFeed(feed: Feed): string {
  const entries = [...new Map(feed.entries.toReversed().map((entry) => [entry.id, entry])).values()];
  entries.sort((a, b) => (a.updatedNs < b.updatedNs ? 1 : a.updatedNs > b.updatedNs ? -1 : 0));
  const lines = [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `  <id>${xml(feed.url)}</id>`,
    `  <title>${xml(feed.title)}</title>`,
    `  <updated>${moment(entries[0]?.updatedNs ?? 0n)}</updated>`,
    `  <author><name>${xml(feed.author)}</name></author>`,
    `  <link rel="self" type="application/atom+xml" href="${xml(feed.url)}"/>`,
    `  <link rel="alternate" type="text/html" href="${xml(feed.page)}"/>`,
    ...entries.map(entryLines),
    "</feed>",
  ];
  return `${lines.join("\n")}\n`;
}

function entryLines({ id, title, summary, updatedNs, page, enclosure }: FeedEntry): string {
  return [
    "  <entry>",
    `    <id>${xml(id)}</id>`,
    `    <title>${xml(title)}</title>`,
    `    <updated>${moment(updatedNs)}</updated>`,
    `    <link rel="alternate" type="text/html" href="${xml(page)}"/>`,
    `    <link rel="enclosure" type="${xml(enclosure.type)}" length="${enclosure.length}" href="${xml(enclosure.url)}"/>`,
    `    <summary>${xml(summary)}</summary>`,
    "  </entry>",
  ].join("\n");
}

function moment(ns: bigint): string {
  const millis = Math.min(Math.max(Number(ns / 1_000_000n), 0), LAST_MOMENT);
  return new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/** Text or an attribute's value; characters that XML 1.0 can't hold at all (2.2) become U+FFFD. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"]/g, (found) => ESCAPES.get(found) ?? found);
}
