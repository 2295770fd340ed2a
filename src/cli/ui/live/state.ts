/** What the live view shows, as plain data: collected once a second, drawn by `render.ts`. */
import type { createColors } from "picocolors";
import type {
  AvailabilityPart,
  Limits,
  TransferFile,
  TransferPeer,
  TransferStats,
} from "../../../share/transfer-types.ts";
import type { ProgressView } from "../progress.ts";

export type Colors = ReturnType<typeof createColors>;

export type Panel = "overview" | "peers" | "files" | "log" | "info" | "help";

export interface ShownTransfer {
  readonly name: string;
  readonly url: string | undefined;
  readonly stats: TransferStats;
  readonly fileCount: number;
  /** Only while the panel shows them. */
  readonly peers: readonly TransferPeer[];
  readonly strip: readonly AvailabilityPart[];
}

/** A file, and the number of its transfer. */
export interface ShownFile extends TransferFile {
  readonly transfer: number;
}

export interface LogLine {
  /** Of day, local: "14:03:59". */
  readonly time: string;
  readonly text: string;
}

export interface LiveState {
  readonly panel: Panel;
  /** What is done before there is anything to transfer. */
  readonly work: { readonly title: string; readonly progress: ProgressView } | undefined;
  readonly transfers: readonly ShownTransfer[];
  readonly files: readonly ShownFile[];
  readonly log: readonly LogLine[];
  /** Warnings of the last minutes, the last one first. */
  readonly warnings: readonly string[];
  readonly limits: Limits;
  /** Which limit the keys change. */
  readonly chosen: "up" | "down";
  /** Lines of files or of the log that were scrolled past. */
  readonly scrolled: number;
  readonly hasKeys: boolean;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}
