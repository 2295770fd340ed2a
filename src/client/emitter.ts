/**
 * Tells listeners about facts that happened. `Events` maps each event to the arguments of its listeners.
 * Never on the path of a block: only what happens at most a few times a second goes this way.
 */
export class Emitter<Events extends { [K in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<(...args: never) => void>>();

  /** @returns a function that takes the listener off again. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(event, listeners);
    }
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      // `on` paired this event with this listener's arguments; a map of sets can't say so.
      (listener as (...args: Events[K]) => void)(...args);
    }
  }

  /** Takes every listener off. */
  clear(): void {
    this.#listeners.clear();
  }
}
