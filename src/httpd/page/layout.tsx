/** What all pages have in common. */
import { createHash } from "node:crypto";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { MARK, SPRITE } from "./marks.ts";
import { text as SCRIPT } from "./page.client.ts?text";
import { STYLE } from "./style.ts";

/**
 * Only what we wrote ourselves runs or styles; nothing is loaded from anywhere else, nobody may frame us. What is
 * shared is looked at in frames, and the server sends it sandboxed if it could carry scripts.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${sha256(STYLE)}'`,
  `script-src '${sha256(SCRIPT)}'`,
  "connect-src 'self'",
  "img-src 'self'",
  "media-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

function sha256(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

interface LayoutProps {
  readonly title: string;
  /** For those who get the link: one sentence. */
  readonly summary?: string | undefined;
  /** The path before ours, see `Judged.root`. */
  readonly root: string;
  readonly version: string;
  /** Where the page hears of changes, and what it is now: another phase means another page. */
  readonly live?: { readonly events: string; readonly phase: string } | undefined;
  /** The page asks for itself again after so many seconds; a live one only without scripts. */
  readonly refreshSeconds?: number | undefined;
  /** Further lines of the footer. */
  readonly footer?: Child;
  readonly children: Child;
}

export function Layout({
  title,
  summary,
  root,
  version,
  live,
  refreshSeconds,
  footer,
  children,
}: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {refreshSeconds === undefined ? null : live === undefined ? (
          <meta http-equiv="refresh" content={String(refreshSeconds)} />
        ) : (
          <noscript>
            <meta http-equiv="refresh" content={String(refreshSeconds)} />
          </noscript>
        )}
        <title>{title}</title>
        <meta property="og:title" content={title} />
        <meta property="og:type" content="website" />
        <meta property="og:site_name" content="Boojum" />
        {summary === undefined ? null : (
          <>
            <meta property="og:description" content={summary} />
            <meta name="description" content={summary} />
          </>
        )}
        <link rel="icon" href={`${root}/favicon.svg`} type="image/svg+xml" />
        <link
          rel="alternate"
          href={`${root}/feed.xml`}
          type="application/atom+xml"
          title="Everything shared here"
        />
        <style>{raw(STYLE)}</style>
      </head>
      <body data-events={live?.events} data-phase={live?.phase}>
        {raw(SPRITE)}
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <div class="sheet">
          <header>
            <a class="brand" href={`${root}/`}>
              <svg viewBox="0 0 32 32" aria-hidden="true">
                {raw(MARK)}
              </svg>
              Boojum
            </a>
          </header>
          <p id="lost" role="status" hidden>
            <b>Connection lost.</b> The publisher may have stopped sharing, or the network is down. Trying
            again…
          </p>
          <main id="main">{children}</main>
          <footer>
            {footer}
            <p>Served by Boojum {version}, straight from this machine.</p>
          </footer>
        </div>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  );
}

/** A drawing from the sprite, for the eye only. */
export function Icon({ name }: { readonly name: string }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}
