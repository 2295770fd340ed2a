/** Which port to listen on, and listening there on every address or on none. */
import { createServer, isIP, isIPv4, type Server, type Socket } from "node:net";
import { BoojumError } from "../protocol/errors.ts";

/** The ports that BitTorrent clients traditionally listen on, both included. */
const FIRST_PORT = 6881;
const LAST_PORT = 6999;

/** We can't listen: the port that was asked for is taken, the address isn't ours, nothing is free. */
export class ListenError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("listen", message, options);
  }
}

/** Both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What is left open of the traditional range, moved so that it agrees with what was said. */
export function portRange(first: number | undefined, last: number | undefined): PortRange {
  const span = LAST_PORT - FIRST_PORT;
  const from = first ?? (last === undefined || last >= FIRST_PORT ? FIRST_PORT : Math.max(1, last - span));
  return { first: from, last: last ?? (from <= LAST_PORT ? LAST_PORT : Math.min(65_535, from + span)) };
}

/** In the order in which they are tried; `preferred` first, unless a bound that was said keeps it out. */
export function candidatePorts(
  min: number | undefined,
  max: number | undefined,
  preferred: number | undefined,
): number[] {
  const { first, last } = portRange(min, max);
  const ports = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  if (preferred === undefined || preferred < (min ?? 1) || preferred > (max ?? 65_535)) return ports;
  return [preferred, ...ports.filter((port) => port !== preferred)];
}

export function checkedAddresses(bind: readonly string[]): string[] {
  for (const address of bind) {
    if (isIP(address) === 0)
      throw new ListenError(`${JSON.stringify(address)} is not an IP address to listen on.`);
  }
  return [...new Set(bind)];
}

/** Opens every address on one port number, or none: then the reason is returned. */
export async function openAll(
  bind: readonly string[],
  port: number,
  accept: (socket: Socket) => void,
): Promise<readonly Server[] | Error> {
  if (bind.length === 0) {
    const dual = await openOne({ host: "::", port, ipv6Only: false }, accept);
    if (!isWithoutIPv6(dual)) return dual instanceof Error ? dual : [dual];
    const four = await openOne({ host: "0.0.0.0", port, ipv6Only: false }, accept);
    return four instanceof Error ? four : [four];
  }
  const ipv6Only = bind.some((address) => isIPv4(address));
  const servers: Server[] = [];
  for (const host of bind) {
    const opened = await openOne(
      { host, port: servers.length === 0 ? port : portOf(servers[0]), ipv6Only },
      accept,
    );
    if (opened instanceof Error) {
      await Promise.all(servers.map(closeServer));
      return opened;
    }
    servers.push(opened);
  }
  return servers;
}

function openOne(
  where: { host: string; port: number; ipv6Only: boolean },
  accept: (socket: Socket) => void,
): Promise<Server | Error> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    server.once("error", resolve);
    server.listen({ ...where, exclusive: true, backlog: 1024 }, () => {
      server.off("error", resolve);
      // Out of file descriptors, say: those who are connected go on, the next attempt may succeed.
      server.on("error", ignore);
      resolve(server);
    });
  });
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

export function portOf(server: Server | undefined): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

export function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.address : "";
}

/** Another port may do better. */
export function isPortTrouble(error: Error): boolean {
  return hasCode(error, ["EADDRINUSE", "EACCES"]);
}

function isWithoutIPv6(outcome: Server | Error): boolean {
  return (
    outcome instanceof Error &&
    hasCode(outcome, ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL", "EPROTONOSUPPORT"])
  );
}

function hasCode(error: Error, codes: readonly string[]): boolean {
  return "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

export function listenError(bind: readonly string[], port: number, cause: Error): ListenError {
  const where = bind.length === 0 ? `port ${port}` : `port ${port} of ${bind.join(", ")}`;
  if (hasCode(cause, ["EADDRINUSE"])) {
    return new ListenError(`Can't listen on ${where}: another program does. Choose another with --port.`, {
      cause,
    });
  }
  if (hasCode(cause, ["EACCES"])) {
    return new ListenError(
      `Can't listen on ${where}: this user may not. Choose one above 1023 with --port.`,
      { cause },
    );
  }
  if (hasCode(cause, ["EADDRNOTAVAIL"])) {
    return new ListenError(`Can't listen on ${where}: that address is not this machine's. Check --bind.`, {
      cause,
    });
  }
  return new ListenError(`Can't listen on ${where}: ${cause.message}.`, { cause });
}

function ignore(): void {}
