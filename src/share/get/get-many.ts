/** Several downloads with one queue and one limit over all. */
import { join, resolve } from "node:path";
import { OutputLockedError } from "../../client/errors.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { DoneEvent, GetEvent } from "../events.ts";
import { InterruptedError } from "../peer-errors.ts";
import type { Source } from "../source.ts";
import type { Limits, Transfer, Transferring } from "../transfer-types.ts";
import { get } from "./get.ts";
import type { Download, GetOptions, Preparation } from "./get-types.ts";
import { fairShares } from "./share-limit.ts";

export interface GetManyOptions
  extends Omit<GetOptions, "name" | "port" | "temporary" | "onEvent" | "onWork"> {
  /** Downloads that run at once, those that only seed not counted; default 5. */
  readonly atOnce?: number | undefined;
  /** `index` says which of the sources it is about. */
  readonly onEvent?: ((event: GetEvent, index: number) => void) | undefined;
  readonly onWork?: ((work: Preparation, index: number) => void) | undefined;
  /** One of them failed; the others go on. */
  readonly onFailed?: ((error: unknown, index: number) => void) | undefined;
}

/** Several downloads; limits are for all together, and shared fairly. */
export interface Downloads extends Transferring {
  /** What became of each, in their order, when all is over: `done`, or why not. Never rejects. */
  readonly settled: Promise<readonly PromiseSettledResult<DoneEvent>[]>;
  /** Stops all of them; settles when nothing is left running. */
  close(): Promise<void>;
}

/** Two sources would be written to the same place. */
export class SamePlaceError extends BoojumError {
  constructor(path: string) {
    super(
      "same-place",
      `${path} is what another of these sources was written to. Get this one apart, with -o another folder.`,
    );
  }
}

export const DEFAULT_AT_ONCE = 5;

/** What is got: a source, or a way to find out what is meant, which is asked when its turn comes. */
export type QueuedSource = Source | string | ((signal: AbortSignal) => Promise<Source>);

/**
 * Downloads all of `sources`, a few at a time, in their order. One that fails doesn't stop the others. Two that would be
 * written to the same place come one after the other: the same torrent is found there, another one fails.
 */
export function getMany(sources: readonly QueuedSource[], options: GetManyOptions = {}): Downloads {
  return new Queue(sources, options);
}

class Queue implements Downloads {
  readonly settled: Promise<readonly PromiseSettledResult<DoneEvent>[]>;
  readonly #options: GetManyOptions;
  readonly #stopping = new AbortController();
  readonly #running = new Map<number, Download>();
  /** Sources that are being got, those that only seed not among them. */
  readonly #busy = new Map<number, Promise<unknown>>();
  /** What lies where: the info hash of what was begun there. */
  readonly #places = new Map<string, string>();
  readonly #balance: NodeJS.Timeout;
  readonly #atOnce: number;
  /** How many can be running. */
  readonly #most: number;
  #limits: Limits;
  #waiting: (() => void)[] = [];

  constructor(sources: readonly QueuedSource[], options: GetManyOptions) {
    this.#options = options;
    this.#limits = { up: options.limitUp, down: options.limitDown };
    this.#atOnce = Math.max(1, options.atOnce ?? DEFAULT_AT_ONCE);
    this.#most = Math.max(1, Math.min(this.#atOnce, sources.length));
    const stop = () => this.#stopping.abort(new InterruptedError());
    options.signal?.addEventListener("abort", stop, { once: true });
    if (options.signal?.aborted) stop();
    this.#balance = setInterval(() => this.#share(), 1_000);
    this.settled = Promise.allSettled(sources.map((source, i) => this.#inTurn(source, i))).finally(() => {
      clearInterval(this.#balance);
      options.signal?.removeEventListener("abort", stop);
    });
  }

  transfers(): readonly Transfer[] {
    const inOrder = [...this.#running].sort(([a], [b]) => a - b);
    return inOrder.flatMap(([, download]) => download.transfers());
  }

  get limits(): Limits {
    return this.#limits;
  }

  setLimits(limits: Limits): void {
    for (const limit of [limits.up, limits.down])
      if (limit !== undefined && !(limit > 0)) throw new RangeError(`A limit is more than 0, not ${limit}.`);
    this.#limits = limits;
    this.#share();
  }

  async close(): Promise<void> {
    this.#stopping.abort(new InterruptedError());
    await this.settled;
  }

  async #inTurn(source: QueuedSource, index: number): Promise<DoneEvent> {
    try {
      while (this.#busy.size >= this.#atOnce) {
        await new Promise<void>((go) => this.#waiting.push(go));
      }
      const { signal } = this.#stopping;
      signal.throwIfAborted();
      let free = () => {};
      this.#busy.set(
        index,
        new Promise<void>((resolve) => {
          free = resolve;
        }),
      );
      const release = () => {
        if (this.#busy.delete(index)) free();
        for (const go of this.#waiting.splice(0)) go();
      };
      try {
        return await this.#one(typeof source === "function" ? await source(signal) : source, index, release);
      } finally {
        this.#running.delete(index);
        release();
        this.#share();
      }
    } catch (error) {
      this.#options.onFailed?.(error, index);
      throw error;
    }
  }

  /** @param release to be called when only seeding is left. */
  async #one(source: Source | string, index: number, release: () => void): Promise<DoneEvent> {
    for (;;) {
      const others = [...this.#busy].filter(([other]) => other !== index).map(([, over]) => over);
      try {
        return await this.#download(source, index, release);
      } catch (error) {
        // The place is ours, by another of the sources: when that is there, this may be it.
        const isOurs = error instanceof OutputLockedError && error.pid === process.pid;
        if (!isOurs || others.length === 0) throw error;
        await Promise.race(others);
        this.#stopping.signal.throwIfAborted();
      }
    }
  }

  async #download(source: Source | string, index: number, release: () => void): Promise<DoneEvent> {
    const { onEvent, onWork, directory = "." } = this.#options;
    const refusal = new AbortController();
    // At first as if all ran already; soon it's what is left by the others.
    const part = (limit: number | undefined) => limit && limit / this.#most;
    const check = (name: string, infoHash: string | null) => {
      const place = resolve(join(directory, name));
      const there = this.#places.get(place);
      if (infoHash === null) return;
      if (there !== undefined && there !== infoHash) refusal.abort(new SamePlaceError(place));
      else this.#places.set(place, infoHash);
    };
    let name = "";
    const tell = (event: GetEvent) => {
      if (event.event === "started") {
        ({ name } = event);
        check(name, event.infoHash);
      } else if (event.event === "identified") check(name, event.infoHash);
      if (!refusal.signal.aborted) onEvent?.(event, index);
    };
    try {
      const download = await get(source, {
        ...this.#options,
        limitUp: part(this.#limits.up),
        limitDown: part(this.#limits.down),
        signal: AbortSignal.any([this.#stopping.signal, refusal.signal]),
        onEvent: tell,
        onWork: (work) => onWork?.(work, index),
      });
      this.#running.set(index, download);
      this.#share();
      try {
        const done = await download.done;
        release();
        return done;
      } finally {
        await download.closed;
      }
    } catch (error) {
      throw refusal.signal.aborted ? refusal.signal.reason : error;
    }
  }

  /** What one doesn't use, the others may. */
  #share(): void {
    const running = [...this.#running.values()];
    for (const way of ["up", "down"] as const) {
      const total = this.#limits[way] ?? Number.POSITIVE_INFINITY;
      const shares = fairShares(
        total,
        running.map((download) => ({
          rate: sumOf(download.transfers(), way),
          limit: download.limits[way] ?? Number.POSITIVE_INFINITY,
        })),
      );
      for (const [i, download] of running.entries()) {
        const { up, down } = download.limits;
        const limit = shares[i];
        // One that is over already has nothing to limit.
        if (download.transfers().length === 0) continue;
        download.setLimits({ up, down, [way]: Number.isFinite(limit) ? limit : undefined });
      }
    }
  }
}

function sumOf(transfers: readonly Transfer[], way: "up" | "down"): number {
  return transfers.reduce((sum, transfer) => {
    const { upRate, downRate } = transfer.stats();
    return sum + (way === "up" ? upRate : downRate);
  }, 0);
}
