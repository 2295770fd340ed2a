import { connect, type Socket } from "node:net";
import { readBuffer, readIntoOwn } from "./own-reads.ts";
import { anySource, type SourceFor } from "./source-address.ts";
import type { Dial, PeerAddress, Transport, TransportHandler } from "./transport.ts";

/** Milliseconds until a connection that nobody answers is given up. */
const DIAL_TIMEOUT = 10_000;

/** A peer's TCP connection. */
export class TcpTransport implements Transport {
  readonly remote: PeerAddress;
  readonly localHost: string | undefined;
  readonly #socket: Socket;
  #handler: TransportHandler | undefined;
  /** Read before anybody listened, or while we were to keep still. */
  #unread: Uint8Array | undefined;
  #paused = false;
  #isClosed = false;

  /**
   * @param socket connected, and owned by this object from now on
   * @param firstBytes what was read from it before, to tell the protocols on one port apart
   */
  constructor(socket: Socket, firstBytes?: Uint8Array) {
    this.#socket = socket;
    this.#unread = firstBytes;
    this.remote = { host: plainHost(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
    this.localHost = socket.localAddress === undefined ? undefined : plainHost(socket.localAddress);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    // Without a listener an error before attach() would end the process.
    socket.on("error", ignore);
    socket.pause();
    if (firstBytes !== undefined) readIntoOwn(socket, (bytes) => this.deliver(bytes));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  attach(handler: TransportHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (this.#isClosed || (isFirst && this.#socket.destroyed)) {
      this.#isClosed = true;
      queueMicrotask(() => handler.onClose());
      return;
    }
    if (!isFirst) return;
    this.#listen();
    if (this.#unread !== undefined) queueMicrotask(() => this.#deliverUnread());
    else if (!this.#paused) this.#socket.resume();
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#socket.destroyed) {
      if (done !== undefined) queueMicrotask(done);
      return false;
    }
    return this.#socket.write(bytes, done);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler === undefined) return;
    if (this.#unread === undefined) this.#socket.resume();
    else queueMicrotask(() => this.#deliverUnread());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Hands over what was read from the socket.
   * @returns false when nothing more should be read: Node reads ahead now and then, even on a paused socket
   */
  deliver(bytes: Uint8Array): boolean {
    if (this.#handler !== undefined && !this.#paused && this.#unread === undefined) {
      this.#handler.onData(bytes);
      return true;
    }
    this.#unread = Buffer.concat([this.#unread ?? NOTHING, bytes]);
    return false;
  }

  #listen(): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    // Not emitted by those that read into our memory.
    socket.on("data", (bytes: Buffer) => this.deliver(bytes));
    socket.on("drain", () => this.#handler?.onDrain());
    socket.on("error", (error) => {
      failure = error;
    });
    // A peer that has ended does not wait for more either, and must not keep our unsent bytes alive.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#isClosed = true;
      this.#handler?.onClose(failure);
    });
  }

  #deliverUnread(): void {
    const bytes = this.#unread;
    if (bytes === undefined || this.#paused || this.#socket.destroyed) return;
    this.#unread = undefined;
    this.#handler?.onData(bytes);
    if (!this.#paused) this.#socket.resume();
  }
}

/** Makes a {@link Dial} whose connections leave from where `sourceFor` says; each is given up after 10 s. */
export function tcpDialer(sourceFor: SourceFor): Dial {
  return (address, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const localAddress = sourceFor(address.host);
      let transport: TcpTransport | undefined;
      const socket = connect({
        host: address.host,
        port: address.port,
        onread: {
          buffer: readBuffer(),
          callback: (count, buffer) => transport?.deliver(buffer.subarray(0, count)) ?? true,
        },
        ...(localAddress !== undefined && { localAddress }),
      });
      const finish = (error?: unknown) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        socket.off("connect", finish);
        socket.off("error", finish);
        if (error === undefined) {
          transport = new TcpTransport(socket);
          resolve(transport);
        } else {
          socket.on("error", ignore);
          socket.destroy();
          reject(error);
        }
      };
      const onAbort = () => finish(signal.reason);
      const timer = setTimeout(() => finish(new Error("nobody answered")), DIAL_TIMEOUT);
      signal.addEventListener("abort", onAbort, { once: true });
      socket.on("connect", finish);
      socket.on("error", finish);
    });
}

/** Connects over TCP, from the address that the system chooses; gives up after 10 s. */
export const dialTcp: Dial = tcpDialer(anySource);

const NOTHING = new Uint8Array(0);

function ignore(): void {}

/** A dual-stack socket shows IPv4 peers as `::ffff:1.2.3.4`. */
function plainHost(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}
