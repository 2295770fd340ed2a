/** What a tracker tells of itself: as data, and for Prometheus. Pure; hidden swarms never come this far. */
import { toHex } from "../../protocol/bytes.ts";
import type { InfoHash } from "../../protocol/ids.ts";
import type { TrackerStore } from "./store.ts";

/** Public API: what `/stats.json` gives. Fields may be added, none removed. */
export interface TrackerStats {
  readonly uptimeSeconds: number;
  readonly torrents: number;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
  readonly announces: number;
  readonly refused: number;
  readonly scrapes: number;
  /** The biggest swarms first, 1,000 at most. */
  readonly swarms: readonly SwarmStats[];
}

interface SwarmStats {
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** Absent when names are not shown, or not known. */
  readonly name?: string;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

const MAX_SWARMS = 1_000;

/** @param nameOf undefined for what has no name, or none to show. */
export function trackerStats(
  store: TrackerStore,
  uptimeSeconds: number,
  nameOf: (infoHash: InfoHash) => string | undefined,
): TrackerStats {
  const all = store.visible([], undefined);
  const sum = { seeders: 0, leechers: 0, completed: 0 };
  for (const { counts } of all) {
    sum.seeders += counts.complete;
    sum.leechers += counts.incomplete;
    sum.completed += counts.downloaded;
  }
  const size = ({ counts }: (typeof all)[number]) => counts.complete + counts.incomplete;
  const swarms = all
    .sort((a, b) => size(b) - size(a))
    .slice(0, MAX_SWARMS)
    .map(({ infoHash, counts }) => {
      const name = nameOf(infoHash);
      return {
        infoHash: toHex(infoHash),
        ...(name === undefined ? {} : { name }),
        seeders: counts.complete,
        leechers: counts.incomplete,
        completed: counts.downloaded,
      };
    });
  const { announces, refused, scrapes } = store.counters;
  return {
    uptimeSeconds: Math.floor(uptimeSeconds),
    torrents: all.length,
    ...sum,
    announces,
    refused,
    scrapes,
    swarms,
  };
}

/** Prometheus' text format 0.0.4: totals only, for a label for each torrent would grow without end. */
export function prometheusText(stats: TrackerStats): string {
  const metric = (name: string, kind: "gauge" | "counter", help: string, value: number) =>
    `# HELP boojum_tracker_${name} ${help}\n# TYPE boojum_tracker_${name} ${kind}\nboojum_tracker_${name} ${value}\n`;
  return [
    metric("uptime_seconds", "gauge", "Seconds since the start.", stats.uptimeSeconds),
    metric("torrents", "gauge", "Torrents tracked, hidden ones not among them.", stats.torrents),
    metric("seeders", "gauge", "Peers that have everything.", stats.seeders),
    metric("leechers", "gauge", "Peers that do not have everything.", stats.leechers),
    metric("completed_total", "counter", "Downloads finished.", stats.completed),
    metric("announces_total", "counter", "Announces received.", stats.announces),
    metric("refused_total", "counter", "Announces refused.", stats.refused),
    metric("scrapes_total", "counter", "Scrapes received.", stats.scrapes),
  ].join("");
}
