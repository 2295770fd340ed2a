/** Byte ranges (RFC 9110, 14): what a `Range` header asks of a file. */

/** Bytes `start` to `end`, both included, `start <= end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export type RangeVerdict =
  /** Send everything: no header, or one that isn't understood. */
  | { readonly kind: "whole" }
  /** 206: one range is the body itself, several go as `multipart/byteranges`. Never empty, never overlapping. */
  | { readonly kind: "partial"; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  /** 416: nothing that was asked for exists, or a range runs backwards, or they are too many to be meant well. */
  | { readonly kind: "unsatisfiable" };

/** Separate ranges in one answer: no player or downloader wants more, and each costs a header in the body. */
const MAX_RANGES = 32;

const WHOLE: RangeVerdict = { kind: "whole" };
const UNSATISFIABLE: RangeVerdict = { kind: "unsatisfiable" };

/**
 * Judges a `Range` header for a file of `size` bytes. A malformed one is ignored (RFC 9110, 14.2). Ranges that
 * overlap or touch are joined and all of them put in ascending order, so no byte is sent twice.
 */
export function parseRange(header: string | undefined, size: number): RangeVerdict {
  const list = header === undefined ? undefined : /^bytes=(.*)$/i.exec(header.trim())?.[1];
  // RFC 9110, 5.6.1: recipients accept empty elements in a list.
  const specs = (list ?? "")
    .split(",")
    .map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs.length === 0) return WHOLE;
  const found: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, size);
    if (range === "malformed") return WHOLE;
    if (range === "backwards") return UNSATISFIABLE;
    if (range !== undefined) found.push(range);
  }
  const [first, ...rest] = joined(found);
  if (first === undefined || rest.length >= MAX_RANGES) return UNSATISFIABLE;
  return { kind: "partial", ranges: [first, ...rest] };
}

/** @returns undefined when the range lies outside the file. */
function parseSpec(spec: string, size: number): ByteRange | "malformed" | "backwards" | undefined {
  const parts = /^(\d*)-(\d*)$/.exec(spec);
  if (parts === null || spec === "-") return "malformed";
  const [, from = "", to = ""] = parts;
  if (from === "") {
    // "The last n bytes"; none of them is no range.
    const length = Math.min(Number(to), size);
    return length === 0 ? undefined : { start: size - length, end: size - 1 };
  }
  const start = Number(from);
  if (to !== "" && Number(to) < start) return "backwards";
  return start >= size ? undefined : { start, end: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

function joined(ranges: readonly ByteRange[]): ByteRange[] {
  const result: ByteRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && range.start <= last.end + 1) {
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else result.push(range);
  }
  return result;
}

/** The value of `Content-Range`; without a range, that of a 416. */
export function contentRange(range: ByteRange | undefined, size: number): string {
  return range === undefined ? `bytes */${size}` : `bytes ${range.start}-${range.end}/${size}`;
}
