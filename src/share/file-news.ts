import type { WarningEvent } from "./events.ts";

/** Files of which it is told that they aren't what they were: to hear it of more would be no help. */
const MAX_CHANGED = 100;

/** Tells people what becomes of the files that are shared. */
export class FileNews {
  readonly #tell: (event: WarningEvent) => void;
  readonly #changed = new Set<string>();

  constructor(tell: (event: WarningEvent) => void) {
    this.#tell = tell;
  }

  changed(path: string, message: string): void {
    if (this.#changed.size >= MAX_CHANGED) return;
    this.#changed.add(path);
    this.#tell({ event: "warning", code: "unreadable", message });
  }

  restored(path: string): void {
    if (!this.#changed.delete(path)) return;
    const message = `${path} is as it was when it was hashed, and shared again.`;
    this.#tell({ event: "warning", code: "restored", message });
  }
}
