import type { Transport } from "../../platform/transport.ts";
import { MessageWriter } from "../core/messages.ts";

/**
 * Collects small messages and sends them in one write. The memory of a write is used again once the transport is done
 * with it, so that asking for blocks makes no garbage.
 */
export class Outbox {
  readonly #transport: Transport;
  #open: Packet;
  #spare: Packet | undefined;
  #unsent = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#open = this.#packet();
  }

  /** Where to write messages to; ask again after each {@link flush}. */
  get messages(): MessageWriter {
    return this.#open.messages;
  }

  /** Bytes of small messages that the transport has not taken. */
  get unsent(): number {
    return this.#unsent;
  }

  /** @returns how many bytes it sent. */
  flush(): number {
    const packet = this.#open;
    const bytes = packet.messages.written;
    if (bytes.length === 0) return 0;
    this.#unsent += bytes.length;
    this.#open = this.#spare ?? this.#packet();
    this.#spare = undefined;
    this.#transport.write(bytes, packet.done);
    return bytes.length;
  }

  #packet(): Packet {
    const messages = new MessageWriter();
    const packet: Packet = {
      messages,
      done: () => {
        this.#unsent -= messages.length;
        messages.clear();
        this.#spare = packet;
      },
    };
    return packet;
  }
}

interface Packet {
  readonly messages: MessageWriter;
  /** Made once, not for each write. */
  readonly done: () => void;
}
