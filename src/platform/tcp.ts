import { connect, type Socket } from "node:net";
import type { Dial, PeerAddress, Transport, TransportHandler } from "./transport.ts";

/** Milliseconds until a connection that nobody answers is given up. */
const DIAL_TIMEOUT = 10_000;

/** As much as stays in a core's cache until it is copied on. */
const READ_BYTES = 131_072;
let shared: Buffer | undefined;

/**
 * Memory for a dialled connection to read into. Node's own buffers, a new one each read, would have the garbage
 * collector run all the time. Where the system says first that there is something to read, all connections share one,
 * since what was read is handed over before the next read; Windows is given the memory before.
 */
function readBuffer(): Buffer {
  if (process.platform === "win32") return Buffer.allocUnsafeSlow(READ_BYTES);
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES);
  return shared;
}

/** A peer's TCP connection. */
export class TcpTransport implements Transport {
  readonly remote: PeerAddress;
  readonly #socket: Socket;
  #handler: TransportHandler | undefined;
  #firstBytes: Uint8Array | undefined;
  #paused = false;
  #isClosed = false;

  /**
   * @param socket connected, and owned by this object from now on
   * @param firstBytes what was read from it before, to tell the protocols on one port apart
   */
  constructor(socket: Socket, firstBytes?: Uint8Array) {
    this.#socket = socket;
    this.#firstBytes = firstBytes;
    this.remote = { host: plainHost(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    // Without a listener an error before attach() would end the process.
    socket.on("error", ignore);
    socket.pause();
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
    if (this.#firstBytes !== undefined) queueMicrotask(() => this.#deliverFirst());
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
    if (this.#handler !== undefined && this.#firstBytes === undefined) this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Hands over what was read from the socket. */
  deliver(bytes: Uint8Array): void {
    this.#handler?.onData(bytes);
  }

  #listen(): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    // Not emitted by those that we dialled, see `readBuffer`.
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

  #deliverFirst(): void {
    const bytes = this.#firstBytes;
    if (bytes === undefined || this.#socket.destroyed) return;
    this.#firstBytes = undefined;
    this.#handler?.onData(bytes);
    if (!this.#paused) this.#socket.resume();
  }
}

/** Makes a {@link Dial} whose connections leave from `localAddress`, when given. */
export function tcpDialer(options: { readonly localAddress?: string } = {}): Dial {
  return (address, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      let transport: TcpTransport | undefined;
      const socket = connect({
        host: address.host,
        port: address.port,
        onread: {
          buffer: readBuffer(),
          callback: (count, buffer) => {
            transport?.deliver(buffer.subarray(0, count));
            return true;
          },
        },
        ...(options.localAddress !== undefined && { localAddress: options.localAddress }),
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
export const dialTcp: Dial = tcpDialer();

function ignore(): void {}

/** A dual-stack socket shows IPv4 peers as `::ffff:1.2.3.4`. */
function plainHost(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}
