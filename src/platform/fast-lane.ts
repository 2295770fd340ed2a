/** Answers plain GETs beside Node's HTTP parser, whose objects cost more than a short answer does. */
import type { Socket } from "node:net";
import { systemLatin1 } from "./latin1.ts";
import { type PlainGet, PlainGetReader } from "./plain-get.ts";

/** The text of a 200, or undefined: this request, and all that follow it, are for Node's server. */
export type PlainAnswer = (request: PlainGet) => Uint8Array | undefined;

export interface FastLaneOptions {
  /** For this connection. */
  readonly answer: PlainAnswer;
  /** Milliseconds that the connection may be kept without a request. */
  readonly keepAliveTimeout: number;
  /** Called after each answer. */
  readonly onAnswered: () => void;
  /** Takes the connection from here on: paused, its listeners removed, `unread` (perhaps nothing) not answered. */
  readonly handOver: (unread: Buffer) => void;
}

/** A request that was sent in time, as the client saw it, may come a moment later. */
const KEEP_ALIVE_GRACE = 1_000;

/**
 * One connection, for as long as it sends whole plain GETs that are answered at once. With the first byte that belongs
 * to anything else, to half a request as well, it goes to Node's server for good, in the order in which all came. So
 * the rules about slow, broken and forged requests are Node's alone.
 */
export class FastLane {
  readonly #socket: Socket;
  readonly #options: FastLaneOptions;
  readonly #keepAlive: string;
  readonly #reader = new PlainGetReader();
  readonly #onData = (bytes: Buffer) => this.#read(bytes);
  readonly #onEnd = () => this.#socket.end();
  readonly #onTimeout = () => this.#socket.destroy();

  constructor(socket: Socket, options: FastLaneOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#keepAlive = `keep-alive\r\nKeep-Alive: timeout=${Math.floor(options.keepAliveTimeout / 1_000)}`;
  }

  /** @param first what the connection began with */
  start(first: Buffer): void {
    this.#socket.on("data", this.#onData).on("end", this.#onEnd).on("timeout", this.#onTimeout);
    this.#socket.setTimeout(this.#options.keepAliveTimeout + KEEP_ALIVE_GRACE);
    this.#read(first);
  }

  #read(bytes: Buffer): void {
    const text = systemLatin1(bytes);
    let at = 0;
    while (at < text.length) {
      const request = this.#reader.read(text, at);
      // Requests after the last one are an error, and for Node to tell.
      if (request === undefined || (request.isLast && request.end < text.length)) break;
      const body = this.#options.answer(request);
      if (body === undefined) break;
      this.#write(body, request.isLast);
      if (request.isLast) return;
      at = request.end;
      // Who doesn't read the answers is for Node, too, which knows when to stop reading the requests.
      if (this.#socket.writableLength > 0) break;
    }
    if (at < text.length || this.#socket.writableLength > 0) this.#leave(bytes.subarray(at));
  }

  #write(body: Uint8Array, isLast: boolean): void {
    // As Node writes it. One string, so that it leaves as one packet.
    this.#socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nDate: ${httpDate()}\r\n` +
        `Connection: ${isLast ? "close" : this.#keepAlive}\r\n\r\n${systemLatin1(body)}`,
      "latin1",
    );
    this.#options.onAnswered();
    if (!isLast) return;
    // What else may come isn't read any more; the time limit stays, for who doesn't take the answer.
    this.#socket.off("data", this.#onData).off("end", this.#onEnd);
    this.#socket.destroySoon();
  }

  #leave(unread: Buffer): void {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).off("timeout", this.#onTimeout);
    this.#socket.pause();
    this.#options.handOver(unread);
  }
}

let date = "";
let dateSecond = Number.NaN;

/** RFC 9110, 5.6.7; made once a second. */
function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(now).toUTCString();
  }
  return date;
}
