import type { PieceLayout } from "../protocol/layout.ts";
import type { Picker } from "./core/picker.ts";
import { type Reading, Readings } from "./core/readings.ts";

export interface ReadersOptions {
  readonly layout: PieceLayout;
  readonly picker: Picker;
  /** What was asked for and isn't urgent is to make way. */
  yieldTo(isUrgent: (piece: number) => boolean): void;
}

/** Where somebody reads in a torrent that is still coming. */
export interface ReadCursor {
  /** Bytes from the start of the torrent's stream are needed from `at` on. */
  moveTo(at: number): void;
  close(): void;
}

/** Those who read a torrent while it comes: what they need goes before the rest, and who jumps is followed at once. */
export class Readers {
  readonly #options: ReadersOptions;
  readonly #readings: Readings;

  constructor(options: ReadersOptions) {
    this.#options = options;
    this.#readings = new Readings(options.picker.missing, options.layout.pieceLength);
  }

  /** Somebody is going to read from byte `begin` of the stream, up to but without `end`. */
  open(begin: number, end: number): ReadCursor {
    const { picker, layout } = this.#options;
    const pieceAt = (byte: number) => Math.floor(byte / layout.pieceLength);
    const reading: Reading = { at: pieceAt(begin), end: Math.ceil(end / layout.pieceLength) };
    const isAhead = this.#readings.isAhead(reading.at);
    this.#readings.add(reading);
    picker.readings = this.#readings;
    if (!isAhead) this.#follow(reading);
    return {
      moveTo: (at) => {
        const piece = pieceAt(at);
        if (piece === reading.at) return;
        const wasAhead = this.#readings.isAhead(piece);
        reading.at = piece;
        if (!wasAhead) this.#follow(reading);
      },
      close: () => {
        this.#readings.delete(reading);
        if (this.#readings.isEmpty) picker.readings = undefined;
      },
    };
  }

  /** What is on its way elsewhere would come before it. */
  #follow({ at }: Reading): void {
    const { picker, yieldTo } = this.#options;
    if (picker.missing.has(at) && picker.active(at) === undefined)
      yieldTo((piece) => this.#readings.isNear(piece));
  }
}
