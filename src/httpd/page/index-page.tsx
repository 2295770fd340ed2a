/** The list of shares, and the page for what isn't there. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import { countOf, formatBytes, percent } from "../core/format.ts";
import { sizeInWords } from "../describe.ts";
import { sharePath } from "../links.ts";
import type { Share } from "../model.ts";
import { Icon, Layout } from "./layout.tsx";
import { isOver, isSafeToStop, pulse, tally, verdict } from "./room.tsx";

interface SharesProps {
  readonly shares: readonly Share[];
  readonly root: string;
  /** Single files that are being saved over HTTP now, of a share. */
  readonly downloads: (share: string) => number;
}

export interface IndexPageProps extends SharesProps {
  /** The checked host of the request. */
  readonly host: string;
  readonly version: string;
}

export function IndexPage({ shares, root, host, version, downloads }: IndexPageProps) {
  const isWaiting = shares.some(({ state }) => state.name === "scanning" || state.name === "hashing");
  const title = `Shared from ${host}`;
  return (
    <Layout
      title={title}
      summary={`${countOf(shares.length, "share")} on this machine.`}
      root={root}
      version={version}
      live={{ events: `${root}/events`, phase: "index" }}
      refreshSeconds={isWaiting ? 2 : undefined}
    >
      <h1>{title}</h1>
      <p class="facts">
        <a href={`${root}/feed.xml`}>Feed</a> of what is shared here, for readers and BitTorrent clients.
      </p>
      <Shares shares={shares} root={root} downloads={downloads} />
    </Layout>
  );
}

function Shares({ shares, root, downloads }: SharesProps) {
  if (shares.length === 0) {
    return (
      <div id="shares" class="card">
        <p>Nothing is listed here.</p>
        <p class="soft">A share that isn't listed has a link of its own: ask whoever published it.</p>
      </div>
    );
  }
  return (
    <ul id="shares" class="shares">
      {shares.map((share) => (
        <li class="card" data-key={share.id}>
          <a href={root + sharePath(share)}>
            <bdi>{escapeForTerminal(share.name)}</bdi>
          </a>
          <p class="soft">{share.state.name === "scanning" ? "Being listed" : sizeInWords(share)}</p>
          <Note share={share} downloads={downloads(share.id)} />
        </li>
      ))}
    </ul>
  );
}

function Note({ share, downloads }: { readonly share: Share; readonly downloads: number }) {
  const { state } = share;
  if (isOver(share)) return <p class="note bad">Not shared any more</p>;
  if (state.name === "scanning") return null;
  if (state.name === "hashing") {
    const done = percent(state.bytesDone, state.bytesTotal);
    return (
      <div class="note">
        <p>Being prepared: {done} %</p>
        <progress max="100" value={String(done)} aria-label="Preparing the torrent" />
      </div>
    );
  }
  const room = share.room();
  if (tally(room).total === 0 && downloads === 0) return null;
  const isSafe = isSafeToStop(room, downloads);
  return (
    <p class={isSafe ? "note safe" : "note"}>
      {isSafe ? <Icon name="done" /> : null}
      {verdict(room, downloads)}
      {room.upRate > 0 && !isSafe ? <span class="soft">, {formatBytes(room.upRate)}/s from here</span> : null}
    </p>
  );
}

/** What the stream of the list says. */
export function indexPulse(props: SharesProps): string {
  return pulse("index", { shares: <Shares {...props} /> });
}

export interface ProblemPageProps {
  readonly title: string;
  readonly message: string;
  readonly root: string;
  readonly version: string;
}

export function ProblemPage({ title, message, root, version }: ProblemPageProps) {
  return (
    <Layout title={title} root={root} version={version}>
      <div class="problem">
        <h1>{title}</h1>
        <p>{escapeForTerminal(message)}</p>
        <p class="buttons">
          <a class="button quiet" href={`${root}/`}>
            Everything that is shared from here
          </a>
        </p>
      </div>
    </Layout>
  );
}
