/** A bad network between two programs: a TCP proxy that delays, drips, cuts, flips bits, or swallows everything. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../../src/protocol/ambient.ts";
import { seededRandom } from "./seeded-random.ts";

export interface Chaos {
  /** Milliseconds that every byte takes longer, each way. */
  readonly delay?: number;
  /** A connection is cut after about so many bytes, both ways counted together. */
  readonly cutEvery?: number;
  /** One bit in about so many bytes is flipped on the way to whoever connected. */
  readonly flipEvery?: number;
  /** No flip in the first bytes of a connection, so that it comes to something. */
  readonly flipAfter?: number;
  /** At most so many bytes at once, one portion a millisecond. */
  readonly drip?: number;
}

/** Forwards what comes to its port to `target` on 127.0.0.1, badly. What happened is counted. */
export class ChaosProxy {
  connections = 0;
  cuts = 0;
  flips = 0;
  /** Both ends seem to be there, and nothing gets through: a cable that was pulled. */
  isDown = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  readonly #random: Random;
  #chaos: Chaos;

  private constructor(target: number, chaos: Chaos, seed: number) {
    this.#target = target;
    this.#chaos = chaos;
    this.#random = seededRandom(seed);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));
  }

  static async start(target: number, chaos: Chaos = {}, seed = 1): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target, chaos, seed);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy is closed");
    return address.port;
  }

  /** From now on, for the connections that there are, too. */
  set chaos(chaos: Chaos) {
    this.#chaos = chaos;
  }

  /** Resets every connection. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(near: Socket): void {
    this.connections++;
    const far = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true });
    let left = (this.#chaos.cutEvery ?? Number.POSITIVE_INFINITY) * (0.5 + this.#random.next());
    const count = (bytes: number) => {
      left -= bytes;
      if (left > 0) return;
      left = Number.POSITIVE_INFINITY;
      this.cuts++;
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("error", () => {});
      from.once("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      void this.#carry(from, to, count, from === far);
    }
  }

  async #carry(from: Socket, to: Socket, count: (bytes: number) => void, isReply: boolean): Promise<void> {
    let toFlip = (this.#chaos.flipAfter ?? 0) + this.#untilFlip();
    try {
      for await (const read of from) {
        let bytes = read as Buffer;
        while (this.isDown) await sleep(20);
        if (isReply) toFlip = this.#flip(bytes, toFlip);
        while (bytes.length > 0) {
          const portion = bytes.subarray(0, this.#chaos.drip ?? bytes.length);
          bytes = bytes.subarray(portion.length);
          if (this.#chaos.drip !== undefined) await sleep(1);
          const { delay } = this.#chaos;
          if (delay !== undefined) setTimeout(() => to.writable && to.write(portion), delay);
          else if (!to.write(portion))
            await new Promise((resolve) => to.once("drain", resolve).once("close", resolve));
          count(portion.length);
        }
      }
      // One side may have said everything and still listen.
      setTimeout(() => to.end(), this.#chaos.delay ?? 0);
    } catch {
      to.destroy();
    }
  }

  #untilFlip(): number {
    return (this.#chaos.flipEvery ?? Number.POSITIVE_INFINITY) * (0.5 + this.#random.next());
  }

  /** @param left bytes until the one that is damaged. @returns the same after these */
  #flip(bytes: Uint8Array, left: number): number {
    if (left >= bytes.length) return left - bytes.length;
    const at = Math.floor(left);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(this.#random.next() * 8));
    this.flips++;
    return this.#untilFlip();
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
