/** A bad network for datagrams: a UDP proxy that delays, drops, doubles, reorders and damages what it carries. */
import { createSocket, type Socket } from "node:dgram";
import type { Random } from "../../src/protocol/ambient.ts";
import { seededRandom } from "./seeded-random.ts";

export interface DatagramChaos {
  /** Milliseconds, each way. */
  readonly delay?: number;
  /** Up to so many more: what came later may arrive sooner. */
  readonly jitter?: number;
  /** Parts of all datagrams, each way, 0 to 1: they are lost, come twice, have a flipped bit, or are cut short. */
  readonly drop?: number;
  readonly double?: number;
  readonly flip?: number;
  readonly cut?: number;
}

/** Carries datagrams between whoever sends to its port and `target` on 127.0.0.1, badly. What happened is counted. */
export class ChaosDatagrams {
  readonly counts = { carried: 0, dropped: 0, doubled: 0, flipped: 0, cut: 0 };
  /** Datagrams that are lost whatever the chances: the first so many, each way. */
  dropFirst = 0;
  readonly #near: Socket = createSocket("udp4");
  /** One for each sender, so that answers find their way back. */
  readonly #far = new Map<string, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #target: number;
  readonly #chaos: DatagramChaos;
  readonly #random: Random;

  private constructor(target: number, chaos: DatagramChaos, seed: number) {
    this.#target = target;
    this.#chaos = chaos;
    this.#random = seededRandom(seed);
  }

  static async start(target: number, chaos: DatagramChaos = {}, seed = 1): Promise<ChaosDatagrams> {
    const proxy = new ChaosDatagrams(target, chaos, seed);
    const near = proxy.#near;
    near.on("message", (bytes, { address, port }) => {
      const far = proxy.#farOf(address, port);
      proxy.#carry(bytes, (damaged) => far.send(damaged, target, "127.0.0.1", () => {}));
    });
    await new Promise<void>((resolve) => near.bind(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return this.#near.address().port;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of [this.#near, ...this.#far.values()]) socket.close();
  }

  #farOf(address: string, port: number): Socket {
    const key = `${address} ${port}`;
    let far = this.#far.get(key);
    if (far !== undefined) return far;
    far = createSocket("udp4");
    far.on("message", (bytes, from) => {
      if (from.port !== this.#target) return;
      this.#carry(bytes, (damaged) => this.#near.send(damaged, port, address, () => {}));
    });
    this.#far.set(key, far);
    return far;
  }

  #carry(bytes: Uint8Array, send: (bytes: Uint8Array) => void): void {
    const { delay = 0, jitter = 0, drop = 0, double = 0, flip = 0, cut = 0 } = this.#chaos;
    const { counts } = this;
    const happens = (chance: number) => this.#random.next() < chance;
    if (this.dropFirst > 0 || happens(drop)) {
      this.dropFirst = Math.max(0, this.dropFirst - 1);
      counts.dropped++;
      return;
    }
    const times = happens(double) ? 2 : 1;
    counts.doubled += times - 1;
    for (let i = 0; i < times; i++) {
      let carried = bytes.slice();
      if (happens(flip)) {
        const at = Math.floor(this.#random.next() * carried.length);
        carried[at] = (carried[at] ?? 0) ^ (1 << Math.floor(this.#random.next() * 8));
        counts.flipped++;
      }
      if (happens(cut)) {
        carried = carried.subarray(0, Math.floor(this.#random.next() * carried.length));
        counts.cut++;
      }
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          counts.carried++;
          send(carried);
        },
        delay + this.#random.next() * jitter,
      );
      this.#timers.add(timer);
    }
  }
}
