/** Where publishing meets the local network: shares announced by multicast DNS. */
import { hostname } from "node:os";
import type { Announcement } from "../../mdns/core/service.ts";
import type { Responder } from "../../mdns/responder.ts";
import { systemClock } from "../../platform/clock.ts";
import { openMulticast } from "../../platform/multicast.ts";
import { systemRandom } from "../../platform/random.ts";
import type { InfoHash } from "../../protocol/ids.ts";

export interface AnnouncedSharesOptions {
  /** Else nothing is announced. */
  readonly enabled: boolean;
  /** Only networks of these addresses are told; all when it is empty. */
  readonly bind: readonly string[];
}

/** Nobody reads out more of them, and each is a quarter of a second's work. */
const MAX_CODES = 16;

/** Loaded, and its sockets opened, when the first share is announced: until then nothing of it is needed. */
export class AnnouncedShares {
  readonly #options: AnnouncedSharesOptions;
  #opening: Promise<Responder> | undefined;
  #responder: Responder | undefined;
  #closed = false;
  #codes = 0;
  #lastCode: Promise<void> = Promise.resolve();

  constructor(options: AnnouncedSharesOptions) {
    this.#options = options;
  }

  /** Names by which those who found a share so may call us. */
  get hostNames(): readonly string[] {
    return this.#responder?.hostNames ?? [];
  }

  /** @returns a function that takes it back. */
  announce(share: Omit<Announcement, "host">): () => void {
    let takeBack: (() => void) | undefined;
    let isOver = !this.#options.enabled || this.#closed;
    if (!isOver) {
      this.#opening ??= this.#open();
      const told = { ...share, host: hostname() };
      const opening = this.#opening;
      const begin = async () => {
        const responder = await opening;
        if (!isOver && !this.#closed) takeBack = responder.announce(told);
      };
      void begin();
    }
    return () => {
      isOver = true;
      takeBack?.();
    };
  }

  /**
   * Works out by which code people compare what they found, which takes a while: one share after another.
   * @param tell not called for more than the first {@link MAX_CODES} shares, nor where memory is short
   */
  findCode(infoHash: InfoHash, tell: (code: string) => void): void {
    if (!this.#options.enabled || this.#codes >= MAX_CODES) return;
    this.#codes += 1;
    this.#lastCode = this.#findCodeAfter(this.#lastCode, infoHash, tell);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#lastCode;
    await (await this.#opening)?.close();
  }

  async #findCodeAfter(last: Promise<void>, infoHash: InfoHash, tell: (code: string) => void): Promise<void> {
    await last;
    if (this.#closed) return;
    const { wordCode } = await import("../find/word-code.ts");
    const code = await wordCode(infoHash).catch(() => undefined);
    if (code !== undefined && !this.#closed) tell(code);
  }

  async #open(): Promise<Responder> {
    const { Responder } = await import("../../mdns/responder.ts");
    this.#responder = await Responder.open({
      clock: systemClock,
      random: systemRandom,
      open: openMulticast,
      only: this.#options.bind,
    });
    return this.#responder;
  }
}
