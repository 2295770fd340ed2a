/** Server-sent events: what a page shows, again whenever it has changed. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Of all visitors together; whoever comes later looks again from time to time. */
const MAX_STREAMS = 64;
/** Milliseconds between two looks. */
const INTERVAL = 1_000;
/** Looks without news after which a stream is kept alive: well before proxies and our own listener cut it. */
const HEARTBEAT = 15;
/** Bytes that may wait for a reader; who is behind that far gets nothing more. */
const MAX_WAITING = 512 * 1024;

/** What the stream says now, one line; undefined when there is nothing left to say it of. */
export type Render = () => string | undefined;

interface Channel {
  readonly render: Render;
  readonly readers: Set<ServerResponse>;
  said: string;
  quiet: number;
}

/** Readers of the same thing share one channel, so that it is put into words once a second, whoever looks. */
export class EventStreams {
  readonly #channels = new Map<string, Channel>();
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Answers with a stream that ends with its connection.
   * @returns false when there are too many already; then nothing was written.
   */
  open(request: IncomingMessage, response: ServerResponse, key: string, render: Render): boolean {
    if (this.#open >= MAX_STREAMS) return false;
    const said = render();
    if (said === undefined) return false;
    // A proxy must not collect what is meant to arrive at once.
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    });
    if (request.method === "HEAD" || response.destroyed) {
      response.end();
      return true;
    }
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = { render, readers: new Set(), said, quiet: 0 };
      this.#channels.set(key, channel);
    }
    this.#open++;
    channel.readers.add(response);
    response.once("close", () => this.#forget(key, response));
    // Who says no more has left, or is none that reconnects: its place is for others.
    response.socket?.once("end", () => response.destroy());
    response.write(`retry: 2000\n\n${message(channel.said)}`);
    this.#timer ??= setInterval(() => this.#tick(), INTERVAL);
    return true;
  }

  #forget(key: string, response: ServerResponse): void {
    const channel = this.#channels.get(key);
    if (channel?.readers.delete(response)) this.#open--;
    if (channel?.readers.size === 0) this.#channels.delete(key);
    if (this.#open > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    for (const channel of this.#channels.values()) {
      const said = channel.render();
      if (said === undefined) {
        for (const reader of channel.readers) reader.end();
        continue;
      }
      channel.quiet = said === channel.said ? channel.quiet + 1 : 0;
      if (channel.quiet > 0 && channel.quiet % HEARTBEAT > 0) continue;
      channel.said = said;
      const text = channel.quiet > 0 ? ": still here\n\n" : message(said);
      for (const reader of channel.readers) {
        if (reader.writableLength > MAX_WAITING) reader.destroy();
        else reader.write(text);
      }
    }
  }
}

function message(line: string): string {
  return `data: ${line}\n\n`;
}
