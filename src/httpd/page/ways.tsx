/** How to get a share. */
import { formatBytes } from "../core/format.ts";
import { hasArchive } from "../describe.ts";
import { archivePath, filePath, PROGRAM, sharePath, torrentPath } from "../links.ts";
import type { Share } from "../model.ts";
import { Icon } from "./layout.tsx";
import { QrCode } from "./qr.tsx";

interface WaysProps {
  readonly share: Share;
  /** See `Judged`. */
  readonly base: string;
  readonly root: string;
}

export function Ways({ share, base, root }: WaysProps) {
  const { state } = share;
  const url = base + sharePath(share);
  const command = `share get ${url}`;
  const handedOn = `npx ${base}${PROGRAM} get ${url}`;
  const magnet = state.name === "ready" ? state.magnet(base) : undefined;
  return (
    <section id="get" class="card" aria-labelledby="get-title">
      <h2 id="get-title">Get it</h2>
      <Browser share={share} root={root} />
      <h3>With Boojum</h3>
      <p class="soft">Everything, checked; the fastest way, and it continues where it stopped.</p>
      <div class="command">
        <code tabindex={0}>{command}</code>
        <CopyButton text={command} what="command" />
      </div>
      <p class="soft">Not installed? With Node, straight from here and without the internet:</p>
      <div class="command">
        <code tabindex={0}>{handedOn}</code>
        <CopyButton text={handedOn} what="npx command" />
      </div>
      <h3>With a BitTorrent client</h3>
      {magnet === undefined ? (
        <p class="soft">As soon as the torrent is ready.</p>
      ) : (
        <div class="buttons">
          <a class="button quiet" href={root + torrentPath(share)}>
            Torrent file
          </a>
          <a class="button quiet" href={magnet}>
            Magnet link
          </a>
          <CopyButton text={magnet} what="magnet link" />
        </div>
      )}
      <details class="scan">
        <summary>Open this page on a phone</summary>
        <QrCode text={url} label={`QR code of ${url}`} />
      </details>
    </section>
  );
}

function Browser({ share, root }: { readonly share: Share; readonly root: string }) {
  const only = share.oneFile ? share.files[0] : undefined;
  if (only !== undefined) {
    return (
      <div class="buttons">
        <a class="button" href={root + filePath(share, only)} download>
          <Icon name="save" />
          Download, {formatBytes(only.length)}
        </a>
      </div>
    );
  }
  if (!hasArchive(share)) return <p>Files can be downloaded here as soon as they are listed.</p>;
  return (
    <>
      <div class="buttons">
        <a class="button" href={root + archivePath(share, "zip")} download>
          <Icon name="save" />
          ZIP of everything
        </a>
        <a class="button quiet" href={root + archivePath(share, "tar")} download>
          TAR
        </a>
      </div>
      <p class="soft">
        With this browser alone. Or pick <a href="#files">files below</a>.
      </p>
    </>
  );
}

/** Shown by the script, without which it could do nothing. */
function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <button type="button" data-copy={text} aria-label={`Copy ${what}`} hidden>
      Copy
    </button>
  );
}
