/**
 * A download on a disk that loses what wasn't synced: the power is cut after each write, sync and rename in turn, and
 * of what wasn't durable nothing, a beginning, or any torn part survives.
 */
import { describe, expect, it } from "vitest";
import type { Download } from "../../src/client/download.ts";
import { decodeState } from "../../src/client/storage/resume.ts";
import {
  emptyDisk,
  everyPiece,
  expectWhole,
  falseHave,
  lineOn,
  openOn,
  out,
  reboot,
  statePath,
  writeSome,
} from "../support/crash-lab.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { Fate, LossyFiles, SyncCall } from "../support/lossy-files.ts";
import { seededRandom } from "../support/seeded-random.ts";

/** What the program may rely on from a step on. */
interface Promised {
  readonly step: number;
  /** Claimed in a state that was synced, and so was its name. */
  readonly pieces: readonly number[];
  /** The download is finished. */
  readonly isWhole: boolean;
}

interface Run {
  readonly disk: LossyFiles;
  readonly promised: readonly Promised[];
  /** From this step on the state may go. */
  readonly endsAt: number;
}

/** After a sync: what the state claims is durable, as far as the program can know. */
function noteClaims(disk: LossyFiles, { path }: SyncCall, promised: Promised[]): void {
  const state = disk.bytes(statePath);
  if (state === undefined || (path !== out && !path.startsWith(statePath))) return;
  promised.push({
    step: disk.steps.length,
    pieces: [...(decodeState(state)?.durable ?? [])],
    isWhole: false,
  });
}

type Forgets = (call: SyncCall) => boolean;

/**
 * One download from nothing to the end, interrupted once in good order, on a disk on which `/disk` is there already; then
 * with a thread that checks and writes.
 */
async function wholeRun(forgets: Forgets = () => false): Promise<Run> {
  const promised: Promised[] = [];
  let endsAt = Number.POSITIVE_INFINITY;
  const disk: LossyFiles = emptyDisk({ forgets, onSync: (call) => noteClaims(disk, call, promised) });
  const clock = new FakeClock();
  const first = await openOn(disk, 1, { clock });
  await writeSome(first, clock, 2, 25);
  await first.close();
  const second = await openOn(disk, 3, { clock, line: lineOn(disk) });
  await writeSome(second, clock, 4, 60);
  endsAt = disk.steps.length;
  await second.finish();
  promised.push({ step: disk.steps.length, pieces: everyPiece, isWhole: true });
  await second.close();
  return { disk, promised, endsAt };
}

/** The latest promise at a step. */
function promisedAt({ promised }: Run, step: number): Promised {
  let latest: Promised = { step: 0, pieces: [], isWhole: false };
  for (const promise of promised) if (promise.step <= step) latest = promise;
  return latest;
}

/** @returns what is wrong with what is left on the disk, for somebody who goes on with it. */
async function problem(run: Run, step: number, fate: Fate): Promise<string | undefined> {
  const survivor = run.disk.after(step, fate);
  reboot(survivor);
  const { pieces, isWhole } = promisedAt(run, step);
  const state = survivor.bytes(statePath);
  if (state === undefined ? step < run.endsAt && pieces.length > 0 : !claims(state, pieces))
    return "what was durable is not in the state";
  if (isWhole) {
    // A lock that comes back is that of another boot.
    const left = survivor.paths().filter((path) => path.startsWith(`${out}/.`) && !path.endsWith(".lock"));
    if (left.length > 0) return `left behind: ${left.join()}`;
  }
  let place: Download;
  let rehashed = 0;
  try {
    place = await openOn(survivor, step, {
      onProgress(_, total) {
        rehashed = total;
      },
    });
  } catch (error) {
    return `can't go on: ${String(error)}`;
  }
  const wrong = await falseHave(place);
  if (wrong !== undefined) return `piece ${wrong} is claimed and isn't there`;
  const gone = pieces.filter((piece) => !place.have.has(piece));
  if (gone.length > 0) return `${gone.length} pieces were durable and must be fetched again`;
  if (fate.kind === "kept" && !isWhole && rehashed > (60 - pieces.length) * 2048 && state !== undefined)
    return `${rehashed} bytes are hashed again`;
  return undefined;
}

function claims(state: Uint8Array, pieces: readonly number[]): boolean {
  const durable = decodeState(state)?.durable;
  return pieces.every((piece) => durable?.has(piece));
}

function fates(step: number): Fate[] {
  const random = (n: number) => seededRandom(step * 101 + n);
  return [
    { kind: "kept" },
    { kind: "lost" },
    { kind: "prefix", random: random(1) },
    { kind: "torn", random: random(2) },
    { kind: "torn", random: random(3) },
    { kind: "torn", random: random(4) },
  ];
}

/** Cuts the power after every step from `first` on. @returns the first few things that went wrong. */
async function cutEverywhere(run: Run, first = 0, enough = 5, ends = fates): Promise<string[]> {
  const problems: string[] = [];
  for (let step = first; step <= run.disk.steps.length; step++) {
    for (const fate of ends(step)) {
      const found = await problem(run, step, fate);
      if (found === undefined) continue;
      problems.push(`cut after step ${step} (${run.disk.steps[step - 1]}), unsynced ${fate.kind}: ${found}`);
      if (problems.length === enough) return problems;
    }
  }
  return problems;
}

describe("a power cut", () => {
  it("at any moment of a download claims nothing that isn't there and takes nothing that was durable", async () => {
    const run = await wholeRun();
    expect(everyPiece.length).toBe(60);
    expect(run.disk.steps.filter((step) => step.startsWith("fdatasync")).length).toBeGreaterThan(15);
    expect(await cutEverywhere(run)).toEqual([]);
    expect(run.disk.openCount).toBe(0);
  });

  it("would do harm if any single one of the syncs were left out", async () => {
    const run = await wholeRun();
    const syncs = run.disk.steps.filter((step) => /^f(data)?sync/.test(step));
    const harmless: string[] = [];
    for (let left = 0; left < syncs.length; left++) {
      let nth = 0;
      const without = await wholeRun(() => nth++ === left);
      const [harm] = await cutEverywhere(without, without.disk.forgottenAt, 1, (step) => [
        { kind: "lost" },
        { kind: "torn", random: seededRandom(step) },
      ]);
      if (harm === undefined) harmless.push(`${left}: ${syncs[left]}`);
    }
    // `/disk` was there before, and the very first state claims nothing: what becomes of its text is the same to everybody.
    expect(harmless).toEqual(["2: fsync /", expect.stringMatching(/^3: fsync .*boojum.new$/)]);
  });

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    "or kill after the other loses nothing (run %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const pick = (below: number) => Math.floor(random.next() * below);
      let promised: Promised[] = [];
      let sure: readonly number[] = [];
      const watched = { onSync: (call: SyncCall) => noteClaims(disk, call, promised) };
      let disk: LossyFiles = emptyDisk(watched);
      for (let round = 0; round < 5; round++) {
        const clock = new FakeClock();
        const line = random.next() < 0.5 ? { line: lineOn(disk) } : {};
        const place = await openOn(disk, seed, { clock, ...line });
        expect(await falseHave(place)).toBeUndefined();
        expect(
          sure.filter((piece) => !place.have.has(piece)),
          `round ${round}`,
        ).toEqual([]);
        await writeSome(place, clock, seed + round, pick(30));
        if (random.next() < 0.3) await place.close();
        const step = disk.steps.length - pick(random.next() < 0.5 ? 3 : disk.steps.length);
        const known = promised.filter((claim) => claim.step <= step).at(-1);
        sure = known?.pieces ?? sure;
        promised = [];
        const [kept, ...cuts] = fates(seed * 7 + round);
        const fate = random.next() < 0.5 ? kept : cuts[pick(cuts.length)];
        disk = disk.after(step, fate ?? { kind: "lost" }, watched);
        reboot(disk);
      }
      const place = await openOn(disk, seed);
      expect(sure.filter((piece) => !place.have.has(piece))).toEqual([]);
      await writeSome(place, new FakeClock(), seed, 60);
      await place.finish();
      await place.close();
      expectWhole(disk.after(disk.steps.length, { kind: "lost" }));
    },
  );
});
