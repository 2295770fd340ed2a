import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How often `settled` looks, milliseconds. */
const POLL = 20;

/** The HTTP answers that are being sent, so that a publication that ends by itself cuts nobody off at the last byte. */
export class OpenAnswers {
  readonly #open = new Set<ServerResponse>();

  add(response: ServerResponse): void {
    this.#open.add(response);
    response.once("close", () => this.#open.delete(response));
  }

  /** Settles when all are sent but those that never end (server-sent events), after `patience` milliseconds at most. */
  async settled(patience: number): Promise<void> {
    for (let left = patience; left > 0 && this.#isSending(); left -= POLL) await sleep(POLL);
  }

  #isSending(): boolean {
    for (const response of this.#open) {
      if (!String(response.getHeader("content-type")).startsWith("text/event-stream")) return true;
    }
    return false;
  }
}
