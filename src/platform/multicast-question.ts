/** Questions to a multicast group, whose answers come back to the asker alone: from one address of ours, IPv4. */
import { createSocket } from "node:dgram";

export interface MulticastQuestion {
  /** The address of ours from which, and on whose network, it is asked. */
  readonly source: string;
  readonly group: string;
  readonly port: number;
  readonly hops: number;
  /** `host` is an IP literal. */
  readonly onAnswer: (bytes: Uint8Array, host: string) => void;
  /** It can't be asked any more: the address may have gone. */
  readonly onError: () => void;
}

export interface MulticastAsker {
  /** What can't be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array): void;
  close(): void;
}

export function askMulticast(question: MulticastQuestion): MulticastAsker {
  const { source, group, port, hops, onAnswer, onError } = question;
  const socket = createSocket({ type: "udp4", lookup: (host, _options, found) => found(null, host, 4) });
  let isOpen = false;
  const waiting: Uint8Array[] = [];
  const send = (bytes: Uint8Array) => socket.send(bytes, port, group, () => {});
  socket.on("error", onError);
  socket.on("message", (bytes, { address }) => onAnswer(bytes, address));
  socket.bind({ address: source, exclusive: true }, () => {
    try {
      socket.setMulticastInterface(source);
      socket.setMulticastTTL(hops);
    } catch {
      return onError();
    }
    isOpen = true;
    for (const bytes of waiting) send(bytes);
  });
  return {
    send: (bytes) => {
      if (isOpen) send(bytes);
      else waiting.push(bytes);
    },
    close: () => socket.close(),
  };
}
