/** What is said of a share, of all of them, and of what went wrong: as a page, as JSON or in words, as the request prefers. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { escapeForTerminal, jsonLine } from "../protocol/escape.ts";
import { contentDisposition } from "./core/content.ts";
import { negotiate } from "./core/negotiate.ts";
import { previewKind, textOf } from "./core/preview.ts";
import { type FilesView, parseView } from "./core/view.ts";
import { indexText, shareJson, shareSummary, shareText, stateInWords } from "./describe.ts";
import type { Downloads } from "./downloads.ts";
import { findFile } from "./find-file.ts";
import type { Share } from "./model.ts";
import { IndexPage, ProblemPage } from "./page/index-page.tsx";
import { PAGE_POLICY } from "./page/layout.tsx";
import type { PreviewContent } from "./page/preview.tsx";
import { SharePage } from "./page/share-page.tsx";
import { readStart } from "./read-start.ts";
import type { Answer, WebContext } from "./web-env.ts";

const TORRENT = "application/x-bittorrent";
/** Seconds after which it is worth asking again for a torrent that is being prepared. */
const RETRY_SECONDS = "1";
/** Bytes of a text that are shown in the page. */
const TEXT_PREVIEW = 128 * 1024;

const TITLES = {
  400: "Nothing selected",
  401: "Password needed",
  404: "Not here",
  409: "It has changed",
  410: "Not shared any more",
  429: "Too many tries",
  500: "Something went wrong",
  503: "Not ready yet",
} as const;

export class Answers {
  readonly #version: string;
  readonly #downloads: Downloads;

  /** @param version of this program, for people */
  constructor(version: string, downloads: Downloads) {
    this.#version = version;
    this.#downloads = downloads;
  }

  problem(c: WebContext, status: keyof typeof TITLES, message: string): Answer {
    c.header("Vary", "Accept");
    c.header("Cache-Control", "no-store");
    if (status === 503) c.header("Retry-After", RETRY_SECONDS);
    switch (negotiate(c.req.header("accept"))) {
      case "html": {
        const props = { title: TITLES[status], message, root: c.env.judged.root, version: this.#version };
        return page(c, <ProblemPage {...props} />, status);
      }
      case "json":
        return json(c, { error: message }, status);
      default:
        return c.text(`${escapeForTerminal(message)}\n`, status);
    }
  }

  nothingHere(c: WebContext): Answer {
    return this.problem(c, 404, "Nothing is shared under this address.");
  }

  /** Of a share that isn't ready, or never will be. */
  notReady(c: WebContext, { state }: Share): Answer {
    return state.name === "failed"
      ? this.problem(c, 410, state.message)
      : this.problem(c, 503, stateInWords(state) ?? "");
  }

  index(c: WebContext, shares: readonly Share[]): Answer {
    const { base, root, host } = c.env.judged;
    c.header("Vary", "Accept");
    c.header("Cache-Control", "no-store");
    switch (negotiate(c.req.header("accept"))) {
      case "html": {
        const downloads = (id: string): number => this.#downloads.of(id);
        return page(c, <IndexPage {...{ shares, root, host, version: this.#version, downloads }} />);
      }
      case "json":
        return json(c, { shares: shares.map((share) => shareSummary(share, base)) }, 200);
      default:
        return c.text(indexText(shares, base));
    }
  }

  async share(c: WebContext, share: Share): Promise<Response> {
    const { base, root, target } = c.env.judged;
    c.header("Vary", "Accept");
    c.header("Cache-Control", "no-store");
    switch (negotiate(c.req.header("accept"))) {
      case "html": {
        const view = parseView(target.query);
        const preview = await previewOf(share, view);
        const downloads = this.#downloads.of(share.id);
        return page(
          c,
          <SharePage {...{ share, base, root, version: this.#version, view, preview, downloads }} />,
        );
      }
      case "json":
        return json(c, shareJson(share, base, target.query.get("page")), 200);
      default:
        return c.text(shareText(share, base));
    }
  }

  torrent(c: WebContext, share: Share): Answer {
    const { state } = share;
    c.header("Vary", "Accept");
    c.header("Cache-Control", "no-store");
    if (state.name === "ready") {
      c.header("Content-Type", TORRENT);
      c.header("Content-Disposition", contentDisposition(false, `${share.name}.torrent`));
      // A copy over one ArrayBuffer of its own: what hono takes as a body.
      return c.body(new Uint8Array(state.torrent(c.env.judged.base)));
    }
    const wanted = negotiate(c.req.header("accept"));
    // A program that waits for the torrent wants to show how far it is.
    if (state.name !== "failed" && (wanted === "torrent" || wanted === "json")) {
      c.header("Retry-After", RETRY_SECONDS);
      return json(c, shareSummary(share, c.env.judged.base), 503);
    }
    return this.notReady(c, share);
  }
}

function page(c: WebContext, content: unknown, status: ContentfulStatusCode = 200): Answer {
  c.header("Content-Security-Policy", PAGE_POLICY);
  return c.html(`<!doctype html>${String(content)}`, status);
}

/** Programs read it, and people whose terminal shows what curl got. */
function json(c: WebContext, value: unknown, status: ContentfulStatusCode): Response {
  return c.body(jsonLine(value), status, { "Content-Type": "application/json" });
}

/** What the page shows of the file that `view` names. */
async function previewOf(share: Share, { shown }: FilesView): Promise<PreviewContent | undefined> {
  const file = shown === undefined ? undefined : findFile(share, shown.split("/"));
  if (file === undefined) return undefined;
  const kind = previewKind(file.path.at(-1) ?? "");
  if (kind !== "text") return kind === undefined ? undefined : { file, kind };
  const isWhole = file.length <= TEXT_PREVIEW;
  const bytes = await readStart(file, TEXT_PREVIEW);
  return { file, kind, isWhole, text: bytes instanceof Uint8Array ? textOf(bytes, isWhole) : undefined };
}
