/** Answers a request for one shared file: conditions, ranges, and the head; the pump sends the rest. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Entity, planAnswer } from "./answer.ts";
import { entityTag } from "./core/conditions.ts";
import { contentHeaders } from "./core/content.ts";
import type { SharedFile } from "./model.ts";
import { closeQuietly, type FileProblem, openShared } from "./open-file.ts";
import { type PumpOptions, pump } from "./pump.ts";

/**
 * Answers a GET or HEAD for `file`.
 * @returns undefined once the answer is under way, which may last for hours; or why nothing was written.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: SharedFile,
  { outlet, onSent }: Pick<PumpOptions, "outlet" | "onSent">,
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
    pump({ response, parts: runs.values(), length, opened: { fd, file }, outlet, onSent });
  }
  return undefined;
}

function fileEntity(file: SharedFile): Entity {
  return {
    size: file.length,
    tag: entityTag(file),
    headers: {
      ...contentHeaders(file.path.at(-1) ?? ""),
      "Last-Modified": new Date(Number(file.mtimeNs / 1_000_000n)).toUTCString(),
      "Cache-Control": "no-cache",
    },
  };
}
