/** Answers a request for one shared file: conditions, ranges, and the head; the pump sends the rest. */
import { randomUUID } from "node:crypto";
import { close, constants, fstat, open } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { BlockPool } from "./blocks.ts";
import { entityTag, isUnchanged, rangeApplies } from "./core/conditions.ts";
import { contentDisposition, contentLabel } from "./core/content.ts";
import { type ByteRange, contentRange, parseRange } from "./core/range.ts";
import type { SharedFile } from "./model.ts";
import { isVersion, pump, type SendLimit } from "./pump.ts";
import { Turns } from "./turns.ts";

/** Why a shared file can't be sent; the answer is still to be written. */
export interface FileProblem {
  readonly status: 404 | 409 | 503;
  /** For people. */
  readonly message: string;
}

/** No link in the last component, and no waiting for a writer should a FIFO have taken the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Documents of strangers run nothing, load nothing from us and have an origin of their own. */
const SANDBOX =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:";

const GONE: FileProblem = {
  status: 404,
  message: "This file is no longer there, or can't be read any more.",
};
const CHANGED: FileProblem = { status: 409, message: "This file has changed since it was shared." };
const BUSY: FileProblem = { status: 503, message: "Too many files are open. Try again in a moment." };

/** Sends shared files. */
export class FileSender {
  readonly #pool = new BlockPool();
  readonly #turns = new Turns();
  readonly #limit: () => SendLimit | undefined;

  constructor(limit: () => SendLimit | undefined) {
    this.#limit = limit;
  }

  /**
   * Answers a GET or HEAD for `file`.
   * @returns undefined once the answer is under way, which may last for hours; or why nothing was written.
   */
  async send(
    request: IncomingMessage,
    response: ServerResponse,
    file: SharedFile,
  ): Promise<FileProblem | undefined> {
    const opened = await openShared(file);
    if (typeof opened !== "number") return opened;
    const { status, headers, parts } = planAnswer(request, file);
    if (response.destroyed) {
      closeQuietly(opened);
      return undefined;
    }
    response.writeHead(status, headers);
    if (request.method === "HEAD" || parts.length === 0) {
      closeQuietly(opened);
      response.end();
    } else {
      const pool = this.#pool;
      pump({ response, fd: opened, version: file, parts, pool, turns: this.#turns, limit: this.#limit() });
    }
    return undefined;
  }
}

interface Answer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: OutgoingHttpHeaders;
  readonly parts: readonly (Uint8Array | ByteRange)[];
}

function planAnswer({ headers: asked }: IncomingMessage, file: SharedFile): Answer {
  const size = file.length;
  const tag = entityTag(file);
  const always = { ...fileHeaders(file), ETag: tag };
  if (isUnchanged(asked["if-none-match"], tag)) return { status: 304, headers: always, parts: [] };
  const range = rangeApplies(single(asked["if-range"]), tag)
    ? parseRange(asked.range, size)
    : { kind: "whole" as const };
  switch (range.kind) {
    case "whole": {
      const parts = size === 0 ? [] : [{ start: 0, end: size - 1 }];
      return { status: 200, headers: { ...always, "Content-Length": size }, parts };
    }
    case "unsatisfiable": {
      const headers = { ...always, "Content-Range": contentRange(undefined, size), "Content-Length": 0 };
      return { status: 416, headers, parts: [] };
    }
    case "partial": {
      const [first, ...others] = range.ranges;
      if (others.length > 0) return multipart(range.ranges, always, size);
      const headers = {
        ...always,
        "Content-Range": contentRange(first, size),
        "Content-Length": first.end - first.start + 1,
      };
      return { status: 206, headers, parts: [first] };
    }
  }
}

/** RFC 9110, 14.6. */
function multipart(
  ranges: readonly ByteRange[],
  headers: OutgoingHttpHeaders & { readonly "Content-Type": string },
  size: number,
): Answer {
  const boundary = randomUUID();
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${headers["Content-Type"]}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`,
      "latin1",
    ),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, "latin1");
  const parts = [...ranges.flatMap((range, i) => [heads[i] ?? tail, range]), tail];
  const length = parts.reduce(
    (sum, part) => sum + ("start" in part ? part.end - part.start + 1 : part.length),
    0,
  );
  const type = `multipart/byteranges; boundary=${boundary}`;
  return { status: 206, headers: { ...headers, "Content-Type": type, "Content-Length": length }, parts };
}

function fileHeaders(file: SharedFile): OutgoingHttpHeaders & { readonly "Content-Type": string } {
  const name = file.path.at(-1) ?? "";
  const label = contentLabel(name);
  return {
    "Content-Type": label.type,
    "Content-Disposition": contentDisposition(label.inline, name),
    "Accept-Ranges": "bytes",
    "Last-Modified": new Date(Number(file.mtimeNs / 1_000_000n)).toUTCString(),
    "Cache-Control": "no-cache",
    ...(label.active && { "Content-Security-Policy": SANDBOX }),
  };
}

/** A descriptor of the very file that was shared, or why there is none. */
function openShared(file: SharedFile): Promise<number | FileProblem> {
  return new Promise((resolve) => {
    open(file.absolutePath, OPEN_FLAGS, (error, fd) => {
      if (error !== null) {
        resolve(problemOf(error));
        return;
      }
      fstat(fd, { bigint: true }, (failure, stats) => {
        const isSame = failure === null && isVersion(stats, file);
        if (!isSame) closeQuietly(fd);
        resolve(isSame ? fd : CHANGED);
      });
    });
  });
}

function problemOf({ code }: NodeJS.ErrnoException): FileProblem {
  if (code === "EMFILE" || code === "ENFILE") return BUSY;
  // Something else has taken its place: a link, a socket.
  return code === "ELOOP" || code === "ENXIO" || code === "EMLINK" ? CHANGED : GONE;
}

function closeQuietly(fd: number): void {
  close(fd, () => {});
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
