/** Answers a request for one shared file: conditions, ranges, and the head; the pump sends the rest. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Entity, planAnswer } from "./answer.ts";
import { entityTag } from "./core/conditions.ts";
import { contentDisposition, contentLabel } from "./core/content.ts";
import type { SharedFile } from "./model.ts";
import { closeQuietly, type FileProblem, openShared } from "./open-file.ts";
import { type Outlet, pump } from "./pump.ts";

/** Documents of strangers run nothing, load nothing from us and have an origin of their own. */
const SANDBOX =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:";

/**
 * Answers a GET or HEAD for `file`.
 * @returns undefined once the answer is under way, which may last for hours; or why nothing was written.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: SharedFile,
  outlet: Outlet,
): Promise<FileProblem | undefined> {
  const fd = await openShared(file);
  if (typeof fd !== "number") return fd;
  const { status, headers, parts, length } = planAnswer(request, fileEntity(file));
  if (response.destroyed) {
    closeQuietly(fd);
    return undefined;
  }
  response.writeHead(status, headers);
  if (request.method === "HEAD" || parts.length === 0) {
    closeQuietly(fd);
    response.end();
  } else {
    const runs = parts.map((part) => (part instanceof Uint8Array ? part : { file, range: part }));
    pump({ response, parts: runs.values(), length, opened: { fd, file }, outlet });
  }
  return undefined;
}

function fileEntity(file: SharedFile): Entity {
  const name = file.path.at(-1) ?? "";
  const label = contentLabel(name);
  return {
    size: file.length,
    tag: entityTag(file),
    headers: {
      "Content-Type": label.type,
      "Content-Disposition": contentDisposition(label.inline, name),
      "Last-Modified": new Date(Number(file.mtimeNs / 1_000_000n)).toUTCString(),
      "Cache-Control": "no-cache",
      ...(label.active && { "Content-Security-Policy": SANDBOX }),
    },
  };
}
