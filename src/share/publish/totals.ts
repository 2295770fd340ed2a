import type { StatsEvent } from "../events.ts";
import type { PublishedShare } from "./published-share.ts";

/** What all shares of an appliance send and receive, in one line. */
export function statsOf(shares: Iterable<PublishedShare>): StatsEvent {
  const sum = { upRate: 0, downRate: 0, uploaded: 0, downloaded: 0, peers: 0, seeders: 0, completed: 0 };
  for (const { torrent, roster } of shares) {
    sum.completed += roster.completed;
    if (torrent === undefined) continue;
    const stats = torrent.stats();
    sum.upRate += stats.upRate;
    sum.downRate += stats.downRate;
    sum.uploaded += stats.uploaded;
    sum.downloaded += stats.downloaded;
    sum.peers += stats.peers;
    sum.seeders += stats.seeders;
  }
  return { event: "stats", ...sum, upRate: Math.round(sum.upRate), downRate: Math.round(sum.downRate) };
}
