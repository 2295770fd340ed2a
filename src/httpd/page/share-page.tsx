/** The page of one share: what it is, how to get it, and its files. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import { countOf, formatBytes, formatCount, formatPieceLength, percent } from "../core/format.ts";
import { type Page, pageOf } from "../core/paging.ts";
import { hasArchive, stateInWords } from "../describe.ts";
import { archivePath, filePath, sharePath, torrentPath } from "../links.ts";
import type { Share, SharedFile, SwarmCounts } from "../model.ts";
import { Layout } from "./layout.tsx";

/** Rows on one page. */
const ROWS = 500;
/** While the torrent is being prepared the page shows how far it is, without any script. */
const REFRESH_SECONDS = 2;

export interface SharePageProps {
  readonly share: Share;
  /** See `Judged`. */
  readonly base: string;
  readonly root: string;
  readonly version: string;
  /** The `page` parameter as it was sent. */
  readonly askedPage: string | null;
}

export function SharePage({ share, base, root, version, askedPage }: SharePageProps) {
  const { state } = share;
  const isWaiting = state.name === "scanning" || state.name === "hashing";
  const footer =
    state.name === "ready" ? (
      <p>
        Info hash <code>{state.infoHash}</code>, pieces of {formatPieceLength(state.pieceLength)}.
      </p>
    ) : null;
  return (
    <Layout
      title={shown(share.name)}
      root={root}
      version={version}
      refreshSeconds={isWaiting ? REFRESH_SECONDS : undefined}
      footer={footer}
    >
      <h1>
        <bdi>{shown(share.name)}</bdi>
      </h1>
      <ul class="facts">
        {share.oneFile ? null : (
          <li>
            <b>{formatCount(share.files.length)}</b> {share.files.length === 1 ? "file" : "files"}
          </li>
        )}
        <li>
          <b>{formatBytes(share.bytes)}</b>
        </li>
        {state.name === "ready" ? <Swarm counts={state.swarm()} /> : null}
      </ul>
      <State share={share} />
      {state.name === "failed" ? null : <Ways share={share} base={base} root={root} />}
      <Files share={share} root={root} page={pageOf(share.files, askedPage, ROWS)} />
    </Layout>
  );
}

function Swarm({ counts }: { readonly counts: SwarmCounts }) {
  return (
    <>
      <li>
        <b>{formatCount(counts.leechers)}</b> downloading
      </li>
      <li>
        <b>{formatCount(counts.seeders)}</b> helping to send
      </li>
      <li>
        <b>{formatCount(counts.completed)}</b> finished
      </li>
    </>
  );
}

function State({ share: { state } }: { readonly share: Share }) {
  const words = stateInWords(state);
  if (words === undefined) return null;
  return (
    <section class={state.name === "failed" ? "state bad" : "state"} role="status">
      {state.name === "failed" ? "This can't be shared any more. " : ""}
      {shown(words)}
      {state.name === "hashing" ? (
        <progress
          max="100"
          value={String(percent(state.bytesDone, state.bytesTotal))}
          aria-label="Preparing the torrent"
        />
      ) : null}
    </section>
  );
}

function Ways({
  share,
  base,
  root,
}: {
  readonly share: Share;
  readonly base: string;
  readonly root: string;
}) {
  const { state } = share;
  const only = share.oneFile ? share.files[0] : undefined;
  return (
    <section class="ways">
      <div class="card wide">
        <h2>With Boojum</h2>
        <p class="soft">The fastest way: everything, checked, and it continues where it stopped.</p>
        <div class="command">
          <code tabindex={0}>
            share get {base}
            {sharePath(share)}
          </code>
          <button type="button" data-copy hidden>
            Copy
          </button>
        </div>
      </div>
      <div class="card">
        <h2>With a BitTorrent client</h2>
        <p class="soft">qBittorrent, Transmission, aria2 and any other.</p>
        {state.name === "ready" ? (
          <div class="buttons">
            <a class="button" href={root + torrentPath(share)}>
              Torrent file
            </a>
            <a class="button quiet" href={state.magnet(base)}>
              Magnet link
            </a>
          </div>
        ) : (
          <p>As soon as the torrent is ready.</p>
        )}
      </div>
      <div class="card">
        <h2>With this browser</h2>
        <p class="soft">No program needed.</p>
        {hasArchive(share) ? (
          <>
            <div class="buttons">
              <a class="button" href={root + archivePath(share, "zip")} download>
                ZIP of everything
              </a>
              <a class="button quiet" href={root + archivePath(share, "tar")} download>
                TAR
              </a>
            </div>
            <p>
              Or pick <a href="#files">single files</a> below.
            </p>
          </>
        ) : null}
        {only === undefined ? null : (
          <div class="buttons">
            <a class="button" href={root + filePath(share, only)} download>
              Download, {formatBytes(only.length)}
            </a>
          </div>
        )}
      </div>
    </section>
  );
}

interface FilesProps {
  readonly share: Share;
  readonly root: string;
  readonly page: Page<SharedFile>;
}

function Files({ share, root, page }: FilesProps) {
  if (page.total === 0) return null;
  return (
    <section id="files">
      <div class="head">
        <h2>{share.oneFile ? "File" : "Files"}</h2>
        {page.count > 1 ? (
          <span class="soft">
            {formatCount(page.first + 1)} to {formatCount(page.first + page.items.length)} of{" "}
            {countOf(page.total, "file")}
          </span>
        ) : null}
      </div>
      <ul class="files">
        {page.items.map((file) => (
          <FileRow share={share} root={root} file={file} />
        ))}
      </ul>
      {page.count > 1 ? <Pager share={share} root={root} page={page} /> : null}
    </section>
  );
}

function FileRow({
  share,
  root,
  file,
}: {
  readonly share: Share;
  readonly root: string;
  readonly file: SharedFile;
}) {
  const href = root + filePath(share, file);
  const name = shown(file.path.at(-1) ?? "");
  const folders = file.path.slice(0, -1).map(shown);
  return (
    <li>
      <a class="name" href={href}>
        {folders.length === 0 ? null : (
          <span class="folder">
            <bdi>{folders.join("/")}</bdi>/
          </span>
        )}
        <bdi>{name}</bdi>
      </a>
      <span class="size">{formatBytes(file.length)}</span>
      <a class="save" href={href} download aria-label={`Download ${name}`} title="Download">
        <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true">
          <path d="M10 3v9m-4-3.5L10 12.500l4-4M4 16.500h12" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
      </a>
    </li>
  );
}

function Pager({ share, root, page }: FilesProps) {
  const href = (number: number) => `${root}${sharePath(share)}?page=${number}#files`;
  return (
    <nav class="pages" aria-label="Pages of files">
      {page.number > 1 ? (
        <a class="button quiet" rel="prev" href={href(page.number - 1)}>
          Previous
        </a>
      ) : null}
      <span>
        Page {formatCount(page.number)} of {formatCount(page.count)}
      </span>
      {page.number < page.count ? (
        <a class="button quiet" rel="next" href={href(page.number + 1)}>
          Next
        </a>
      ) : null}
    </nav>
  );
}

/** Names come from strangers' disks: what would reorder or hide text is made visible. JSX escapes the rest. */
function shown(text: string): string {
  return escapeForTerminal(text);
}
