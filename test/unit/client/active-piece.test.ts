import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActivePiece, BLOCK_LENGTH } from "../../../src/client/core/active-piece.ts";
import { pieceIndex } from "../../../src/protocol/ids.ts";

const BLOCKS = 5;
const PEERS = [1, 2, 3];

function fresh(): ActivePiece {
  return new ActivePiece(pieceIndex(7), BLOCKS * BLOCK_LENGTH - 1_000);
}

/** The same, said as plainly as possible: who was asked for each block, in order, or "here". */
class Model {
  readonly blocks: (number[] | "here")[] = Array.from({ length: BLOCKS }, () => []);

  asked(block: number): readonly number[] {
    const state = this.blocks[block];
    return state === undefined || state === "here" ? [] : state;
  }

  isFree(block: number): boolean {
    return this.blocks[block] !== "here" && this.asked(block).length === 0;
  }

  get free(): number[] {
    return [...this.blocks.keys()].filter((block) => this.isFree(block));
  }
}

/** Does it to both, when it may be done. @returns what `receive` says, and should say. */
function step(
  active: ActivePiece,
  model: Model,
  { what, block, peer }: Step,
): readonly (readonly number[])[] {
  const isHere = model.blocks[block] === "here";
  const asked = model.asked(block);
  if (what === "request") {
    if (isHere || asked.includes(peer)) return [];
    active.request(block, peer);
    model.blocks[block] = [...asked, peer];
  } else if (what === "release") {
    active.release(block, peer);
    if (!isHere) model.blocks[block] = asked.filter((each) => each !== peer);
  } else if (!isHere) {
    model.blocks[block] = "here";
    return [active.receive(block, peer), asked.filter((each) => each !== peer)];
  }
  return [];
}

/** A block as "here", or whom it was asked of: how many, first of whom, of which. */
function seen(active: ActivePiece, block: number): string {
  const asked = PEERS.filter((peer) => active.isRequestedFrom(block, peer));
  if (active.isReceived(block) && asked.length === 0) return "here";
  return `${active.requesterCount(block)}: ${active.firstRequester(block)} of ${asked}`;
}

function meant(model: Model, block: number): string {
  const asked = model.asked(block);
  if (model.blocks[block] === "here") return "here";
  return `${asked.length}: ${asked[0]} of ${[...asked].sort()}`;
}

interface Step {
  readonly what: "request" | "release" | "receive";
  readonly block: number;
  readonly peer: number;
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom("request" as const, "request" as const, "release" as const, "receive" as const),
    block: fc.nat(BLOCKS - 1),
    peer: fc.constantFrom(...PEERS),
  }),
  { maxLength: 40 },
);

describe("ActivePiece", () => {
  it("knows who was asked for each block, in which order, whatever happens", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const active = fresh();
        const model = new Model();
        for (const each of all) {
          const [told = [], expected = []] = step(active, model, each);
          if (`${told}` !== `${expected}`) return false;
          for (let block = 0; block < BLOCKS; block++) {
            if (seen(active, block) !== meant(model, block)) return false;
          }
        }
        return true;
      }),
    );
  });

  it("counts its blocks, and knows the first free ones", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const active = fresh();
        const model = new Model();
        for (const each of all) {
          step(active, model, each);
          const here = model.blocks.filter((state) => state === "here").length;
          const [first = -1] = model.free;
          const { freeCount, receivedCount, requestedCount, complete } = active;
          const counts = [active.nextFree(), freeCount, receivedCount, requestedCount, complete];
          const free = model.free.length;
          if (`${counts}` !== `${[first, free, here, BLOCKS - free - here, here === BLOCKS]}`) return false;
          if (first === -1) continue;
          let end = first;
          while (model.free.includes(end)) end++;
          const run = active.freeRun();
          if (run.first !== first || run.count !== end - first) return false;
        }
        return true;
      }),
    );
  });

  it("has whole blocks but for the last", () => {
    const active = fresh();
    expect(active.blockCount).toBe(BLOCKS);
    expect([...Array(BLOCKS).keys()].map((block) => active.blockLength(block))).toEqual([
      ...Array(BLOCKS - 1).fill(BLOCK_LENGTH),
      BLOCK_LENGTH - 1_000,
    ]);
    expect(new ActivePiece(pieceIndex(0), BLOCK_LENGTH).blockLength(0)).toBe(BLOCK_LENGTH);
  });

  it("remembers who gave what, asked for or not", () => {
    const active = fresh();
    active.request(0, 1);
    for (const [block, peer] of [2, 1, 3, 3, 2].entries()) active.receive(block, peer);
    expect(active.givers()).toEqual([2, 1, 3, 3, 2]);
  });
});
