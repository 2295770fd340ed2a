/** Publishing as a whole: shares that come, are served on one port, and go. */
import { systemClock } from "../../platform/clock.ts";
import { ListenError } from "../../platform/ports.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { EndedEvent, ReadyEvent } from "../events.ts";
import type { Outside } from "../outside-port.ts";
import { limitsOf, setLimitsOf } from "../transfer.ts";
import type { Limits, Transfer } from "../transfer-types.ts";
import type { ShareMemory } from "./memory.ts";
import { OnePort } from "./one-port.ts";
import type { Publication, PublishEvents, PublishOptions } from "./publish-types.ts";
import type { PublishedShare } from "./published-share.ts";
import { Service, STOPPED_PATIENCE } from "./service.ts";
import { statsOf } from "./totals.ts";

export interface ApplianceOptions extends PublishOptions {
  /** Go on when no share is left: others may be added. Not by default. */
  readonly persistent?: boolean | undefined;
  /** Called once, when nothing is read any more. */
  readonly cleanUp?: (() => Promise<void>) | undefined;
}

export class Appliance implements Publication {
  readonly ready: Promise<readonly ReadyEvent[]>;
  readonly closed: Promise<void>;
  readonly #shares: Map<string, PublishedShare>;
  /** Made when they are first asked for. */
  readonly #transfers = new Map<PublishedShare, Transfer>();
  readonly #options: ApplianceOptions;
  readonly #tell: PublishEvents;
  readonly #port: OnePort;
  readonly #service: Service;
  readonly #startedAt = systemClock.now();
  readonly #stopping = new AbortController();
  readonly #stats: NodeJS.Timeout;
  /** Those that ended by themselves, and those that can't be published. */
  readonly #done = new Set<PublishedShare>();
  readonly #adding = new Set<Promise<void>>();
  #settleClosed: () => void = () => {};
  #closing: Promise<void> | undefined;
  #outside: Outside | undefined;

  /** Opens the port, tells `listening`, and begins to hash. @throws {ListenError} */
  static async open(
    shares: Map<string, PublishedShare>,
    options: ApplianceOptions,
    tell: PublishEvents,
    lastPort: number | undefined,
  ): Promise<Appliance> {
    const port = await OnePort.open(shares, options, lastPort);
    const appliance = new Appliance(shares, options, tell, port);
    if (port.onlyHere) {
      const message =
        "This machine has no network address that others could use: only programs on it can get this.";
      tell({ event: "warning", code: "loopback", message });
    }
    await appliance.#openUdp();
    await appliance.#openOutside();
    // Whoever comes first shouldn't have to wait for it; see front-door.ts.
    void import("./pages.ts").catch(() => {});
    return appliance;
  }

  private constructor(
    shares: Map<string, PublishedShare>,
    options: ApplianceOptions,
    tell: PublishEvents,
    port: OnePort,
  ) {
    this.#shares = shares;
    this.#options = options;
    this.#tell = tell;
    this.#port = port;
    this.#service = new Service(port, options, tell);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#tell({
      event: "listening",
      port: this.port,
      urls: this.urls,
      shares: [...this.#shares.values()].map((share) => ({
        share: share.id,
        name: share.name,
        url: share.invitation.url(port.base),
      })),
    });
    this.#stats = setInterval(() => {
      const now = systemClock.now();
      for (const share of this.#shares.values()) share.tick(now);
      this.#tell(statsOf(this.#shares.values()));
      this.#endWhatIsDue();
    }, 1_000);
    this.ready = this.#startAll();
    // Whoever doesn't wait for it learns from the pages; without this the process would end.
    this.ready.catch(() => {});
    const { signal } = this.#options;
    const stop = () => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    void this.closed.then(() => signal?.removeEventListener("abort", stop));
    if (signal?.aborted) stop();
  }

  get port(): number {
    return this.#port.number;
  }

  get urls(): readonly string[] {
    return this.#port.urls;
  }

  /** A convenience beside HTTP: without it everything still works. */
  async #openUdp(): Promise<void> {
    try {
      await this.#port.openUdp(this.#options.bind);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const message = `${error.message} Trackers over UDP can't be offered; HTTP can.`;
      this.#tell({ event: "warning", code: "udp", message });
    }
  }

  /** Loaded only when it's wanted. */
  async #openOutside(): Promise<void> {
    const { upnp = false, bind = [] } = this.#options;
    if (!upnp) return;
    const { openOutside } = await import("../outside-port.ts");
    if (this.#closing !== undefined) return;
    this.#outside = openOutside({ port: this.port, bind, udp: true, http: true, tell: this.#tell });
  }

  /** So that the next publication of these paths has the same URLs. */
  async remember(memory: ShareMemory): Promise<void> {
    try {
      for (const share of this.#shares.values()) {
        await memory.remember(share.realPath, { id: share.id, port: this.port }, this.#options.unlisted);
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const message = `The URL can't be remembered for the next time: ${said}. Choose another folder with --cache-dir.`;
      this.#tell({ event: "warning", code: "cache", message });
    }
  }

  transfers(): readonly Transfer[] {
    return [...this.#shares.values()].map((share) => {
      const transfer = this.#transfers.get(share) ?? share.transfer(this.#port.base);
      this.#transfers.set(share, transfer);
      return transfer;
    });
  }

  get limits(): Limits {
    return limitsOf(this.#port.peers.session);
  }

  setLimits(limits: Limits): void {
    setLimitsOf(this.#port.peers.session, limits);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Takes in one more share, and settles when it is ready. @throws what preparing it does; then it is out again. */
  async add(share: PublishedShare): Promise<void> {
    const adding = this.#add(share);
    // Closing waits for it, however it ends.
    this.#adding.add(adding);
    try {
      await adding;
    } finally {
      this.#adding.delete(adding);
    }
  }

  async #add(share: PublishedShare): Promise<void> {
    this.#shares.set(share.id, share);
    try {
      await this.#start(share);
    } catch (error) {
      this.#shares.delete(share.id);
      await share.closeStorage();
      throw error;
    }
  }

  /** Takes a share out of service and forgets it. */
  async remove(share: PublishedShare): Promise<void> {
    await this.#end(share, "removed");
    this.#shares.delete(share.id);
    this.#done.delete(share);
    this.#transfers.delete(share);
  }

  /** One share after another: each uses all cores, and the first is of use soonest. */
  async #startAll(): Promise<readonly ReadyEvent[]> {
    const ready: ReadyEvent[] = [];
    const failures: { readonly error: unknown }[] = [];
    for (const share of this.#shares.values()) {
      try {
        ready.push(await this.#start(share));
      } catch (error) {
        // Also when the last one's end is the end of all.
        if (share.ending.signal.aborted) continue;
        this.#stopping.signal.throwIfAborted();
        this.#fail(share, error);
        failures.push({ error });
      }
    }
    const [first] = failures;
    if (first !== undefined && failures.length === this.#shares.size) throw first.error;
    return ready;
  }

  /** The others go on: they have their URLs, and somebody may be downloading. */
  #fail(share: PublishedShare, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    share.state = { name: "failed", message };
    share.front?.settle({ error: message });
    if (this.#shares.size === 1) return;
    const code = error instanceof BoojumError ? error.code : "internal";
    this.#tell({ event: "failed", share: share.id, name: share.name, code, message });
    this.#over(share);
  }

  #start(share: PublishedShare): Promise<ReadyEvent> {
    return this.#service.start(share, AbortSignal.any([this.#stopping.signal, share.ending.signal]));
  }

  #endWhatIsDue(): void {
    const { expireSeconds = Number.POSITIVE_INFINITY, untilCopies = Number.POSITIVE_INFINITY } =
      this.#options;
    const expired = systemClock.now() - this.#startedAt >= expireSeconds * 1_000;
    for (const share of this.#shares.values()) {
      if (share.ending.signal.aborted || this.#done.has(share)) continue;
      if (expired) void this.#end(share, "expired");
      else if (share.roster.completed >= untilCopies) void this.#end(share, "copies");
    }
  }

  async #end(share: PublishedShare, reason: EndedEvent["reason"]): Promise<void> {
    await this.#service.end(share, reason);
    this.#over(share);
  }

  /** When no share is left, there is nothing to run for. */
  #over(share: PublishedShare): void {
    this.#done.add(share);
    if (this.#done.size === this.#shares.size && this.#options.persistent !== true) void this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#stats);
    this.#stopping.abort();
    await this.ready.catch(() => {});
    await Promise.allSettled(this.#adding);
    const shares = [...this.#shares.values()];
    await Promise.all([
      this.#outside?.close(),
      ...shares.map((share) => share.announcer?.close(STOPPED_PATIENCE)),
    ]);
    await this.#port.close();
    await Promise.all(shares.map((share) => share.closeStorage()));
    await this.#options.cleanUp?.();
    this.#tell({ event: "stopped" });
    this.#settleClosed();
  }
}
