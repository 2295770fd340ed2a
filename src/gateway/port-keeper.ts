/** Keeps a port of ours open at the gateway of this network, as long as it is wanted. */
import type { Clock, Millis, Timer } from "../protocol/ambient.ts";
import { formatIp, type IpScope, ipScope } from "../protocol/ip-address.ts";
import type { Mapped, Protocol, Way } from "./core/mapping.ts";
import type { Opener } from "./openers.ts";

/** Seconds that a mapping may outlive us, should we end without a word. Renewed at half of that. */
const LIFETIME = 1_200;
/** Gateways may give less, but not so little that we'd do nothing else. */
const SHORTEST: Millis = 30_000;
/** One that restarts forgets what it had, and its address may be another one. */
const LONGEST: Millis = 600_000;
/** After a failure: somebody may switch it on, or this machine may move to another network. */
const TRY_AGAIN: Millis = 300_000;
/** For taking back what was opened. */
const FAREWELL: Millis = 2_000;

/** A port of the gateway leads here. */
export interface OutsidePort {
  readonly way: Way;
  /** IP literals: the gateway's on our side, and ours. */
  readonly gateway: string;
  readonly own: string;
  /** The gateway's on the other side; undefined when it doesn't know it. */
  readonly address: string | undefined;
  /** How far that address reaches. */
  readonly scope: IpScope | undefined;
  readonly port: number;
}

/** Why the port isn't open: nobody answers, or all who do refuse, in the order in which they were asked. */
export interface Closed {
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  readonly gateway: string;
  readonly way: Way;
  /** Of our words alone. */
  readonly reason: string;
  /** The gateway's on the other side, when it tells it all the same. */
  readonly address: string | undefined;
}

export interface PortKeeperOptions {
  readonly port: number;
  /** The first one counts, the others are an extra. */
  readonly protocols: readonly [Protocol, ...Protocol[]];
  /** Who might open it, now, the best first. */
  readonly openers: (signal: AbortSignal) => AsyncIterable<Opener>;
  readonly clock: Clock;
  /** The first time, and whenever anything about it has changed. */
  readonly onOpen: (port: OutsidePort) => void;
  /** It isn't open, or no longer: told once until it is, or the reason is another one. */
  readonly onClosed: (why: Closed) => void;
}

export class PortKeeper {
  readonly #options: PortKeeperOptions;
  /** No more rounds. */
  readonly #over = new AbortController();
  /** No more waiting for answers. */
  readonly #late = new AbortController();
  /** Who has opened it, and what it gave us. */
  #opener: Opener | undefined;
  readonly #mapped = new Map<Protocol, Mapped>();
  #told: string | undefined;
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PortKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#over.signal.aborted) this.#round ??= this.#keep();
  }

  /** Takes back what was opened, within 2 s; what can't be taken back ends by itself, in 20 minutes at most. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#over.abort();
    this.#timer?.cancel();
    const late = this.#options.clock.after(FAREWELL, () => this.#late.abort());
    // A gateway that has been asked may have opened it before its answer is here.
    await this.#round;
    await Promise.all(
      [...this.#mapped].map(([protocol, { port }]) => this.#map(this.#opener, protocol, port, 0)),
    );
    late.cancel();
  }

  /** Opens or renews, tells, and comes again. */
  async #keep(): Promise<void> {
    const outcome = await this.#open();
    if (this.#over.signal.aborted) return;
    if (isOpen(outcome)) this.#tell(outcome, this.#options.onOpen);
    else this.#tell(outcome, this.#options.onClosed);
    this.#timer = this.#options.clock.after(isOpen(outcome) ? this.#renewIn() : TRY_AGAIN, () => {
      this.#round = this.#keep();
    });
  }

  async #open(): Promise<OutsidePort | Closed> {
    const { signal } = this.#over;
    const renewed = this.#opener && (await this.#openWith(this.#opener));
    if (isOpen(renewed)) return renewed;
    this.#opener = undefined;
    this.#mapped.clear();
    const refusals: Refusal[] = [];
    for await (const opener of this.#options.openers(signal)) {
      if (signal.aborted) break;
      const outcome = await this.#openWith(opener);
      if (isOpen(outcome)) return outcome;
      if (outcome !== undefined) refusals.push(outcome);
    }
    return { refusals };
  }

  /** @returns undefined when nobody answers. */
  async #openWith(opener: Opener): Promise<OutsidePort | Refusal | undefined> {
    const { way, gateway, own } = opener;
    const { port, protocols } = this.#options;
    const [first, ...others] = protocols;
    const answer = await this.#map(opener, first, this.#mapped.get(first)?.port ?? port);
    if (answer === undefined) return undefined;
    const { address: outer } = answer;
    const address = outer && formatIp(outer);
    if (answer.kind === "refused") return { gateway, way, reason: answer.reason, address };
    this.#opener = opener;
    this.#mapped.set(first, answer);
    for (const protocol of others) {
      const extra = await this.#map(opener, protocol, this.#mapped.get(protocol)?.port ?? answer.port);
      if (extra?.kind === "mapped") this.#mapped.set(protocol, extra);
    }
    return { way, gateway, own, address, scope: outer && ipScope(outer), port: answer.port };
  }

  async #map(opener: Opener | undefined, protocol: Protocol, wanted: number, lifetime = LIFETIME) {
    const request = { protocol, port: this.#options.port, wanted, lifetime };
    return await opener?.map(request, this.#late.signal);
  }

  #renewIn(): Millis {
    // Those that last for ever are looked at all the same.
    const lifetimes = [...this.#mapped.values()].map(({ lifetime }) => lifetime || LIFETIME);
    return Math.min(LONGEST, Math.max(SHORTEST, (Math.min(...lifetimes) * 1_000) / 2));
  }

  #tell<T>(outcome: T, listener: (outcome: T) => void): void {
    const said = JSON.stringify(outcome);
    if (said !== this.#told) listener(outcome);
    this.#told = said;
  }
}

function isOpen(outcome: OutsidePort | Closed | Refusal | undefined): outcome is OutsidePort {
  return outcome !== undefined && "port" in outcome;
}
