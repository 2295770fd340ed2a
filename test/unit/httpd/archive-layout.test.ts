import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ArchiveFile, ArchiveLayout } from "../../../src/httpd/core/archive-layout.ts";
import { planTar } from "../../../src/httpd/core/tar-layout.ts";
import { planZip } from "../../../src/httpd/core/zip-layout.ts";
import { concatBytes } from "../../../src/protocol/bytes.ts";
import { cpuMillis } from "../../support/cpu-time.ts";
import { noise } from "../../support/data.ts";

const GiB = 2 ** 30;

/** 2001-09-09, 01:46:40 UTC. */
const aBillion = 1_000_000_000n * 1_000_000_000n;

function file(path: string, length: number, overrides: Partial<ArchiveFile> = {}): ArchiveFile {
  return { path: path.split("/"), length, executable: false, mtimeNs: aBillion, ...overrides };
}

/** Bytes `start` to `end` of the archive, as a sender makes them. */
function bytesOf(
  layout: ArchiveLayout,
  contents: readonly Uint8Array[],
  { start, end } = { start: 0, end: layout.size - 1 },
): Buffer {
  const crcs = Uint32Array.from(contents, (content) => crc32(content));
  const parts: Uint8Array[] = [];
  for (const segment of layout.segments({ start, end })) {
    if (segment.kind === "run") {
      parts.push(contents[segment.file]?.subarray(segment.range.start, segment.range.end + 1) ?? noise(1, 1));
    } else {
      const { from, to } = layout.crcsIn(segment.item);
      // Those that aren't asked for aren't used.
      const known = crcs.map((crc, i) => (i >= from && i < to ? crc : 0xdeadbeef));
      parts.push(layout.literal(segment.item, known).subarray(segment.from, segment.to));
    }
  }
  return Buffer.from(concatBytes(parts));
}

const hex = (...parts: string[]) => parts.join("").replaceAll(" ", "");

describe("a ZIP archive", () => {
  it("has the very bytes that APPNOTE prescribes", () => {
    const abc = new TextEncoder().encode("abc");
    const layout = planZip([file("d/ü", 3, { executable: true })]);
    expect(bytesOf(layout, [abc]).toString("hex")).toBe(
      hex(
        // Local header: version 2.0; descriptor and UTF-8; stored; 01:46:40; 2001-09-09; no CRC and sizes yet.
        "504b0304 1400 0808 0000 d40d 292b 00000000 00000000 00000000 0400 0900 642fc3bc",
        "5554 0500 01 00ca9a3b",
        "616263",
        "504b0708 c2412435 03000000 03000000",
        // Directory: made on Unix, a regular file of mode 755.
        "504b0102 1403 1400 0808 0000 d40d 292b c2412435 03000000 03000000 0400 0900 0000 0000 0000",
        "0000ed81 00000000 642fc3bc 5554 0500 01 00ca9a3b",
        // 1 entry, 59 bytes, after 62.
        "504b0506 0000 0000 0100 0100 3b000000 3e000000 0000",
      ),
    );
  });

  it("says 64 bits where 32 are too few, and only there", () => {
    const layout = planZip([file("large", 5 * GiB), file("far", 1)]);
    const crcs = new Uint32Array([0x01020304, 0x05060708]);
    const literal = (item: number) => Buffer.from(layout.literal(item, crcs)).toString("hex");
    // Version 4.5, and room for two sizes in the extra field.
    expect(literal(0)).toBe(
      hex(
        "504b0304 2d00 0808 0000 d40d 292b 00000000 ffffffff ffffffff 0500 1d00 6c61726765",
        "0100 1000 0000000000000000 0000000000000000 5554 0500 01 00ca9a3b",
      ),
    );
    expect(literal(1)).toMatch(
      new RegExp(`^${hex("504b0708 04030201 0000004001000000 0000004001000000 504b0304 1400")}`),
    );
    const directory = literal(3);
    expect(directory).toContain(hex("0100 1000 0000004001000000 0000004001000000"));
    // The second file's header begins after 5 GiB and 88 bytes.
    expect(directory).toContain(hex("ffffffff 666172 0100 0800 5800004001000000"));
    // After 5 GiB, 88 bytes, header and data and descriptor of the second: 42 + 1 + 16.
    const end = literal(4);
    expect(end).toMatch(new RegExp(`^${hex("504b0606 2c00000000000000 2d03 2d00")}`));
    expect(end).toContain(hex("504b0607 00000000"));
    expect(end).toMatch(new RegExp(`${hex("504b0506 0000 0000 0200 0200 96000000 ffffffff 0000")}$`));
    expect(layout.size).toBe(5 * GiB + 88 + 42 + 1 + 16 + 150 + 56 + 20 + 22);
  });

  it("counts 65,535 entries and more in 64 bits", () => {
    const many = planZip(Array.from({ length: 65_535 }, (_, i) => file(`d/${i}`, 0)));
    const end = Buffer.from(many.literal(65_535 + 1 + 66, new Uint32Array(65_535)));
    expect(end.subarray(0, 4).toString("hex")).toBe("504b0606");
    expect(end.readBigUInt64LE(32)).toBe(65_535n);
    expect(end.readUInt16LE(end.length - 12)).toBe(0xffff);
    const fewer = planZip(Array.from({ length: 65_534 }, (_, i) => file(`d/${i}`, 0)));
    expect(fewer.literal(65_534 + 1 + 66, new Uint32Array(65_534))).toHaveLength(22);
  });

  it.each([
    ["1969", -1n, hex("0000 2100")],
    ["1980-01-01 00:00:02", 315_532_802n, hex("0100 2100")],
    ["2200", 7_258_118_400n, hex("7dbf 9fff")],
  ])("clamps a time in %s to what MS-DOS knew", (_, seconds, dos) => {
    const [header] = [planZip([file("a", 0, { mtimeNs: seconds * 1_000_000_000n })])];
    const bytes = Buffer.from(header.literal(0, new Uint32Array(1)));
    expect(bytes.subarray(10, 14).toString("hex")).toBe(dos);
    expect(bytes.includes("UT")).toBe(seconds > 0n && seconds < 2n ** 31n);
  });
});

describe("a TAR archive", () => {
  const abc = new TextEncoder().encode("abc");
  const text = (bytes: Uint8Array, from: number, to: number) =>
    Buffer.from(bytes.subarray(from, to)).toString("latin1");

  it("has a ustar header, the data in whole blocks, and two empty blocks", () => {
    const bytes = bytesOf(planTar([file("d/a", 3, { executable: true })]), [abc]);
    expect(bytes).toHaveLength(4 * 512);
    expect(text(bytes, 0, 4)).toBe("d/a\0");
    expect(text(bytes, 100, 148)).toBe("0000755\x000000000\x000000000\x0000000000003\x0007346545000\0");
    // 6 octal digits, NUL, space: the sum of the header with spaces in their place.
    const sum =
      bytes.subarray(0, 512).reduce((a, b) => a + b) - bytes.subarray(148, 156).reduce((a, b) => a + b);
    expect(text(bytes, 148, 156)).toBe(`${(sum + 8 * 32).toString(8).padStart(6, "0")}\0 `);
    expect(text(bytes, 156, 158)).toBe("0\0");
    expect(text(bytes, 257, 265)).toBe("ustar\x0000");
    expect(text(bytes, 512, 515)).toBe("abc");
    expect(bytes.subarray(515).every((byte) => byte === 0)).toBe(true);
  });

  it("puts into a pax header what ustar can't say", () => {
    const before1970 = { mtimeNs: -1_500_000_000n };
    const layout = planTar([file("d/ü", 9 * GiB, before1970), file(`${"n".repeat(99)}/a`, 0)]);
    const first = layout.literal(0, new Uint32Array(2));
    expect(first).toHaveLength(3 * 512);
    expect(text(first, 0, 13)).toBe("PaxHeaders/0\0");
    expect(text(first, 156, 157)).toBe("x");
    const records = "13 path=d/\xc3\xbc\n19 size=9663676416\n12 mtime=-2\n";
    expect(text(first, 512, 512 + records.length)).toBe(records);
    expect(text(first, 1024, 1028)).toBe("d/_\0");
    expect(text(first, 1024 + 124, 1024 + 136)).toBe("00000000000\0");
    // 110 bytes: three digits for the length, which counts itself.
    const second = layout.literal(1, new Uint32Array(2));
    expect(text(second, 512, 512 + 111)).toBe(`111 path=${"n".repeat(99)}/a\n`);
    expect(layout.size).toBe(9 * GiB + 3 * 512 + 3 * 512 + 2 * 512);
  });

  it("needs no pax header for 100 letters and a byte less than 8 GiB", () => {
    const layout = planTar([file("n".repeat(100), 8 * GiB - 1)]);
    expect(layout.literal(0, new Uint32Array(1))).toHaveLength(512);
  });
});

describe.each([
  ["ZIP", planZip],
  ["TAR", planTar],
])("any part of a %s archive", (_, plan) => {
  const name = fc.constantFrom("a", "日本語", "b".repeat(60), "c.txt");
  const entry = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }),
    length: fc.constantFrom(0, 0, 1, 3, 511, 512, 513, 2_000),
    executable: fc.boolean(),
    mtimeNs: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }),
  });

  it("is the same as that part of the whole, whose size was known before", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), fc.nat(), fc.nat(), (files, a, b) => {
        const contents = files.map(({ length }, i) => noise(length, i + 1));
        const layout = plan(files);
        const whole = bytesOf(layout, contents);
        expect(whole).toHaveLength(layout.size);
        const start = a % layout.size;
        const end = start + (b % (layout.size - start));
        const part = bytesOf(layout, contents, { start, end });
        expect(part.equals(whole.subarray(start, end + 1))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("is found at once among 100,000 files", () => {
    const files = Array.from({ length: 100_000 }, (_, i) => file(`folder/${i % 100}/${i}`, i % 3));
    let layout: ArchiveLayout | undefined;
    expect(cpuMillis(() => (layout = plan(files)))).toBeLessThan(1_500);
    const size = layout?.size ?? 0;
    const partsIn = (start: number) => [...(layout?.segments({ start, end: start + 999 }) ?? [])].length;
    const millis = cpuMillis(() => {
      for (let i = 0; i < 1_000; i++) partsIn(Math.floor((i * (size - 1_000)) / 1_000));
    });
    expect(millis).toBeLessThan(300);
    expect(partsIn(size - 1_000)).toBeGreaterThan(0);
  });
});
