import type { StatsEvent } from "../events.ts";
import type { PublishedShare } from "./published-share.ts";

/** What all shares of an appliance send and receive, in one line. */
export function statsOf(shares: Iterable<PublishedShare>): StatsEvent {
  const sum = { upRate: 0, downRate: 0, uploaded: 0, uploadedHttp: 0, downloaded: 0 };
  const count = { peers: 0, seeders: 0, completed: 0 };
  for (const { torrent, roster, web } of shares) {
    count.completed += roster.completed;
    const { uploaded, upRate } = web();
    sum.upRate += upRate;
    sum.uploaded += uploaded;
    sum.uploadedHttp += uploaded;
    if (torrent === undefined) continue;
    const stats = torrent.stats();
    sum.upRate += stats.upRate;
    sum.downRate += stats.downRate;
    sum.uploaded += stats.uploaded;
    sum.downloaded += stats.downloaded;
    count.peers += stats.peers;
    count.seeders += stats.seeders;
  }
  const [upRate, downRate] = [Math.round(sum.upRate), Math.round(sum.downRate)];
  return { event: "stats", ...sum, upRate, downRate, ...count };
}
