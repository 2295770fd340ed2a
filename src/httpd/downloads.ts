/** Downloads over HTTP that are under way, so that nobody stops the publisher in the middle of one. */
import type { ServerResponse } from "node:http";

export class Downloads {
  readonly #running = new Map<string, number>();

  /** Counts `response` as a download of this share until it is closed. */
  watch(share: string, response: ServerResponse): void {
    if (response.writableFinished || response.destroyed) return;
    this.#add(share, 1);
    response.once("close", () => this.#add(share, -1));
  }

  /** How many there are now. */
  of(share: string): number {
    return this.#running.get(share) ?? 0;
  }

  #add(share: string, change: number): void {
    const count = this.of(share) + change;
    if (count > 0) this.#running.set(share, count);
    else this.#running.delete(share);
  }
}
