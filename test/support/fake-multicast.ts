/** Networks in memory for multicast: machines with interfaces, on which everybody hears everybody, themselves included. */
import type { Multicast, MulticastOptions } from "../../src/platform/multicast.ts";
import type { FakeClock } from "./fake-clock.ts";

interface Station {
  readonly host: FakeHost;
  readonly options: MulticastOptions;
}

/** A machine: which networks it is on, and with which address there. */
export interface FakeHost {
  /** By name of interface. */
  readonly interfaces: Map<string, { readonly network: string; readonly address: string }>;
}

export class FakeNetworks {
  readonly #clock: FakeClock;
  readonly #stations = new Set<Station>();
  /** Every datagram of IPv4: network, sender's address and bytes. */
  readonly sent: { readonly network: string; readonly from: string; readonly bytes: Uint8Array }[] = [];

  /** Every datagram to one machine alone: to whom, and bytes. */
  readonly told: { readonly to: string; readonly bytes: Uint8Array }[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get stations(): number {
    return this.#stations.size;
  }

  /** What `openMulticast` does, on `host`. */
  opener(host: FakeHost): (options: MulticastOptions) => Promise<Multicast> {
    return (options) => {
      const station = { host, options };
      this.#stations.add(station);
      const allowed = () =>
        [...host.interfaces].filter(
          ([, { address }]) => (options.only ?? []).length === 0 || options.only?.includes(address),
        );
      const sendOn: Multicast["sendOn"] = (name, group, bytes) => {
        const via = allowed().find(([each]) => each === name)?.[1];
        if (via === undefined || group.address.includes(":")) return;
        this.say(via.network, via.address, bytes);
      };
      return Promise.resolve({
        send: (group, bytes) => {
          for (const [name] of allowed()) sendOn(name, group, bytes);
        },
        sendOn,
        sendTo: ({ host: to, port }, _, bytes) => {
          this.told.push({ to: `${to}:${port}`, bytes });
        },
        interfaces: () => allowed().map(([name, { address }]) => ({ name, addresses: [address] })),
        close: () => {
          this.#stations.delete(station);
          return Promise.resolve();
        },
      });
    };
  }

  /** Something that `from` says on `network`. */
  say(network: string, from: string, bytes: Uint8Array, port = 5353): void {
    this.sent.push({ network, from, bytes });
    for (const { host, options } of this.#stations) {
      for (const [name, { network: own }] of host.interfaces) {
        const [group] = options.groups;
        if (own !== network || group === undefined) continue;
        this.#clock.after(1, () => options.onDatagram(bytes, { host: from, port, interface: name }, group));
      }
    }
  }

  /** Its interfaces have changed, and it has noticed. */
  changed(host: FakeHost): void {
    for (const station of this.#stations) if (station.host === host) station.options.onChange?.();
  }
}

export function fakeHost(...interfaces: readonly (readonly [string, string, string])[]): FakeHost {
  return {
    interfaces: new Map(interfaces.map(([name, network, address]) => [name, { network, address }])),
  };
}
