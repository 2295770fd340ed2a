import { describe, expect, it } from "vitest";
import {
  countOf,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  parseDuration,
  parseInteger,
  parseRate,
  parseRatio,
  parseSize,
  UsageError,
} from "../../../src/cli/units.ts";

describe("sizes and rates", () => {
  it.each([
    ["4096", 4096],
    ["512KB", 512_000],
    ["1MB", 1_000_000],
    ["2GB", 2_000_000_000],
    ["16KiB", 16_384],
    ["1.5MiB", 1_572_864],
    ["1 gib", 1_073_741_824],
  ])("reads %s as %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "-1", "1e3", "x", "1 K B", "1K", "0x10", "999999999TB", "1KB/s"])(
    "refuses the size %j",
    (text) => {
      expect(() => parseSize(text)).toThrow(UsageError);
    },
  );

  it("reads a rate with and without /s", () => {
    expect(parseRate("2MB/s")).toBe(2_000_000);
    expect(parseRate("500KiB")).toBe(512_000);
    expect(parseRate("100")).toBe(100);
  });

  it("refuses a rate of nothing, which would never finish", () => {
    expect(() => parseRate("0")).toThrow(/is not a rate/);
    expect(() => parseRate("1MB/h")).toThrow(UsageError);
  });
});

describe("durations, counts and ratios", () => {
  it.each([
    ["90", 90],
    ["90s", 90],
    ["10m", 600],
    ["2h", 7200],
    ["1d", 86_400],
    ["0.5s", 0.5],
  ])("reads %s as %d seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(["", "m", "1w", "-5s", "5 minutes", "99999d"])("refuses the duration %j", (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
  });

  it("keeps whole numbers in their bounds", () => {
    expect(parseInteger("65535", 1, 65535)).toBe(65535);
    for (const text of ["0", "65536", "1.5", "+1", "1e3", ""]) {
      expect(() => parseInteger(text, 1, 65535)).toThrow(UsageError);
    }
  });

  it("refuses a ratio of nothing", () => {
    expect(parseRatio("1.5")).toBe(1.5);
    expect(() => parseRatio("0")).toThrow(UsageError);
    expect(() => parseRatio("x")).toThrow(UsageError);
  });
});

describe("what people read", () => {
  it("groups the digits of whole numbers, as English does", () => {
    const counts = [0, 7, 12, 999, 1_000, 12_345, 123_456, 1_234_567, 9_007_199_254_740_991];
    for (const count of counts) expect(formatCount(count)).toBe(count.toLocaleString("en"));
    expect(countOf(20_000, "file")).toBe("20,000 files");
    expect(countOf(1, "file")).toBe("1 file");
  });

  it("shows three figures, and moves to the next unit when rounding reaches it", () => {
    expect(formatBytes(0)).toBe("0 B");
    expect(formatBytes(999)).toBe("999 B");
    expect(formatBytes(1000)).toBe("1.00 KB");
    expect(formatBytes(999_700)).toBe("1.00 MB");
    expect(formatBytes(123_456_789)).toBe("123 MB");
    expect(formatRate(12_345_678.9)).toBe("12.3 MB/s");
  });

  it("shows two units of time at most", () => {
    expect(formatDuration(45.4)).toBe("45s");
    expect(formatDuration(185)).toBe("3m 05s");
    expect(formatDuration(7800)).toBe("2h 10m");
    expect(formatDuration(86400 * 4 + 3 * 3600)).toBe("4d 3h");
  });
});
