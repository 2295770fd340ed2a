/** The page of one share: what it is, how to get it, who has it, and its files. */
import { formatBytes, formatCount, formatPieceLength } from "../core/format.ts";
import { type FilesView } from "../core/view.ts";
import { sizeInWords } from "../describe.ts";
import { eventsPath } from "../links.ts";
import type { Share } from "../model.ts";
import { Files } from "./files.tsx";
import { Layout } from "./layout.tsx";
import type { PreviewContent } from "./preview.tsx";
import { isOver, phaseOf, RoomView, Status } from "./room.tsx";
import { shown } from "./shown.ts";
import { Actions, Ways } from "./ways.tsx";

/** While the torrent is being prepared the page shows how far it is, without any script. */
const REFRESH_SECONDS = 2;

export interface SharePageProps {
  readonly share: Share;
  /** See `Judged`. */
  readonly base: string;
  readonly root: string;
  readonly version: string;
  readonly view: FilesView;
  readonly preview: PreviewContent | undefined;
  /** Single files that are being saved over HTTP now. */
  readonly downloads: number;
}

export function SharePage({ share, base, root, version, view, preview, downloads }: SharePageProps) {
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
      summary={`${sizeInWords(share)}, shared with Boojum.`}
      root={root}
      version={version}
      live={{ events: root + eventsPath(share), phase: phaseOf(share) }}
      refreshSeconds={isWaiting ? REFRESH_SECONDS : undefined}
      footer={footer}
    >
      <h1>
        <bdi>{shown(share.name)}</bdi>
      </h1>
      <p class="facts">
        {state.name === "scanning" ? null : share.oneFile ? (
          <b>{formatBytes(share.bytes)}</b>
        ) : (
          <>
            <b>{formatCount(share.files.length)}</b> {share.files.length === 1 ? "file" : "files"},{" "}
            <b>{formatBytes(share.bytes)}</b>
          </>
        )}
      </p>
      {isOver(share) ? null : <Actions share={share} base={base} root={root} />}
      <Status share={share} />
      {isOver(share) ? null : (
        <div class="pair">
          <RoomView room={share.room()} downloads={downloads} />
          <Ways share={share} base={base} root={root} />
        </div>
      )}
      <Files share={share} root={root} view={view} preview={preview} />
    </Layout>
  );
}
