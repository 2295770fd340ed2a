/** Which URL gives what. All URLs of product.md's table that exist so far, but the tracker's. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { Answers } from "./answers.tsx";
import { type ArchiveFormat, sendArchive } from "./archives.ts";
import { negotiate } from "./core/negotiate.ts";
import { selectedPaths } from "./core/selection.ts";
import { stateInWords } from "./describe.ts";
import { Downloads } from "./downloads.ts";
import { EventStreams, type Render } from "./event-streams.ts";
import { sharesFeed } from "./feed.ts";
import { sendFile } from "./files.ts";
import { findFile } from "./find-file.ts";
import type { Guard } from "./guard.ts";
import { HashStreams } from "./hash-stream.ts";
import { sharePath } from "./links.ts";
import type { Catalog, Share, SharedFile } from "./model.ts";
import { indexPulse } from "./page/index-page.tsx";
import { FAVICON } from "./page/marks.ts";
import { sharePulse } from "./page/room.tsx";
import { passwordGate } from "./password-gate.ts";
import { Outlet, type SendLimit } from "./pump.ts";
import type { Answer, WebContext, WebEnv } from "./web-env.ts";

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

/** What all routes need. */
interface Desk {
  readonly catalog: Catalog;
  readonly answers: Answers;
  readonly downloads: Downloads;
  readonly outlet: Outlet;
  /** The share's own answer, or what is to be said when there is no such share. */
  withShare(c: WebContext, id: string | undefined, answer: (share: Share) => Answer): Answer;
}

export function createRoutes(options: RoutesOptions): Hono<WebEnv> {
  const { catalog, guard } = options;
  const downloads = new Downloads();
  const answers = new Answers(options.version, downloads);
  const desk: Desk = {
    catalog,
    answers,
    downloads,
    outlet: new Outlet(options.limit ?? (() => undefined)),
    withShare(c, id, answer) {
      const share = id === undefined ? undefined : catalog.get(id);
      if (share === undefined) return answers.nothingHere(c);
      return share.state.name === "ended" ? answers.problem(c, 410, share.state.message) : answer(share);
    },
  };
  const app = new Hono<WebEnv>();
  if (guard !== undefined) app.use("*", passwordGate(guard, catalog, answers));
  routeLists(app, desk);
  routeExtras(app, desk, options.program);
  routeEvents(app, desk);
  routeShare(app, desk);
  routeFiles(app, desk);
  app.notFound((c) => answers.nothingHere(c));
  app.onError((_, c) => answers.problem(c, 500, "Something went wrong here. Try again."));
  return app;
}

/** What there is, all of it. */
function routeLists(app: Hono<WebEnv>, { catalog, answers }: Desk): void {
  app.get("/", (c) => {
    const listed = catalog.listed();
    const [first] = listed;
    // People hand on the address without the path: with one share there is no doubt what is meant.
    const isMeant = listed.length === 1 && negotiate(c.req.header("accept")) === "torrent";
    return isMeant && first !== undefined ? answers.torrent(c, first) : answers.index(c, listed);
  });
  app.get("/metainfo.torrent", (c) => {
    const [first] = catalog.listed();
    return first === undefined ? answers.nothingHere(c) : answers.torrent(c, first);
  });
  app.get("/feed.xml", (c) =>
    c.body(sharesFeed(catalog.listed(), c.env.judged), 200, {
      "Content-Type": "application/atom+xml; charset=utf-8",
      "Cache-Control": "no-cache",
    }),
  );
}

/** What belongs to no share: this program, and its mark. */
function routeExtras(app: Hono<WebEnv>, { answers }: Desk, program: RoutesOptions["program"]): void {
  app.get("/boojum.tgz", async (c) => {
    const bytes = await program?.();
    if (bytes === undefined) return answers.problem(c, 404, "This copy of the program can't be handed on.");
    // A copy over one ArrayBuffer of its own: what hono takes as a body.
    return c.body(new Uint8Array(bytes), 200, {
      "Content-Type": "application/gzip",
      "Content-Length": String(bytes.length),
      "Cache-Control": "no-cache",
    });
  });
  for (const path of ["/favicon.svg", "/favicon.ico"]) {
    app.get(path, (c) =>
      c.body(FAVICON, 200, { "Content-Type": "image/svg+xml", "Cache-Control": "max-age=86400" }),
    );
  }
}

/** Pages that are open hear what changes. */
function routeEvents(app: Hono<WebEnv>, { catalog, answers, downloads, withShare }: Desk): void {
  const streams = new EventStreams();
  const events = (c: WebContext, key: string, render: Render): Answer => {
    const { incoming, outgoing } = c.env;
    if (streams.open(incoming, outgoing, key, render)) return RESPONSE_ALREADY_SENT;
    return answers.problem(c, 503, "Too many are watching. Look again in a moment.");
  };
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
}

/** A share whole: its page, its torrent, its hashes, and all of it in one archive. */
function routeShare(app: Hono<WebEnv>, { answers, downloads, outlet, withShare }: Desk): void {
  const hashStreams = new HashStreams();
  const archive = async (c: WebContext, share: Share, format: ArchiveFormat): Promise<Response> => {
    if (share.state.name === "failed") return answers.problem(c, 410, share.state.message);
    if (share.files.length === 0) return answers.problem(c, 503, stateInWords(share.state) ?? "");
    const paths = selectedPaths(c.env.judged.target.query);
    const wanted = { share, format, paths, outlet };
    const failure = await sendArchive(c.env.incoming, c.env.outgoing, wanted);
    if (failure !== undefined) return answers.problem(c, failure.status, failure.message);
    downloads.watch(share.id, c.env.outgoing);
    return RESPONSE_ALREADY_SENT;
  };
  app.get("/s/:id", (c) => {
    const id = c.req.param("id");
    if (id.endsWith(".torrent"))
      return withShare(c, id.slice(0, -".torrent".length), (share) => answers.torrent(c, share));
    const packed = /^(.*)\.(zip|tar)$/.exec(id);
    if (packed !== null) {
      return withShare(c, packed[1], (share) => archive(c, share, packed[2] === "zip" ? "zip" : "tar"));
    }
    return withShare(c, id, (share) =>
      negotiate(c.req.header("accept")) === "torrent" ? answers.torrent(c, share) : answers.share(c, share),
    );
  });
  app.get("/s/:id/", (c) =>
    withShare(c, c.req.param("id"), (share) => c.redirect(c.env.judged.root + sharePath(share), 308)),
  );
  app.get("/s/:id/hashes", (c) =>
    withShare(c, c.req.param("id"), (share) => {
      const { front } = share;
      if (front === undefined) return answers.notReady(c, share);
      return hashStreams.send(c.env.outgoing, share, front)
        ? RESPONSE_ALREADY_SENT
        : answers.problem(c, 503, "Too many ask for this. Try again in a moment.");
    }),
  );
}

/** A share file by file: for people, and for clients that take it for a web seed. */
function routeFiles(app: Hono<WebEnv>, { answers, downloads, outlet, withShare }: Desk): void {
  const file = async (c: WebContext, share: Share, found: SharedFile | undefined): Promise<Response> => {
    if (found === undefined) return answers.nothingHere(c);
    const failure = await sendFile(c.env.incoming, c.env.outgoing, found, { outlet, onSent: share.onSent });
    if (failure === undefined) return RESPONSE_ALREADY_SENT;
    if (failure.status !== 503) share.suspect?.(found);
    return answers.problem(c, failure.status, failure.message);
  };
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
      if (name !== share.name) return answers.nothingHere(c);
      // One file is NAME itself; a folder's are below it (BEP 19).
      if (share.oneFile) return path.length === 0 ? file(c, share, share.files[0]) : answers.nothingHere(c);
      return file(c, share, findFile(share, path));
    }),
  );
}
