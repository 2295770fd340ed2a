/** A UDP socket that talks with one place only. */
import { createSocket } from "node:dgram";
import type { SourceFor } from "./source-address.ts";

export interface DatagramListener {
  /** `bytes` may be kept. */
  message(bytes: Uint8Array): void;
  /** The place says that nobody is there, or can't be reached. */
  error(error: Error): void;
}

export interface DatagramChannel {
  send(bytes: Uint8Array): void;
  /** Who is told of what comes; undefined: nobody. */
  listen(listener: DatagramListener | undefined): void;
  close(): void;
}

/** Opens a socket whose datagrams go to `address` (an IP literal) and come from there only. */
export type DialDatagrams = (address: string, port: number) => Promise<DatagramChannel>;

/** Makes a {@link DialDatagrams} whose sockets are bound to what `sourceFor` says. */
export function datagramDialer(sourceFor: SourceFor): DialDatagrams {
  return async (address, port) => await dial({ address, port, source: sourceFor(address) });
}

function dial(where: {
  readonly address: string;
  readonly port: number;
  readonly source: string | undefined;
}): Promise<DatagramChannel> {
  const { address, port, source } = where;
  return new Promise((resolve, reject) => {
    let listener: DatagramListener | undefined;
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const fail = (error: Error) => {
      socket.close();
      reject(error);
    };
    socket.once("error", fail);
    const connect = () => socket.connect(port, address, connected);
    const connected = () => {
      socket.off("error", fail);
      socket.on("error", (error) => listener?.error(error));
      socket.on("message", (bytes) => listener?.message(bytes));
      resolve({
        send: (bytes) =>
          socket.send(bytes, (error) => {
            if (error !== null) listener?.error(error);
          }),
        listen: (next) => {
          listener = next;
        },
        close: () => socket.close(),
      });
    };
    if (source === undefined) connect();
    else socket.bind({ address: source, exclusive: true }, connect);
  });
}
