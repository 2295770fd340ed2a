/** UDP on a port number: what comes in is answered at once or not at all. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { parseIp } from "../protocol/ip-address.ts";
import { checkedAddresses, isPortTrouble, ListenError } from "./ports.ts";

/** Answers a datagram; `bytes` may be kept, the reply is given away. Undefined: no reply. */
export type AnswerDatagram = (bytes: Uint8Array, from: DatagramSender) => Uint8Array | undefined;

interface DatagramSender {
  /** 4 or 16 bytes; IPv4 on a socket for both families, too. */
  readonly address: Uint8Array;
  readonly port: number;
  /** The address that the socket is bound to, likewise; the unspecified one (`::` or `0.0.0.0`) for all. */
  readonly boundTo: Uint8Array;
}

export interface DatagramPort {
  readonly addresses: readonly string[];
  /** Sends from this port to an IP literal, from the address that the system chooses; what can't be sent is lost. */
  send(bytes: Uint8Array, port: number, host: string): void;
  close(): Promise<void>;
}

/** Replies that the system doesn't take at once wait here, in bytes; beyond it they are dropped, as UDP may. */
const MAX_QUEUED = 1024 * 1024;
/** Bytes that wait to be read: a crowd that comes at once must not be lost. The system may give less. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Addresses with a socket of their own; machines have a handful. */
const MAX_OWN = 64;

/**
 * Listens for datagrams on every address of `bind` (all when empty), or on none.
 *
 * For all of them there is a socket for each address that the machine has now, and one for those to come: a socket
 * bound to no address answers from whichever the system prefers, and a machine with IPv6 has several; an asker that
 * hears from another address than it asked takes the reply for somebody else's.
 * @throws {ListenError}
 */
export async function listenDatagrams(
  options: { readonly port: number; readonly bind: readonly string[] },
  answer: AnswerDatagram,
): Promise<DatagramPort> {
  const { port } = options;
  const bind = checkedAddresses(options.bind);
  const sockets: Socket[] = [];
  try {
    if (bind.length === 0) sockets.push(...(await openEverywhere(port, answer)));
    const ipv6Only = bind.some((address) => !address.includes(":"));
    for (const address of bind) sockets.push(await open({ address, port, ipv6Only }, answer));
  } catch (error) {
    await Promise.all(sockets.map(close));
    const reason = error instanceof Error ? error.message : String(error);
    throw new ListenError(`Can't listen on UDP port ${port}: ${reason}.`, { cause: error });
  }
  return {
    addresses: sockets.map((socket) => socket.address().address),
    send: (bytes, to, host) =>
      sendFrom(
        sockets.find((socket) => leadsTo(socket, host)),
        bytes,
        to,
        host,
      ),
    close: async () => {
      await Promise.all(sockets.map(close));
    },
  };
}

async function openEverywhere(port: number, answer: AnswerDatagram): Promise<Socket[]> {
  const shared = { port, shared: true, ipv6Only: false };
  let all: Socket;
  try {
    // Alone at first: that fails when anybody else has the port, a sharing one would not.
    await close(await open({ ...shared, shared: false, address: "::" }, answer));
    all = await open({ ...shared, address: "::" }, answer);
  } catch (error) {
    if (!(error instanceof Error) || isPortTrouble(error)) throw error;
    // Without IPv6 the other family is all there is; any other trouble comes again.
    all = await open({ ...shared, address: "0.0.0.0" }, answer).catch(() => {
      throw error;
    });
  }
  const sockets = [all];
  for (const address of ownAddresses().slice(0, MAX_OWN)) {
    // An address may go while we look; the socket for all is there in any case.
    const one = await open({ ...shared, address, ipv6Only: true }, answer).catch(() => undefined);
    if (one !== undefined) sockets.push(one);
  }
  return sockets;
}

/** Without link-local IPv6 addresses, which are none without their zone. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return [...new Set(all.map(({ address }) => address))].filter((address) => !/^fe[89ab]/i.test(address));
}

function open(
  where: {
    readonly address: string;
    readonly port: number;
    readonly ipv6Only: boolean;
    /** Several of our own sockets have the port. */
    readonly shared?: boolean;
  },
  answer: AnswerDatagram,
): Promise<Socket> {
  const { address, port, ipv6Only, shared = false } = where;
  const socket = createSocket({
    type: address.includes(":") ? "udp6" : "udp4",
    // An IPv4 socket takes no such option at all.
    ...(address.includes(":") ? { ipv6Only } : {}),
    reuseAddr: shared,
    recvBufferSize: RECEIVE_BUFFER,
    // Replies go to literals only; the usual lookup would take a turn of the event loop for each.
    lookup: (host, _options, found) => found(null, host, host.includes(":") ? 6 : 4),
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", reject);
      // A reply that can't be delivered is nobody's trouble but the asker's.
      socket.on("error", ignore);
      const boundTo = parseIp(address) ?? new Uint8Array(16);
      socket.on("message", (bytes, from) => receive(socket, { bytes, from, boundTo }, answer));
      resolve(socket);
    });
  });
}

function receive(
  socket: Socket,
  {
    bytes,
    from,
    boundTo,
  }: { readonly bytes: Uint8Array; readonly from: RemoteInfo; readonly boundTo: Uint8Array },
  answer: AnswerDatagram,
): void {
  const address = parseIp(from.address);
  // Port 0 can't be answered.
  if (address === undefined || from.port === 0) return;
  const reply = answer(bytes, { address, port: from.port, boundTo });
  if (reply === undefined || socket.getSendQueueSize() > MAX_QUEUED) return;
  socket.send(reply, from.port, from.address, ignore);
}

/** The one for all addresses, IPv6 first, leads to both families. */
function leadsTo(socket: Socket, host: string): boolean {
  const { family, address } = socket.address();
  return host.includes(":") ? family === "IPv6" : family === "IPv4" || address === "::";
}

function sendFrom(socket: Socket | undefined, bytes: Uint8Array, port: number, host: string): void {
  if (socket === undefined || socket.getSendQueueSize() > MAX_QUEUED) return;
  const isMapped = socket.address().family === "IPv6" && !host.includes(":");
  try {
    socket.send(bytes, port, isMapped ? `::ffff:${host}` : host, ignore);
  } catch {
    // A port that is none, or the socket is closed: lost, as any datagram may be.
  }
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

function ignore(): void {}
