/** One bounded HTTP request to a gateway. */
import { request as httpRequest } from "node:http";

/** Milliseconds in all, and bytes: a gateway's description is a few KiB. */
const TIMEOUT = 5_000;
const MAX_BYTES = 128 * 1024;

export interface GatewayCall {
  /** The address of ours from which it goes. */
  readonly source: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With one it is a POST. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Follows nothing anywhere. @returns undefined when no whole answer comes in time. */
export function callGateway(
  url: URL,
  { source, headers = {}, body, signal }: GatewayCall,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...headers, "Content-Length": Buffer.byteLength(body ?? "") },
      localAddress: source,
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
    });
    const giveUp = () => {
      request.destroy();
      resolve(undefined);
    };
    request.on("error", giveUp);
    // One that takes the connection for something else: Node would drop it, and say nothing.
    request.on("upgrade", (_answer, socket) => {
      socket.destroy();
      giveUp();
    });
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on("data", (part: Buffer) => {
        length += part.length;
        if (length > MAX_BYTES) giveUp();
        else parts.push(part);
      });
      response.on("error", giveUp).on("aborted", giveUp);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
      );
    });
    request.end(body);
  });
}
