/** The one port: HTTP and the peer protocol on the same TCP port number, told apart by the first bytes. */
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { Server, Socket } from "node:net";
import { networkOf } from "../protocol/ip-address.ts";
import { descriptorLimit } from "./descriptors.ts";
import { FastLane, type PlainAnswer } from "./fast-lane.ts";
import { LONGEST_OPENING, tellProtocol } from "./first-bytes.ts";
import {
  addressOf,
  candidatePorts,
  checkedAddresses,
  closeServer,
  isPortTrouble,
  ListenError,
  listenError,
  openAll,
  portOf,
  portRange,
} from "./ports.ts";

const FIRST_BYTES_TIMEOUT = 10_000;
const MAX_CONNECTIONS = 2_000;
/** What one network may have of them: the rest is for everybody else. Behind a proxy all come from one. */
const PART_OF_ONE_NETWORK = 0.75;
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;
const KEEP_ALIVE_TIMEOUT = 15_000;
/** A response whose reader takes nothing for so long is cut. */
const STALL_TIMEOUT = 60_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** A TLS alert, fatal: protocol_version (RFC 8446, 6). Said so that nobody waits, or takes it for a damaged line. */
const NO_TLS = Buffer.from([0x15, 3, 1, 0, 2, 2, 70]);

export interface ListenOptions {
  /** The port that was asked for, 0 for any: when it can't be had, that is an error. */
  readonly port?: number | undefined;
  /** Without `port`: these are tried, by default 6881 to 6999. */
  readonly minPort?: number | undefined;
  readonly maxPort?: number | undefined;
  /** Without `port`: tried first, unless `minPort` or `maxPort` keeps it out. */
  readonly preferredPort?: number | undefined;
  /** IP addresses of this machine; empty for all of them. Several share one port number, or none of them listens. */
  readonly bind: readonly string[];
  /**
   * Connections of all kinds at one time, default 2,000; of one network (an IPv4 address, an IPv6 /64) three quarters of
   * that. Beyond it an idle one of the network that has most goes, the one idle for longest, or the new one.
   */
  readonly maxConnections?: number;
  /** Milliseconds in which a connection must say what it speaks, default 10,000. */
  readonly firstBytesTimeout?: number;
  /** Milliseconds in which the header of an HTTP request must arrive, default 10,000. */
  readonly headersTimeout?: number;
  /** Milliseconds that an HTTP connection may be kept without a request, default 15,000; whole seconds are told. */
  readonly keepAliveTimeout?: number;
  /** Milliseconds after which a response that nobody reads is cut, default 60,000. */
  readonly stallTimeout?: number;
}

/** Who answers HTTP. */
export interface HttpHandlers {
  readonly request?: RequestListener;
  /**
   * For a new HTTP connection: what answers the plain GETs (`plain-get.ts`) with which it begins, or undefined for
   * nothing. Whatever that leaves goes to `request`.
   */
  readonly plainGets?: ((socket: Socket) => PlainAnswer | undefined) | undefined;
}

/** Who gets the connections. A kind without a handler is closed at once. */
export interface ConnectionHandlers extends HttpHandlers {
  /**
   * A peer: `firstBytes` begin its handshake and have been read already; the socket is paused and now the handler's,
   * who listens for its errors.
   */
  readonly peer?: (socket: Socket, firstBytes: Uint8Array) => void;
  /** Neither HTTP nor a plain peer handshake; the same terms as `peer`. */
  readonly unknown?: (socket: Socket, firstBytes: Uint8Array) => void;
}

export interface Listener {
  /** The same for all addresses. */
  readonly port: number;
  /** IP literals that we listen on; `::` (with IPv4 or without) or `0.0.0.0` for all. */
  readonly addresses: readonly string[];
  /** Stops listening and cuts every connection that came in here, of either kind. */
  close(): Promise<void>;
}

/** Opens the port. @throws ListenError */
export async function listen(options: ListenOptions, handlers: ConnectionHandlers): Promise<Listener> {
  const bind = checkedAddresses(options.bind);
  const desk = new Desk(options, handlers);
  const asked = options.port;
  for (const port of asked === undefined
    ? candidatePorts(options.minPort, options.maxPort, options.preferredPort)
    : [asked]) {
    const outcome = await openAll(bind, port, (socket) => desk.accept(socket));
    if (!(outcome instanceof Error)) return new OpenPort(outcome, desk);
    desk.cutAll();
    if (asked !== undefined || !isPortTrouble(outcome)) {
      await desk.close();
      throw listenError(bind, port, outcome);
    }
  }
  await desk.close();
  const range = portRange(options.minPort, options.maxPort);
  throw new ListenError(
    `All ports from ${range.first} to ${range.last} are taken: choose another with --port, or others with --min-port and --max-port.`,
  );
}

class OpenPort implements Listener {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly #servers: readonly Server[];
  readonly #desk: Desk;

  constructor(servers: readonly Server[], desk: Desk) {
    this.#servers = servers;
    this.#desk = desk;
    this.port = portOf(servers[0]);
    this.addresses = servers.map(addressOf);
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.#servers.map(closeServer));
    await this.#desk.close();
    await closed;
  }
}

/** Receives connections, finds out what they speak and passes them on. */
class Desk {
  readonly #handlers: ConnectionHandlers;
  readonly #http: HttpServer | undefined;
  readonly #maxConnections: number;
  readonly #firstBytesTimeout: number;
  readonly #keepAliveTimeout: number;
  /** With the network that each comes from. */
  readonly #all = new Map<Socket, string>();
  readonly #byNetwork = new Map<string, number>();
  /** Those that nothing is being done for, the longest idle first: they make room when the house is full. */
  readonly #idle = new Set<Socket>();
  /** HTTP requests not answered yet; several when they come without waiting for the answers. */
  readonly #running = new WeakMap<Socket, number>();

  constructor(options: ListenOptions, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    // Past the last descriptor the system turns away who comes, and idle ones couldn't make way.
    const affordable = Math.max(8, Math.floor(descriptorLimit() / 2));
    this.#maxConnections = options.maxConnections ?? Math.min(MAX_CONNECTIONS, affordable);
    this.#firstBytesTimeout = options.firstBytesTimeout ?? FIRST_BYTES_TIMEOUT;
    this.#keepAliveTimeout = options.keepAliveTimeout ?? KEEP_ALIVE_TIMEOUT;
    this.#http = handlers.request && this.#createHttp(options, handlers.request);
  }

  accept(socket: Socket): void {
    socket.on("error", ignore);
    const network = networkOf(socket.remoteAddress ?? "");
    const ofIt = this.#byNetwork.get(network) ?? 0;
    const isFull =
      this.#all.size >= this.#maxConnections || ofIt >= this.#maxConnections * PART_OF_ONE_NETWORK;
    if (isFull && !this.#makeRoom(network)) {
      socket.destroy();
      return;
    }
    this.#all.set(socket, network);
    this.#byNetwork.set(network, (this.#byNetwork.get(network) ?? 0) + 1);
    this.#idle.add(socket);
    socket.once("close", () => this.#forget(socket));
    this.#readFirstBytes(socket);
  }

  cutAll(): void {
    for (const socket of this.#all.keys()) socket.destroy();
  }

  /** Resolves when no connection is left. */
  async close(): Promise<void> {
    // Not listening, it has only its timer to stop; it says so with an error that we don't need.
    this.#http?.close(ignore);
    const gone = [...this.#all.keys()].map((socket) => new Promise((done) => socket.once("close", done)));
    this.cutAll();
    await Promise.all(gone);
  }

  /** For one from `newcomer`: when that has as many as it may have, one of its own goes. */
  #makeRoom(newcomer: string): boolean {
    const from = this.#all.size < this.#maxConnections ? newcomer : this.#fullestIdle();
    for (const socket of this.#idle) {
      if (this.#all.get(socket) !== from) continue;
      // "close" comes later; until then it must be neither counted nor chosen again.
      this.#forget(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  /** The network that has most connections, of those that have an idle one. */
  #fullestIdle(): string | undefined {
    let fullest: string | undefined;
    let most = 0;
    for (const socket of this.#idle) {
      const network = this.#all.get(socket);
      const count = network === undefined ? 0 : (this.#byNetwork.get(network) ?? 0);
      if (count > most) [fullest, most] = [network, count];
    }
    return fullest;
  }

  #forget(socket: Socket): void {
    const network = this.#all.get(socket);
    if (network === undefined) return;
    this.#all.delete(socket);
    this.#idle.delete(socket);
    const left = (this.#byNetwork.get(network) ?? 1) - 1;
    if (left > 0) this.#byNetwork.set(network, left);
    else this.#byNetwork.delete(network);
  }

  #readFirstBytes(socket: Socket): void {
    let seen: Buffer | undefined;
    const onData = (bytes: Buffer) => {
      seen = seen === undefined ? bytes : Buffer.concat([seen, bytes]);
      const spoken = tellProtocol(seen.subarray(0, LONGEST_OPENING));
      if (spoken === "undecided") return;
      stop();
      // Nothing may be delivered between two owners.
      socket.pause();
      if (spoken === "http") this.#passToHttp(socket, seen);
      else if (spoken === "tls") socket.end(NO_TLS, () => socket.destroy());
      else this.#passOn(socket, seen, this.#handlers[spoken]);
    };
    const giveUp = () => socket.destroy();
    const timer = setTimeout(giveUp, this.#firstBytesTimeout);
    const stop = () => {
      clearTimeout(timer);
      socket.off("data", onData).off("end", giveUp).off("close", stop);
    };
    socket.on("data", onData).on("end", giveUp).on("close", stop);
  }

  #passToHttp(socket: Socket, firstBytes: Buffer): void {
    const http = this.#http;
    if (http === undefined) {
      socket.destroy();
      return;
    }
    const answer = this.#handlers.plainGets?.(socket);
    if (answer === undefined) {
      this.#passToNode(http, socket, firstBytes);
      return;
    }
    const options = {
      answer,
      keepAliveTimeout: this.#keepAliveTimeout,
      onAnswered: () => this.#isIdleAgain(socket),
      handOver: (unread: Buffer) => this.#passToNode(http, socket, unread),
    };
    new FastLane(socket, options).start(firstBytes);
    socket.resume();
  }

  /** @param socket paused, with no listeners of ours that read */
  #passToNode(http: HttpServer, socket: Socket, unread: Buffer): void {
    if (unread.length > 0) socket.unshift(unread);
    http.emit("connection", socket);
    socket.resume();
  }

  #passOn(
    socket: Socket,
    firstBytes: Uint8Array,
    handler: ((socket: Socket, firstBytes: Uint8Array) => void) | undefined,
  ): void {
    if (handler === undefined) {
      socket.destroy();
      return;
    }
    this.#idle.delete(socket);
    // HTTP must be able to answer after the request's end; a peer that ends is gone.
    socket.allowHalfOpen = false;
    handler(socket, firstBytes);
  }

  #answered(socket: Socket): void {
    const left = (this.#running.get(socket) ?? 1) - 1;
    this.#running.set(socket, left);
    if (left === 0) this.#isIdleAgain(socket);
  }

  /** The last one to be cut when room is needed. */
  #isIdleAgain(socket: Socket): void {
    if (!this.#all.has(socket)) return;
    this.#idle.delete(socket);
    this.#idle.add(socket);
  }

  #createHttp(options: ListenOptions, onRequest: RequestListener): HttpServer {
    const headersTimeout = options.headersTimeout ?? HEADERS_TIMEOUT;
    const server = createHttpServer(
      {
        headersTimeout,
        requestTimeout: Math.max(REQUEST_TIMEOUT, headersTimeout),
        connectionsCheckingInterval: Math.min(2_000, headersTimeout),
        keepAliveTimeout: this.#keepAliveTimeout,
        maxHeaderSize: MAX_HEADER_BYTES,
        insecureHTTPParser: false,
      },
      (request, response) => {
        const { socket } = request;
        this.#idle.delete(socket);
        this.#running.set(socket, (this.#running.get(socket) ?? 0) + 1);
        response.once("close", () => this.#answered(socket));
        onRequest(request, response);
      },
    );
    // Whoever has asked may shut its side (`nc -N` does) and still get an answer that takes a while. Node's types lack it.
    Object.assign(server, { httpAllowHalfOpen: true });
    // Node counts what the reader takes as activity, so this cuts readers that stand still, not slow ones.
    server.timeout = options.stallTimeout ?? STALL_TIMEOUT;
    // It never listens itself, so it must be told to begin watching over slow headers.
    server.emit("listening");
    return server;
  }
}

function ignore(): void {}
