/** Quantities as people type them on the command line. */
import { BoojumError } from "../protocol/errors.ts";

/** The command line can't be understood: exit code 2. */
export class UsageError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("usage", message, options);
  }
}

const BYTES = new Map<string, number>([
  ["", 1],
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["tb", 1e12],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
  ["tib", 2 ** 40],
]);

const SECONDS = new Map<string, number>([
  ["", 1],
  ["s", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86400],
]);

function quantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]*)$/i.exec(text.trim());
  const unit = units.get(match?.[2]?.toLowerCase() ?? "?");
  if (match === null || unit === undefined) return undefined;
  return Number(match[1]) * unit;
}

/**
 * `4096`, `512KB` (powers of 1000), `1.5MiB` (powers of 1024); letters in either case.
 * @returns bytes, rounded, at most 2^53 - 1.
 */
export function parseSize(text: string): number {
  const bytes = Math.round(quantity(text, BYTES) ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(
      `"${text}" is not a size. Write bytes, or a number with KB, MB, GB, KiB, MiB or GiB.`,
    );
  }
  return bytes;
}

/** A {@link parseSize} that may end in `/s`. @returns bytes per second, more than 0. */
export function parseRate(text: string): number {
  const bytes = Math.round(quantity(text.replace(/\/s$/i, ""), BYTES) ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new UsageError(`"${text}" is not a rate. Write bytes a second, or for example 500KB/s or 2MiB/s.`);
  }
  return bytes;
}

/** `90`, `90s`, `10m`, `2h`, `1d`. @returns seconds, at most ten years. */
export function parseDuration(text: string): number {
  const seconds = quantity(text, SECONDS) ?? Number.NaN;
  if (!(seconds <= 10 * 365 * 86400)) {
    throw new UsageError(`"${text}" is not a duration. Write seconds, or for example 90s, 10m, 2h or 1d.`);
  }
  return seconds;
}

/** A whole number between `least` and `most`, both included. */
export function parseInteger(text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`"${text}" is not a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** A positive number, such as the 1.5 of `--seed-ratio 1.5`. */
export function parseRatio(text: string): number {
  const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0))
    throw new UsageError(`"${text}" is not a ratio. Write a number above 0, such as 1 or 1.5.`);
  return value;
}

/** For people: `1.25 GB`, powers of 1000 as on the command line, three figures. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** For people: `12.3 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** For people: `45s`, `3m 05s`, `2h 10m`, `4d 3h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86400)}d ${Math.floor((whole % 86400) / 3600)}h`;
}

/**
 * A whole number for people: `12,345`. Done by hand, since the first `toLocaleString` of a process loads what it knows of
 * languages, for 15 ms.
 */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 file`, `2 files`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
