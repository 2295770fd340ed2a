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

/** With what everybody has: a browser, or a BitTorrent client. */
export function Actions({ share, base, root }: WaysProps) {
  const { state } = share;
  const magnet = state.name === "ready" ? state.magnet(base) : undefined;
  return (
    <div class="actions" role="group" aria-label="Get it">
      <Downloads share={share} root={root} />
      {magnet === undefined ? null : (
        <>
          <a class="button quiet" href={root + torrentPath(share)}>
            Torrent file
          </a>
          <a class="button quiet" href={magnet}>
            Magnet link
          </a>
          <CopyButton text={magnet} what="magnet link" />
        </>
      )}
    </div>
  );
}

function Downloads({ share, root }: { readonly share: Share; readonly root: string }) {
  const only = share.oneFile ? share.files[0] : undefined;
  if (only !== undefined) {
    return (
      <a class="button" href={root + filePath(share, only)} download>
        <Icon name="save" />
        Download, {formatBytes(only.length)}
      </a>
    );
  }
  if (!hasArchive(share)) return null;
  return (
    <>
      <a class="button" href={root + archivePath(share, "zip")} download>
        <Icon name="save" />
        ZIP of everything
      </a>
      <a class="button quiet" href={root + archivePath(share, "tar")} download aria-label="TAR of everything">
        TAR
      </a>
    </>
  );
}

/** With this program, which does it best. */
export function Ways({ share, base }: WaysProps) {
  const url = base + sharePath(share);
  const command = `share get ${url}`;
  const handedOn = `npx ${base}${PROGRAM} get ${url}`;
  return (
    <section id="get" class="card" aria-labelledby="get-title">
      <h2 id="get-title">Get it with Boojum</h2>
      <p class="soft">
        The fastest way: all receivers help each other, every piece is checked, and it continues where it
        stopped.{share.token === undefined ? null : " It asks for the password."}
      </p>
      <Command text={command} what="command" />
      {share.code === undefined ? null : (
        <>
          <p class="soft">On the same network, by a code that can be said aloud:</p>
          <Command text={`share get ${share.code}`} what="command with the code" />
        </>
      )}
      <p class="soft">Not installed? With Node alone, from this machine, without the internet:</p>
      <Command text={handedOn} what="npx command" />
      <details class="scan">
        <summary>Open this page on a phone</summary>
        <QrCode text={url} label={`QR code of ${url}`} />
      </details>
    </section>
  );
}

function Command({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <div class="command">
      <code tabindex={0}>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  );
}

/** Shown by the script, without which it could do nothing. */
function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <button type="button" data-copy={text} aria-label={`Copy ${what}`} title={`Copy ${what}`} hidden>
      <Icon name="copy" />
      <span class="copied" role="status" hidden>
        Copied
      </span>
    </button>
  );
}
