/** The beginning of a shared file, for the page to show. */
import { read } from "node:fs";
import type { SharedFile } from "./model.ts";
import { closeQuietly, type FileProblem, openShared } from "./open-file.ts";

const CUT_SHORT: FileProblem = { status: 409, message: "This file has changed since it was shared." };

/** The first `length` bytes of a shared file, fewer when it is shorter, or why they can't be had. */
export async function readStart(file: SharedFile, length: number): Promise<Uint8Array | FileProblem> {
  const opened = await openShared(file);
  if (typeof opened !== "number") return opened;
  const bytes = new Uint8Array(Math.min(length, file.length));
  let filled = 0;
  while (filled < bytes.length) {
    const count = await readAt(opened, bytes.subarray(filled), filled);
    if (count <= 0) break;
    filled += count;
  }
  closeQuietly(opened);
  return filled === bytes.length ? bytes : CUT_SHORT;
}

/** Bytes read; -1 when that failed. */
function readAt(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve) => {
    read(fd, into, 0, into.length, position, (error, count) => resolve(error === null ? count : -1));
  });
}
