/** What the tracker has seen, for people. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import { Layout } from "./layout.tsx";

/** One swarm of {@link StatsView}. */
interface SwarmView {
  readonly infoHash: string;
  readonly name?: string;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

/** The part of the tracker's statistics that the page shows. */
export interface StatsView {
  readonly torrents: number;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
  readonly announces: number;
  readonly swarms: readonly SwarmView[];
}

const SHOWN = 200;

export function StatsPage({ stats, root, version }: { stats: StatsView; root: string; version: string }) {
  const { torrents, seeders, leechers, completed, announces, swarms } = stats;
  const facts = [
    [torrents, "torrents"],
    [seeders, "seeders"],
    [leechers, "leechers"],
    [completed, "downloads finished"],
    [announces, "announces"],
  ] as const;
  return (
    <Layout title="Tracker" root={root} version={version} refreshSeconds={10}>
      <h1>Tracker</h1>
      <ul class="facts">
        {facts.map(([count, noun]) => (
          <li>
            <b>{count.toLocaleString("en")}</b> {noun}
          </li>
        ))}
      </ul>
      {swarms.length === 0 ? <p class="soft">No swarm is listed here.</p> : null}
      <ul class="shares">
        {swarms.slice(0, SHOWN).map(({ infoHash, name, ...counts }) => (
          <li class="card">
            <bdi>{name === undefined ? <code>{infoHash}</code> : escapeForTerminal(name)}</bdi>
            <p class="soft">
              {counts.seeders} seeders, {counts.leechers} leechers, {counts.completed} finished
            </p>
          </li>
        ))}
      </ul>
      {swarms.length > SHOWN ? <p class="soft">And {swarms.length - SHOWN} more.</p> : null}
    </Layout>
  );
}
