/** Head and plan of an answer about something that has a size and a version: a file, or an archive of many. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { isUnchanged, rangeApplies } from "./core/conditions.ts";
import { type ByteRange, contentRange, parseRange } from "./core/range.ts";

type EntityHeaders = OutgoingHttpHeaders & { readonly "Content-Type": string };

export interface Entity {
  /** Bytes. */
  readonly size: number;
  /** Strong, quotes included. */
  readonly tag: string;
  /** Those that every answer about it has. */
  readonly headers: EntityHeaders;
}

export interface Answer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: OutgoingHttpHeaders;
  /** The body: bytes of our own and ranges of the entity. */
  readonly parts: readonly (Uint8Array | ByteRange)[];
  /** Of the body, bytes. */
  readonly length: number;
}

/** Judges conditions and ranges (RFC 9110, 13 and 14). */
export function planAnswer({ headers: asked }: IncomingMessage, entity: Entity): Answer {
  const { size, tag } = entity;
  const always = { ...entity.headers, "Accept-Ranges": "bytes", ETag: tag };
  const empty = { parts: [], length: 0 };
  if (isUnchanged(asked["if-none-match"], tag)) return { status: 304, headers: always, ...empty };
  const range = rangeApplies(single(asked["if-range"]), tag)
    ? parseRange(asked.range, size)
    : { kind: "whole" as const };
  switch (range.kind) {
    case "whole": {
      const parts = size === 0 ? [] : [{ start: 0, end: size - 1 }];
      return { status: 200, headers: { ...always, "Content-Length": size }, parts, length: size };
    }
    case "unsatisfiable": {
      const headers = { ...always, "Content-Range": contentRange(undefined, size), "Content-Length": 0 };
      return { status: 416, headers, ...empty };
    }
    case "partial": {
      const [first, ...others] = range.ranges;
      if (others.length > 0) return multipart(range.ranges, always, size);
      const length = first.end - first.start + 1;
      const headers = {
        ...always,
        "Content-Range": contentRange(first, size),
        "Content-Length": length,
      };
      return { status: 206, headers, parts: [first], length };
    }
  }
}

/** RFC 9110, 14.6. */
function multipart(ranges: readonly ByteRange[], headers: EntityHeaders, size: number): Answer {
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
  return {
    status: 206,
    headers: { ...headers, "Content-Type": type, "Content-Length": length },
    parts,
    length,
  };
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
