/** The local network as multicast DNS sees it: messages to and from the neighbours, interface by interface. */
import type {
  DatagramSource,
  Multicast,
  MulticastGroup,
  MulticastOptions,
  NetworkInterface,
} from "../platform/multicast.ts";
import type { Clock, Millis } from "../protocol/ambient.ts";
import type { DnsMessage } from "./core/messages.ts";
import { decodeMessage, encodeMessage } from "./packet.ts";

const PORT = 5353;
/** Of IPv4 and IPv6 (RFC 6762, 3). */
export const MDNS_GROUPS: readonly MulticastGroup[] = [
  { address: "224.0.0.251", port: PORT, hops: 255 },
  { address: "ff02::fb", port: PORT, hops: 255 },
];

/** What is looked at in a second: a flood costs no more, and one sender can't drown the others. */
const PERIOD: Millis = 1_000;
const MAX_BYTES = 400_000;
const MAX_FROM_ONE = 60;
const MAX_SENDERS = 500;

export interface MessageSource {
  /** An IP literal, perhaps with a zone. */
  readonly host: string;
  readonly port: number;
  /** The name of the interface whose network the sender is on. */
  readonly interface: string;
}

/** Whoever asks from another port is an ordinary resolver, and wants an answer of its own (RFC 6762, 6.7). */
export function isResolver({ port }: MessageSource): boolean {
  return port !== PORT;
}

export interface LinkOptions {
  readonly clock: Clock;
  readonly open: (options: MulticastOptions) => Promise<Multicast>;
  /** See `MulticastOptions.only`. */
  readonly only?: readonly string[];
  readonly onMessage: (message: DnsMessage, from: MessageSource) => void;
  /** See `MulticastOptions.onChange`. */
  readonly onChange: () => void;
}

export interface Link {
  readonly interfaces: () => readonly NetworkInterface[];
  /** To everybody on the network of that interface. */
  readonly send: (name: string, message: DnsMessage) => void;
  /** To one machine alone. */
  readonly sendTo: (to: MessageSource, message: DnsMessage) => void;
  readonly close: () => Promise<void>;
}

/** Where there is no multicast, nothing comes and nothing goes. */
export async function openLink({ clock, open, only = [], onMessage, onChange }: LinkOptions): Promise<Link> {
  const bounds = new Bounds(clock);
  const multicast = await open({
    groups: MDNS_GROUPS,
    only,
    onChange,
    onDatagram: (bytes, from) => {
      const source = neighbour(from);
      if (source === undefined || !bounds.admits(source.host, bytes.length)) return;
      const message = decodeMessage(bytes);
      // Answers come from the port that they are asked at (6), or they are none.
      if (message === undefined || (message.isResponse && isResolver(source))) return;
      onMessage(message, source);
    },
  });
  return {
    interfaces: () => multicast.interfaces(),
    send: (name, message) => {
      const bytes = encodeMessage(message);
      for (const group of MDNS_GROUPS) multicast.sendOn(name, group, bytes);
    },
    sendTo: (to, message) => {
      const group = MDNS_GROUPS.find(({ address }) => address.includes(":") === to.host.includes(":"));
      if (group !== undefined) multicast.sendTo(to, group, encodeMessage(message));
    },
    close: () => multicast.close(),
  };
}

/** Only neighbours speak here (RFC 6762, 11). */
function neighbour({ host, port, interface: name }: DatagramSource): MessageSource | undefined {
  return name === undefined ? undefined : { host, port, interface: name };
}

class Bounds {
  readonly #clock: Clock;
  #since: Millis = Number.NEGATIVE_INFINITY;
  #bytes = 0;
  readonly #senders = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  admits(sender: string, bytes: number): boolean {
    const now = this.#clock.now();
    if (now - this.#since >= PERIOD) {
      this.#since = now;
      this.#bytes = 0;
      this.#senders.clear();
    }
    const count = this.#senders.get(sender) ?? 0;
    if (count >= MAX_FROM_ONE || this.#bytes + bytes > MAX_BYTES) return false;
    if (count === 0 && this.#senders.size >= MAX_SENDERS) return false;
    this.#senders.set(sender, count + 1);
    this.#bytes += bytes;
    return true;
  }
}
