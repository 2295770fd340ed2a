/** The tracker's log: one JSON line an event, and what can be read from it afterwards. */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { BoojumError } from "../../protocol/errors.ts";
import { jsonLine } from "../../protocol/escape.ts";

/** One line of the log. Fields may be added, none removed. */
export interface TrackerLogEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: "joined" | "completed" | "left";
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  readonly address: string;
  readonly client: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** The log can't be opened, written or read. */
export class TrackerLogError extends BoojumError {
  constructor(path: string, cause: unknown) {
    super("log", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Bytes that may wait for a slow disk; beyond it lines are dropped, not memory taken. */
const MAX_WAITING = 4 * 1024 * 1024;

/** Appends to a log, in order, without holding anybody up. */
export class TrackerLog {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #onError: (error: TrackerLogError) => void;
  #waiting = "";
  #writing: Promise<void> | undefined;
  #failed = false;

  private constructor(file: FileHandle, path: string, onError: (error: TrackerLogError) => void) {
    this.#file = file;
    this.#path = path;
    this.#onError = onError;
  }

  /** @param onError told once, when a line can't be written; nothing is written afterwards. @throws {TrackerLogError} */
  static async open(path: string, onError: (error: TrackerLogError) => void): Promise<TrackerLog> {
    try {
      // It holds addresses of people.
      return new TrackerLog(await open(path, "a", 0o600), path, onError);
    } catch (cause) {
      throw new TrackerLogError(path, cause);
    }
  }

  write(event: TrackerLogEvent): void {
    if (this.#failed || this.#waiting.length > MAX_WAITING) return;
    this.#waiting += jsonLine(event);
    this.#writing ??= this.#drain();
  }

  /** Everything is on its way to the disk. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    // What comes in this turn goes out together.
    await Promise.resolve();
    while (this.#waiting !== "" && !this.#failed) {
      const lines = this.#waiting;
      this.#waiting = "";
      try {
        await this.#file.appendFile(lines);
      } catch (cause) {
        this.#failed = true;
        this.#onError(new TrackerLogError(this.#path, cause));
      }
    }
    this.#writing = undefined;
  }
}

/** Public API: what `share tracker report --json` prints. */
export interface TrackerReport {
  readonly event: "report";
  /** Of the first and the last event; null when there is none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly torrents: number;
  readonly joined: number;
  readonly completed: number;
  readonly left: number;
  /** Lines that are none of ours. */
  readonly unreadable: number;
  /** By hour, UTC, hours without events left out; 10,000 at most. */
  readonly hours: readonly { readonly hour: string; readonly joined: number; readonly completed: number }[];
  /** The most finished downloads first, 1,000 at most. */
  readonly swarms: readonly {
    readonly infoHash: string;
    readonly joined: number;
    readonly completed: number;
  }[];
}

interface Tally {
  joined: number;
  completed: number;
}

const MAX_HOURS = 10_000;
const MAX_SWARMS = 1_000;
const MAX_LINE = 10_000;

/** Adds up a log, however long. @throws {TrackerLogError} */
export async function readReport(path: string): Promise<TrackerReport> {
  const sum = { joined: 0, completed: 0, left: 0 };
  const hours = new Map<string, Tally>();
  const swarms = new Map<string, Tally>();
  let from: string | null = null;
  let to: string | null = null;
  let unreadable = 0;
  try {
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of lines) {
      const event = parseLine(line);
      if (event === undefined) {
        if (line !== "") unreadable++;
        continue;
      }
      from ??= event.time;
      to = event.time;
      sum[event.event]++;
      if (event.event === "left") continue;
      tally(hours, `${event.time.slice(0, 13)}:00Z`, MAX_HOURS)[event.event]++;
      tally(swarms, event.infoHash, 100 * MAX_SWARMS)[event.event]++;
    }
  } catch (cause) {
    throw new TrackerLogError(path, cause);
  }
  return {
    event: "report",
    from,
    to,
    torrents: swarms.size,
    ...sum,
    unreadable,
    hours: [...hours].map(([hour, counts]) => ({ hour, ...counts })),
    swarms: [...swarms]
      .map(([infoHash, counts]) => ({ infoHash, ...counts }))
      .sort((a, b) => b.completed - a.completed || b.joined - a.joined)
      .slice(0, MAX_SWARMS),
  };
}

/** The tally of a key; one that is thrown away when there are too many keys. */
function tally(all: Map<string, Tally>, key: string, limit: number): Tally {
  const known = all.get(key);
  if (known !== undefined) return known;
  const fresh = { joined: 0, completed: 0 };
  if (all.size < limit) all.set(key, fresh);
  return fresh;
}

function parseLine(line: string): Pick<TrackerLogEvent, "time" | "event" | "infoHash"> | undefined {
  if (line.length > MAX_LINE) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("time" in value && "event" in value && "infoHash" in value)) return undefined;
  const { time, event, infoHash } = value;
  if (typeof time !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:/.test(time)) return undefined;
  if (typeof infoHash !== "string" || !/^[\da-f]{40}$/.test(infoHash)) return undefined;
  return event === "joined" || event === "completed" || event === "left"
    ? { time, event, infoHash }
    : undefined;
}
