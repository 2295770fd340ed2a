/** HTTP connections to whichever of a server's addresses answers first, kept or not. */
import { lookup as lookupName } from "node:dns";
import { Agent as HttpAgent, type AgentOptions as HttpAgentOptions } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { isIP, type LookupFunction, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connectFirst } from "../../platform/connect.ts";
import type { SourceFor } from "../../platform/source-address.ts";

export interface AgentOptions extends Pick<HttpAgentOptions, "keepAlive" | "timeout"> {
  /** Which address of ours a connection to an address leaves from; by default the system chooses. */
  readonly sourceFor?: SourceFor | undefined;
}

/** What requests through these agents say besides. */
export interface RacingRequest extends RequestOptions {
  /** Ends a connection that is being made for it; without one, only the end of the agent does. */
  readonly until?: AbortSignal;
  /** Said by an agent that keeps connections, as if the request had. */
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

type Created = (error: Error | null, stream: Duplex) => void;

/** For `http:`. Names are resolved by the `lookup` of each request. */
export class RacingHttpAgent extends HttpAgent {
  readonly #calls: Calls;

  constructor({ sourceFor, ...options }: AgentOptions = {}) {
    super(options);
    this.#calls = new Calls(sourceFor);
  }

  override createConnection(request: RacingRequest, created?: Created): undefined {
    void this.#calls.make(request, { port: 80, finish: (socket) => socket, created });
  }

  override destroy(): void {
    this.#calls.end();
    super.destroy();
  }
}

/** For `https:`. */
export class RacingHttpsAgent extends HttpsAgent {
  readonly #calls: Calls;

  constructor({ sourceFor, ...options }: AgentOptions = {}) {
    super(options);
    this.#calls = new Calls(sourceFor);
  }

  override createConnection(request: RacingRequest, created?: Created): undefined {
    const finish = (socket: Socket) => {
      // TLS takes such a connection over, though the type of an agent's options doesn't know it.
      const over: RequestOptions = Object.assign({}, request, { socket });
      return super.createConnection(over) ?? socket;
    };
    void this.#calls.make(request, { port: 443, finish, created });
  }

  override destroy(): void {
    this.#calls.end();
    super.destroy();
  }
}

interface Call {
  /** When the request has none. */
  readonly port: number;
  readonly finish: (socket: Socket) => Duplex;
  readonly created: Created | undefined;
}

/** Connections of one agent that are being made. */
class Calls {
  readonly #sourceFor: SourceFor | undefined;
  readonly #over = new AbortController();

  constructor(sourceFor: SourceFor | undefined) {
    this.#sourceFor = sourceFor;
  }

  async make(request: RacingRequest, { port, finish, created }: Call): Promise<void> {
    let stream: Duplex;
    try {
      const socket = await this.#connect(request, port);
      // What Node does for those that it makes itself.
      socket.setNoDelay(true);
      if (request.keepAlive === true) socket.setKeepAlive(true, request.keepAliveInitialDelay);
      if (request.timeout !== undefined) socket.setTimeout(request.timeout);
      stream = finish(socket);
    } catch (error) {
      // Nobody looks at the stream of a failure; the type wants one all the same.
      created?.(error instanceof Error ? error : new Error(String(error)), undefined as never);
      return;
    }
    created?.(null, stream);
  }

  end(): void {
    this.#over.abort();
  }

  async #connect({ host, port, lookup, until }: RacingRequest, defaultPort: number): Promise<Socket> {
    const over = this.#over.signal;
    const signal = until === undefined ? over : AbortSignal.any([over, until]);
    const addresses = await addressesOf(host ?? "localhost", lookup ?? lookupName);
    const to = { addresses, port: Number(port) || defaultPort, sourceFor: this.#sourceFor };
    return await connectFirst(to, signal);
  }
}

function addressesOf(host: string, lookup: LookupFunction): Promise<readonly string[]> {
  if (isIP(host) !== 0) return Promise.resolve([host]);
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, found) => {
      if (error !== null) reject(error);
      else resolve(typeof found === "string" ? [found] : found.map(({ address }) => address));
    });
  });
}
