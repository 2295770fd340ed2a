import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Download } from "../../src/client/download.ts";
import { openDownload } from "../../src/client/open-download.ts";
import { pieceIndex } from "../../src/protocol/ids.ts";
import { scratch } from "../support/data.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type FileSpec, type StoredTorrent, storedTorrent } from "../support/stored-torrent.ts";

const signal = new AbortController().signal;

/** What a place on disk must be like: the pieces that were written, and which of the files were wanted then. */
interface Model {
  readonly torrent: StoredTorrent;
  readonly dir: string;
  readonly written: Set<number>;
  /** Of every three files those whose bit is set are selected. */
  bits: number;
}

async function open({ torrent, dir, bits }: Model): Promise<Download> {
  const { metainfo } = torrent;
  const random = seededRandom(1);
  const selected = selection(bits);
  return await openDownload({ metainfo, directory: dir, overwrite: false, random, select: selected }, signal);
}

type Step =
  | { readonly do: "write"; readonly piece: number }
  | { readonly do: "read"; readonly piece: number; readonly from: number; readonly to: number }
  | { readonly do: "reopen"; readonly select: number };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), piece: fc.nat() }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("read" as const),
        piece: fc.nat(),
        from: fc.nat(),
        to: fc.nat(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("reopen" as const), select: fc.integer({ min: 1, max: 7 }) }),
    },
  ),
  { maxLength: 60 },
);

const files = fc.array(
  fc.record({ length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 })), pad: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

function selection(bits: number): (path: readonly string[]) => boolean {
  return ([name = ""]) => ((bits >> (Number(name.slice(1)) % 3)) & 1) === 1;
}

/** @returns the place, which a reopening replaces. */
async function take(step: Step, place: Download, model: Model): Promise<Download> {
  const { torrent, written } = model;
  const { layout } = torrent;
  if (step.do === "reopen") {
    const before = place.have.clone();
    const same = step.select === model.bits;
    await place.close();
    model.bits = step.select;
    const again = await open(model);
    // Nothing is claimed that was never written, and with the same choice nothing is forgotten.
    for (const piece of again.have) expect(written.has(piece)).toBe(true);
    if (same) expect([...again.have]).toEqual([...before]);
    return again;
  }
  const piece = step.piece % layout.pieceCount;
  if (!place.wanted.has(piece)) return place;
  if (step.do === "write") {
    if (place.have.has(piece)) return place;
    await place.storage.write(pieceIndex(piece), torrent.piece(piece));
    place.have.add(piece);
    written.add(piece);
    return place;
  }
  if (!place.have.has(piece)) return place;
  const size = layout.pieceSize(piece);
  const [from, to] = [step.from % size, step.to % (size + 1)].sort((a, b) => a - b) as [number, number];
  const target = new Uint8Array(to - from);
  await place.storage.read(pieceIndex(piece), from, [target]);
  expect(target).toEqual(torrent.piece(piece).slice(from, to));
  return place;
}

/** Parts of files that aren't selected were opened for reading only when they were checked, and then written to. */
const selectedAndContinued: [readonly { length: number; pad: boolean }[], number, readonly Step[]] = [
  [1, 48, 0].map((length) => ({ length, pad: false })),
  16,
  [
    { do: "reopen", select: 2 },
    { do: "write", piece: 0 },
    { do: "reopen", select: 2 },
  ],
];

test("a place on disk is like a list of pieces in memory, whatever is written, read, chosen and reopened", async () => {
  await fc.assert(
    fc.asyncProperty(files, fc.constantFrom<number>(16, 48, 64), steps, async (made, pieceLength, todo) => {
      const specs = made.map(
        ({ length, pad }, i): FileSpec => ({ path: `f${i}`, length, pad: pad && length > 0 }),
      );
      const torrent = storedTorrent([...specs, { path: "f9", length: 33 }], pieceLength);
      const { dir, remove } = scratch();
      const model: Model = { torrent, dir, written: new Set(), bits: 7 };
      let place = await open(model);
      try {
        for (const step of todo) place = await take(step, place, model);
        for (const piece of place.wanted) {
          if (!place.have.has(piece)) await place.storage.write(pieceIndex(piece), torrent.piece(piece));
        }
        await place.finish();
        for (const { path: parts, pad } of torrent.metainfo.files) {
          const file = path.join(dir, "share", ...parts);
          if (pad) expect(existsSync(file)).toBe(false);
          else if (selection(model.bits)(parts))
            expect(new Uint8Array(readFileSync(file))).toEqual(torrent.file(parts.join("/")).slice());
        }
        expect(readdirSync(dir).filter((name) => name.startsWith("."))).toEqual([]);
      } finally {
        await place.close();
        remove();
      }
    }),
    { numRuns: 150, examples: [selectedAndContinued] },
  );
});
