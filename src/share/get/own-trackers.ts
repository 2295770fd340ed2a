import type { Metainfo } from "../../protocol/metainfo.ts";

/**
 * The trackers to announce to: all, but of an unlisted share only the publisher's own. That is the one at
 * `/announce/ID` of the very server that has a web seed at `/s/ID/seed/`; whoever adds another tracker to such a torrent
 * would make its receivers tell a stranger of it.
 */
export function trackersToTell({
  trackers,
  webSeeds,
  unlisted,
}: Pick<Metainfo, "trackers" | "webSeeds" | "unlisted">): readonly (readonly string[])[] {
  if (!unlisted) return trackers;
  const own = new Set(webSeeds.flatMap((url) => shareAt(url, /^(.*)\/s\/([\w-]+)\/seed\//)));
  return trackers
    .map((tier) =>
      tier.filter((url) => shareAt(url, /^(.*)\/announce\/([\w-]+)(?:\/[\w-]+)?$/).some((id) => own.has(id))),
    )
    .filter((tier) => tier.length > 0);
}

/** Server, path before ours and ID, as one word; nothing when `url` is none of a share's. */
function shareAt(url: string, form: RegExp): string[] {
  const { origin, pathname } = new URL(url);
  const [, root, id] = form.exec(pathname) ?? [];
  return id === undefined ? [] : [`${origin}${root} ${id}`];
}
