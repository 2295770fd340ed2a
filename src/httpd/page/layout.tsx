/** What all pages have in common. */
import { createHash } from "node:crypto";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { MARK, SCRIPT, STYLE } from "./style.ts";

/** Only what we wrote ourselves runs or styles; nothing is loaded from anywhere else, nobody may frame us. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${sha256(STYLE)}'`,
  `script-src '${sha256(SCRIPT)}'`,
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function sha256(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

interface LayoutProps {
  readonly title: string;
  /** The path before ours, see `Judged.root`. */
  readonly root: string;
  readonly version: string;
  /** The page asks for itself again after so many seconds. */
  readonly refreshSeconds?: number | undefined;
  /** Further lines of the footer. */
  readonly footer?: Child;
  readonly children: Child;
}

export function Layout({ title, root, version, refreshSeconds, footer, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {refreshSeconds === undefined ? null : <meta http-equiv="refresh" content={String(refreshSeconds)} />}
        <title>{title}</title>
        <link rel="icon" href={`${root}/favicon.svg`} type="image/svg+xml" />
        <link
          rel="alternate"
          href={`${root}/feed.xml`}
          type="application/atom+xml"
          title="Everything shared here"
        />
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <div class="sheet">
          <header>
            <a class="brand" href={`${root}/`}>
              <svg viewBox="0 0 32 32" aria-hidden="true">
                {raw(MARK)}
              </svg>
              Boojum
            </a>
          </header>
          <main>{children}</main>
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
