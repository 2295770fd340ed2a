/** Connects to whichever of several addresses answers first (RFC 8305, "happy eyeballs"). */
import { connect, isIPv6, type Socket, type TcpNetConnectOpts } from "node:net";
import { systemClock } from "./clock.ts";
import { anySource, type SourceFor } from "./source-address.ts";
import { interleaveFamilies, staggered } from "./staggered.ts";

export interface ConnectTo {
  /** IP literals, in the resolver's order; at least one. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** By default the system chooses. */
  readonly sourceFor?: SourceFor | undefined;
}

/** A name with more addresses than that says nothing new by the others. */
const MAX_ADDRESSES = 16;

/**
 * Not Node's own `autoSelectFamily`: that gives each address but the last a quarter of a second and then hangs up, so
 * an address on a slow line is never reached while the last one is dead, and it does nothing with a `localAddress`.
 * @throws {Error} the system's, of the address that got furthest; the reason of `signal`, which also ends it.
 */
export async function connectFirst(to: ConnectTo, signal: AbortSignal): Promise<Socket> {
  const { addresses, port, sourceFor = anySource } = to;
  const ordered = interleaveFamilies(addresses.slice(0, MAX_ADDRESSES), isIPv6);
  if (ordered.length === 0) throw new Error("there is no address to connect to");
  try {
    return await staggered(
      ordered.map((host) => (until) => connectOne({ host, port }, sourceFor, until)),
      { clock: systemClock, discard: (socket) => socket.destroy() },
      signal,
    );
  } catch (error) {
    if (signal.aborted || !(error instanceof AggregateError)) throw error;
    throw mostTelling(error.errors);
  }
}

/** @returns connected; errors of it are the caller's from now on. */
async function connectOne(
  to: TcpNetConnectOpts & { readonly host: string },
  sourceFor: SourceFor,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const localAddress = sourceFor(to.host);
  const socket = connect({ ...to, ...(localAddress !== undefined && { localAddress }) });
  return await new Promise((resolve, reject) => {
    const finish = (error?: unknown) => {
      signal.removeEventListener("abort", onAbort);
      socket.off("connect", finish);
      socket.off("error", finish);
      if (error === undefined) return resolve(socket);
      // What else goes wrong with it is nobody's trouble.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = () => finish(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("connect", finish);
    socket.on("error", finish);
  });
}

/** Who says that nobody listens was reached; a family that leads nowhere says least. */
const TELLING = ["ECONNREFUSED", "ECONNRESET", "EACCES", "EPERM", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"];

function mostTelling(errors: readonly unknown[]): unknown {
  const rank = (error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const at = TELLING.indexOf(code);
    return at < 0 ? TELLING.length : at;
  };
  return [...errors].sort((a, b) => rank(a) - rank(b))[0];
}
