import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeState, StateEncoder, type StateHeader } from "../../../src/client/storage/resume.ts";

const header: StateHeader = {
  infoHash: "0123456789abcdef0123456789abcdef01234567",
  pieceCount: 100,
  selection: "all of it",
  owned: ["a/b.txt", "ü\n\u2028"],
};
const file = { path: "a/b.txt", size: 5, mtimeNs: 1_700_000_000_123_456_789n };

/** A state with three checkpoints, and how many bytes it has after each line. */
function sample() {
  const encoder = new StateEncoder();
  const lines = [
    encoder.header(header),
    encoder.checkpoint({ time: 10, pieces: [7, 3, 4, 5], files: [file], clean: false }),
    encoder.checkpoint({ time: 20, pieces: [99], files: [{ ...file, size: 9 }], clean: false }),
    encoder.checkpoint({ time: 30, pieces: [0], files: [], clean: true }),
  ];
  return { bytes: new Uint8Array(Buffer.concat(lines)), lines };
}

describe("a state", () => {
  it("is one line a record, led by the checksum of all records so far", () => {
    const encoder = new StateEncoder();
    const json = '{"boojum":1,"infoHash":"aa","pieceCount":3,"selection":"s","owned":"all"}';
    const next = '{"time":5,"pieces":[[0,1]],"files":[],"clean":false}';
    const first = crc32(json);
    expect(
      Buffer.from(encoder.header({ infoHash: "aa", pieceCount: 3, selection: "s", owned: "all" })).toString(),
    ).toBe(`${first.toString(16).padStart(8, "0")} ${json}\n`);
    expect(
      Buffer.from(encoder.checkpoint({ time: 5, pieces: [1, 0], files: [], clean: false })).toString(),
    ).toBe(`${crc32(next, first).toString(16).padStart(8, "0")} ${next}\n`);
  });

  it("takes the info hash that became known, and no other pieces than are right by it", () => {
    const encoder = new StateEncoder();
    const lines = [
      encoder.header({ ...header, infoHash: "provisional aa" }),
      encoder.checkpoint({ time: 10, pieces: [1, 2, 3], files: [file], clean: false }),
      encoder.identified("bb", [1, 3]),
      encoder.checkpoint({ time: 20, pieces: [4], files: [], clean: false }),
    ];
    const state = decodeState(Buffer.concat(lines));
    expect(state?.infoHash).toBe("bb");
    expect([...(state?.durable ?? [])]).toEqual([1, 3, 4]);
    expect(state?.files.get(file.path)).toEqual(file);
    expect(decodeState(Buffer.concat(lines.slice(0, 2)))?.infoHash).toBe("provisional aa");
  });

  it("takes back what the system failed to write, until it is written again", () => {
    const encoder = new StateEncoder();
    const lines = [
      encoder.header(header),
      encoder.checkpoint({ time: 10, pieces: [1, 2], files: [file], clean: false }),
      encoder.lost([2, 3, 4]),
      encoder.checkpoint({ time: 20, pieces: [4], files: [], clean: true }),
    ];
    const state = decodeState(Buffer.concat(lines));
    expect([...(state?.durable ?? [])]).toEqual([1, 4]);
    expect([...(state?.lost ?? [])]).toEqual([2, 3]);
    expect(state).toMatchObject({ time: 20, clean: true });
  });

  it("says what was recorded, the latest word on each file", () => {
    const state = decodeState(sample().bytes);
    expect(state).toMatchObject({ ...header, time: 30, clean: true });
    expect([...(state?.durable ?? [])]).toEqual([0, 3, 4, 5, 7, 99]);
    expect(state?.files.get("a/b.txt")).toEqual({ ...file, size: 9 });
  });

  it("is clean only when its last record says so", () => {
    const { lines } = sample();
    expect(decodeState(Buffer.concat(lines.slice(0, 3)))?.clean).toBe(false);
  });

  it("counts as unreadable when another version wrote it", () => {
    const json = JSON.stringify({ boojum: 2, infoHash: "aa", pieceCount: 3, selection: "s", owned: "all" });
    expect(
      decodeState(Buffer.from(`${crc32(json).toString(16).padStart(8, "0")} ${json}\n`)),
    ).toBeUndefined();
  });

  it.each([
    ["a piece beyond the last", { time: 1, pieces: [[0, 3]], files: [], clean: false }],
    ["a negative piece", { time: 1, pieces: [[-1, 0]], files: [], clean: false }],
    ["a range upside down", { time: 1, pieces: [[2, 1]], files: [], clean: false }],
    ["a file without size", { time: 1, pieces: [], files: [["a"]], clean: false }],
    ["no record at all", null],
  ])("stops before %s, however right its checksum", (_, record) => {
    const encoder = new StateEncoder();
    const start = encoder.header({ ...header, pieceCount: 3 });
    const json = JSON.stringify(record);
    const sum = crc32(json, Number.parseInt(Buffer.from(start.subarray(0, 8)).toString(), 16));
    const state = decodeState(
      Buffer.concat([start, Buffer.from(`${sum.toString(16).padStart(8, "0")} ${json}\n`)]),
    );
    expect(state?.durable.count).toBe(0);
    expect(state?.clean).toBe(false);
  });

  it("takes back a line that did not reach the disk", () => {
    const encoder = new StateEncoder();
    const start = encoder.header(header);
    const forget = encoder.mark();
    encoder.checkpoint({ time: 1, pieces: [1], files: [], clean: false });
    forget();
    const second = encoder.checkpoint({ time: 2, pieces: [2], files: [], clean: false });
    expect([...(decodeState(Buffer.concat([start, second]))?.durable ?? [])]).toEqual([2]);
  });

  it("gives a beginning of the truth, or nothing, whatever is cut off, flipped, zeroed or put in", () => {
    const { bytes, lines } = sample();
    const ends = lines.map((_, i) => Buffer.concat(lines.slice(0, i + 1)).length);
    const damage = fc.oneof(
      fc.nat(bytes.length - 1).map((at) => ({ first: at, bytes: bytes.slice(0, at) })),
      fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
        const copy = bytes.slice();
        copy[at] = (copy[at] ?? 0) ^ mask;
        return { first: at, bytes: copy };
      }),
      fc.tuple(fc.nat(bytes.length - 1), fc.nat(64)).map(([at, length]) => ({
        first: at,
        bytes: bytes.slice().fill(0, at, at + 1 + length),
      })),
      fc
        .tuple(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }))
        .map(([at, extra]) => ({
          first: at,
          bytes: new Uint8Array(Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)])),
        })),
    );
    fc.assert(
      fc.property(damage, ({ first, bytes: damaged }) => {
        const whole = ends.filter((end) => end <= first).length;
        const state = decodeState(damaged);
        if (whole === 0) expect(state).toBeUndefined();
        const truth = decodeState(Buffer.concat(lines.slice(0, whole)));
        // An insertion can repeat what was there, so a line more may be whole; never one that was not written.
        const more = decodeState(Buffer.concat(lines.slice(0, whole + 1)));
        expect([truth, more]).toContainEqual(state);
      }),
      { numRuns: 2000 },
    );
  });

  it("is never made out of noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(decodeState(noise)).toBeUndefined();
      }),
    );
  });
});
