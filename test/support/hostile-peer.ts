/** The other end of a real connection, saying whatever a test wants: as one that calls, and as one that is called. */
import { connect, createServer, type Socket } from "node:net";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { handshakeBytes, hex } from "./scripted-peer.ts";

export interface Sayings {
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** Becomes part of the peer id. */
  readonly id: number;
  /** The 8 reserved bytes; BEP 6 and BEP 10 by default. */
  readonly reserved?: string;
}

/** A length prefix and `body`, both in hexadecimal as BEP 3 writes them. */
export function message(body: string): Uint8Array {
  const bytes = hex(body);
  const framed = new Uint8Array(4 + bytes.length);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}

export function uint32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

export class HostilePeer {
  readonly socket: Socket;
  /** Settles when the other side has closed, or reset, the connection. */
  readonly closed: Promise<void>;
  #received: Uint8Array = new Uint8Array(0);
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#received = concatBytes([this.#received, bytes]);
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#isClosed = true;
        resolve();
      });
    });
  }

  /** Connects to `port` of 127.0.0.1 and says the handshake. */
  static async call(port: number, { infoHash, id, reserved }: Sayings): Promise<HostilePeer> {
    const socket = connect(port, "127.0.0.1");
    const peer = new HostilePeer(socket);
    await new Promise((resolve) => socket.once("connect", resolve).once("error", resolve));
    peer.say(handshakeBytes({ id, infoHash: hex(infoHash), ...(reserved !== undefined && { reserved }) }));
    return peer;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Everything that came, the handshake included. */
  get received(): Uint8Array {
    return this.#received;
  }

  /** The bodies of the messages after the handshake that have come whole. */
  messages(): Uint8Array[] {
    const found: Uint8Array[] = [];
    const view = new DataView(this.#received.buffer, this.#received.byteOffset);
    for (let at = 68; at + 4 <= this.#received.length; ) {
      const end = at + 4 + view.getUint32(at);
      if (end > this.#received.length) break;
      if (end > at + 4) found.push(this.#received.subarray(at + 4, end));
      at = end;
    }
    return found;
  }

  say(...parts: readonly Uint8Array[]): void {
    for (const part of parts) if (this.socket.writable) this.socket.write(part);
  }

  /** Waits until `check` holds, or the connection is closed, or `timeout` milliseconds have passed. */
  async until(check: () => boolean, timeout = 5_000): Promise<boolean> {
    const deadline = performance.now() + timeout;
    while (!check()) {
      if (this.#isClosed || performance.now() > deadline) return check();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return true;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Listens for peers that call, and lets `answer` talk to each of them. */
export async function listenAsPeer(
  answer: (peer: HostilePeer) => void,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const peers = new Set<HostilePeer>();
  const server = createServer((socket) => {
    const peer = new HostilePeer(socket);
    peers.add(peer);
    socket.once("close", () => peers.delete(peer));
    answer(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    stop: async () => {
      for (const peer of peers) peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
