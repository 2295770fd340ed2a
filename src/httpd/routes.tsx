/** Which URL gives what. All URLs of product.md's table that exist so far, but the tracker's. */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { escapeForTerminal, jsonLine } from "../protocol/escape.ts";
import { type ArchiveFormat, sendArchive } from "./archives.ts";
import { contentDisposition } from "./core/content.ts";
import { negotiate } from "./core/negotiate.ts";
import { previewKind, textOf } from "./core/preview.ts";
import { selectedPaths } from "./core/selection.ts";
import { type FilesView, parseView } from "./core/view.ts";
import { indexText, shareJson, shareSummary, shareText, stateInWords } from "./describe.ts";
import { Downloads } from "./downloads.ts";
import { EventStreams, type Render } from "./event-streams.ts";
import { sharesFeed } from "./feed.ts";
import { sendFile } from "./files.ts";
import type { Guard } from "./guard.ts";
import { HashStreams } from "./hash-stream.ts";
import { sharePath } from "./links.ts";
import type { Catalog, Share, SharedFile } from "./model.ts";
import { IndexPage, indexPulse, ProblemPage } from "./page/index-page.tsx";
import { PAGE_POLICY } from "./page/layout.tsx";
import { FAVICON } from "./page/marks.ts";
import type { PreviewContent } from "./page/preview.tsx";
import { sharePulse } from "./page/room.tsx";
import { SharePage } from "./page/share-page.tsx";
import { Outlet, type SendLimit } from "./pump.ts";
import { readStart } from "./read-start.ts";
import type { Judged } from "./request.ts";

export interface RoutesOptions {
  readonly catalog: Catalog;
  /** Of this program, for people. */
  readonly version: string;
  /** This program as a package for npm; undefined when there is none. */
  readonly program?: (() => Promise<Uint8Array | undefined>) | undefined;
  /** Everything a person opens needs it. */
  readonly guard?: Guard | undefined;
  /** The rate that all uploads share, asked for when a file is sent; none: as fast as it goes. */
  readonly limit?: (() => SendLimit | undefined) | undefined;
}

/** What the front door adds to a request. */
export interface WebEnv {
  readonly Bindings: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly judged: Judged;
  };
}

type WebContext = Context<WebEnv>;
type Answer = Response | Promise<Response>;

const TORRENT = "application/x-bittorrent";
/** Seconds after which it is worth asking again for a torrent that is being prepared. */
const RETRY_SECONDS = "1";
/** Bytes of a text that are shown in the page. */
const TEXT_PREVIEW = 128 * 1024;

export function createRoutes(options: RoutesOptions): Hono<WebEnv> {
  const { catalog, version } = options;
  const outlet = new Outlet(options.limit ?? (() => undefined));
  const streams = new EventStreams();
  const hashStreams = new HashStreams();
  const downloads = new Downloads();
  const app = new Hono<WebEnv>();

  const problem = (c: WebContext, status: keyof typeof TITLES, message: string): Answer => {
    c.header("Vary", "Accept");
    c.header("Cache-Control", "no-store");
    if (status === 503) c.header("Retry-After", RETRY_SECONDS);
    switch (negotiate(c.req.header("accept"))) {
      case "html":
        c.header("Content-Security-Policy", PAGE_POLICY);
        return c.html(
          `<!doctype html>${<ProblemPage title={TITLES[status]} message={message} root={c.env.judged.root} version={version} />}`,
          status,
        );
      case "json":
        return json(c, { error: message }, status);
      default:
        return c.text(`${escapeForTerminal(message)}\n`, status);
    }
  };
  const nothingHere = (c: WebContext) => problem(c, 404, "Nothing is shared under this address.");
  const withShare = (c: WebContext, id: string | undefined, answer: (share: Share) => Answer): Answer => {
    const share = id === undefined ? undefined : catalog.get(id);
    if (share === undefined) return nothingHere(c);
    return share.state.name === "ended" ? problem(c, 410, share.state.message) : answer(share);
  };
  const torrent = (c: WebContext, share: Share) => torrentAnswer(c, share, problem);
  const file = async (c: WebContext, share: Share, found: SharedFile | undefined): Promise<Response> => {
    if (found === undefined) return nothingHere(c);
    const failure = await sendFile(c.env.incoming, c.env.outgoing, found, { outlet, onSent: share.onSent });
    if (failure === undefined) return RESPONSE_ALREADY_SENT;
    if (failure.status !== 503) share.suspect?.(found);
    return problem(c, failure.status, failure.message);
  };

  const archive = async (c: WebContext, share: Share, format: ArchiveFormat): Promise<Response> => {
    if (share.state.name === "failed") return problem(c, 410, share.state.message);
    if (share.files.length === 0) return problem(c, 503, stateInWords(share.state) ?? "");
    const paths = selectedPaths(c.env.judged.target.query);
    const wanted = { share, format, paths, outlet };
    const failure = await sendArchive(c.env.incoming, c.env.outgoing, wanted);
    if (failure === undefined) downloads.watch(share.id, c.env.outgoing);
    return failure === undefined ? RESPONSE_ALREADY_SENT : problem(c, failure.status, failure.message);
  };

  const { guard } = options;
  if (guard !== undefined) {
    // Before any route, so that whatever is added later is guarded, too.
    app.use("*", async (c, next) => {
      if (needsNoPassword(c, catalog)) return next();
      const verdict = guard.check(c.req.header("authorization"), c.env.judged.client);
      if (verdict === "ok") return next();
      if (typeof verdict === "object") {
        c.header("Retry-After", String(verdict.waitSeconds));
        return problem(
          c,
          429,
          "Too many wrong passwords came from your address. Wait a while and try again.",
        );
      }
      c.header("WWW-Authenticate", 'Basic realm="Boojum share", charset="UTF-8"');
      return problem(c, 401, PASSWORD_WANTED[verdict]);
    });
  }

  const events = (c: WebContext, key: string, render: Render): Answer => {
    const { incoming, outgoing } = c.env;
    if (streams.open(incoming, outgoing, key, render)) return RESPONSE_ALREADY_SENT;
    return problem(c, 503, "Too many are watching. Look again in a moment.");
  };

  app.get("/", (c) => {
    const listed = catalog.listed();
    const [first] = listed;
    // People hand on the address without the path: with one share there is no doubt what is meant.
    const isMeant = listed.length === 1 && negotiate(c.req.header("accept")) === "torrent";
    return isMeant && first !== undefined ? torrent(c, first) : indexAnswer(c, listed, options, downloads);
  });
  app.get("/events", (c) => {
    const { root } = c.env.judged;
    return events(c, `index ${root}`, () =>
      indexPulse({ shares: catalog.listed(), root, downloads: (id) => downloads.of(id) }),
    );
  });
  app.get("/s/:id/events", (c) =>
    withShare(c, c.req.param("id"), ({ id }) =>
      events(c, `share ${id}`, () => {
        const share = catalog.get(id);
        return share === undefined ? undefined : sharePulse(share, downloads.of(id));
      }),
    ),
  );
  app.get("/metainfo.torrent", (c) => {
    const [first] = catalog.listed();
    return first === undefined ? nothingHere(c) : torrent(c, first);
  });
  app.get("/boojum.tgz", async (c) => {
    const program = await options.program?.();
    if (program === undefined) return problem(c, 404, "This copy of the program can't be handed on.");
    // A copy over one ArrayBuffer of its own: what hono takes as a body.
    return c.body(new Uint8Array(program), 200, {
      "Content-Type": "application/gzip",
      "Content-Length": String(program.length),
      "Cache-Control": "no-cache",
    });
  });
  app.get("/feed.xml", (c) =>
    c.body(sharesFeed(catalog.listed(), c.env.judged), 200, {
      "Content-Type": "application/atom+xml; charset=utf-8",
      "Cache-Control": "no-cache",
    }),
  );
  for (const path of ["/favicon.svg", "/favicon.ico"]) {
    app.get(path, (c) =>
      c.body(FAVICON, 200, { "Content-Type": "image/svg+xml", "Cache-Control": "max-age=86400" }),
    );
  }
  app.get("/s/:id", (c) => {
    const id = c.req.param("id");
    if (id.endsWith(".torrent"))
      return withShare(c, id.slice(0, -".torrent".length), (share) => torrent(c, share));
    const packed = /^(.*)\.(zip|tar)$/.exec(id);
    if (packed !== null) {
      return withShare(c, packed[1], (share) => archive(c, share, packed[2] === "zip" ? "zip" : "tar"));
    }
    return withShare(c, id, (share) =>
      negotiate(c.req.header("accept")) === "torrent"
        ? torrent(c, share)
        : shareAnswer(c, share, version, downloads),
    );
  });
  app.get("/s/:id/", (c) =>
    withShare(c, c.req.param("id"), (share) => c.redirect(c.env.judged.root + sharePath(share), 308)),
  );
  app.get("/s/:id/hashes", (c) =>
    withShare(c, c.req.param("id"), (share) => {
      const { front, state } = share;
      if (front === undefined) {
        return state.name === "failed"
          ? problem(c, 410, state.message)
          : problem(c, 503, stateInWords(state) ?? "");
      }
      const isSent = hashStreams.send(c.env.outgoing, share, front);
      return isSent
        ? RESPONSE_ALREADY_SENT
        : problem(c, 503, "Too many ask for this. Try again in a moment.");
    }),
  );
  app.get("/s/:id/files/*", (c) =>
    withShare(c, c.req.param("id"), async (share) => {
      const answer = await file(c, share, findFile(share, c.env.judged.target.segments.slice(3)));
      if (answer === RESPONSE_ALREADY_SENT) downloads.watch(share.id, c.env.outgoing);
      return answer;
    }),
  );
  app.get("/s/:id/seed/*", (c) =>
    withShare(c, c.req.param("id"), (share) => {
      const [name, ...path] = c.env.judged.target.segments.slice(share.token === undefined ? 3 : 4);
      if (name !== share.name) return nothingHere(c);
      // One file is NAME itself; a folder's are below it (BEP 19).
      if (share.oneFile) return path.length === 0 ? file(c, share, share.files[0]) : nothingHere(c);
      return file(c, share, findFile(share, path));
    }),
  );
  app.notFound(nothingHere);
  app.onError((_, c) => problem(c, 500, "Something went wrong here. Try again."));
  return app;
}

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

const PASSWORD_WANTED = {
  missing: "A password is needed here. With curl: curl -u :PASSWORD URL",
  wrong: "That is not the password. Ask whoever gave you the link.",
} as const;

/** What browsers ask for unasked, and a web seed whose path has the token: clients can't log in. */
function needsNoPassword(c: WebContext, catalog: Catalog): boolean {
  const [first, id, kind, token] = c.env.judged.target.segments;
  // The program is no secret, and who has the password may need it first.
  if (first === "boojum.tgz" || first === "favicon.svg" || first === "favicon.ico") return true;
  const expected = first === "s" && kind === "seed" && id !== undefined ? catalog.get(id)?.token : undefined;
  return expected !== undefined && token !== undefined && isSameText(token, expected);
}

/** In a time that doesn't depend on where they differ; the length is no secret. */
function isSameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function indexAnswer(
  c: WebContext,
  shares: readonly Share[],
  { version }: RoutesOptions,
  downloads: Downloads,
): Answer {
  const { base, root, host } = c.env.judged;
  c.header("Vary", "Accept");
  c.header("Cache-Control", "no-store");
  switch (negotiate(c.req.header("accept"))) {
    case "html": {
      c.header("Content-Security-Policy", PAGE_POLICY);
      const props = { shares, root, host, version, downloads: (id: string) => downloads.of(id) };
      return c.html(`<!doctype html>${<IndexPage {...props} />}`);
    }
    case "json":
      return json(c, { shares: shares.map((share) => shareSummary(share, base)) }, 200);
    default:
      return c.text(indexText(shares, base));
  }
}

async function shareAnswer(
  c: WebContext,
  share: Share,
  version: string,
  downloads: Downloads,
): Promise<Response> {
  const { base, root, target } = c.env.judged;
  c.header("Vary", "Accept");
  c.header("Cache-Control", "no-store");
  switch (negotiate(c.req.header("accept"))) {
    case "html": {
      c.header("Content-Security-Policy", PAGE_POLICY);
      const view = parseView(target.query);
      const preview = await previewOf(share, view);
      const props = { share, base, root, version, view, preview, downloads: downloads.of(share.id) };
      return c.html(`<!doctype html>${<SharePage {...props} />}`);
    }
    case "json":
      return json(c, shareJson(share, base, target.query.get("page")), 200);
    default:
      return c.text(shareText(share, base));
  }
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

function torrentAnswer(
  c: WebContext,
  share: Share,
  problem: (c: WebContext, status: 410 | 503, message: string) => Answer,
): Answer {
  const { state } = share;
  c.header("Vary", "Accept");
  c.header("Cache-Control", "no-store");
  if (state.name === "ready") {
    c.header("Content-Type", TORRENT);
    c.header("Content-Disposition", contentDisposition(false, `${share.name}.torrent`));
    // A copy over one ArrayBuffer of its own: what hono takes as a body.
    return c.body(new Uint8Array(state.torrent(c.env.judged.base)));
  }
  if (state.name === "failed") return problem(c, 410, state.message);
  const wanted = negotiate(c.req.header("accept"));
  // A program that waits for the torrent wants to show how far it is.
  if (wanted === "torrent" || wanted === "json") {
    c.header("Retry-After", RETRY_SECONDS);
    return json(c, shareSummary(share, c.env.judged.base), 503);
  }
  return problem(c, 503, stateInWords(state) ?? "");
}

/** File lists and their indexes by path, made when first asked for. */
const indexes = new WeakMap<readonly SharedFile[], ReadonlyMap<string, SharedFile>>();

/** The file with exactly this path, or nothing: no path from a request ever reaches the disk. */
function findFile(share: Share, path: readonly string[]): SharedFile | undefined {
  let index = indexes.get(share.files);
  if (index === undefined) {
    index = new Map(share.files.map((file) => [file.path.join("/"), file]));
    indexes.set(share.files, index);
  }
  return index.get(path.join("/"));
}
