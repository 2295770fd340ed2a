/** The listed shares as a feed: a torrent client that follows it gets what is shared from here. */
import { escapeForTerminal } from "../protocol/escape.ts";
import { atomFeed, type FeedEntry } from "./core/atom.ts";
import { sizeInWords } from "./describe.ts";
import { sharePath, torrentPath } from "./links.ts";
import type { Share } from "./model.ts";
import type { Judged } from "./request.ts";

/** An Atom feed with the torrent of each share in `shares` that has one by now. */
export function sharesFeed(shares: readonly Share[], { base, host }: Pick<Judged, "base" | "host">): string {
  return atomFeed({
    title: `Shared from ${host}`,
    author: `Boojum on ${host}`,
    url: `${base}/feed.xml`,
    page: `${base}/`,
    entries: shares.flatMap((share) => entryOf(share, base)),
  });
}

function entryOf(share: Share, base: string): FeedEntry[] {
  const { state } = share;
  if (state.name !== "ready") return [];
  let updatedNs = 0n;
  for (const { mtimeNs } of share.files) if (mtimeNs > updatedNs) updatedNs = mtimeNs;
  const length = state.torrent(base).length;
  return [
    {
      // The contents' own: readers that fetch what is new fetch a folder again when it has changed, and only then.
      id: `urn:btih:${state.infoHash}`,
      title: escapeForTerminal(share.name),
      summary: sizeInWords(share),
      updatedNs,
      page: base + sharePath(share),
      enclosure: { url: base + torrentPath(share), type: "application/x-bittorrent", length },
    },
  ];
}
