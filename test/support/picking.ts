/** A picker, and peers that ask it for blocks of four-block pieces. */
import { expect } from "vitest";
import { type ActivePiece, BLOCK_LENGTH } from "../../src/client/core/active-piece.ts";
import type { PickPeer } from "../../src/client/core/pick-peer.ts";
import { Picker, type PickerOptions } from "../../src/client/core/picker.ts";
import { Bitfield } from "../../src/protocol/bitfield.ts";
import { seededRandom } from "./seeded-random.ts";

/** Blocks of each piece. */
export const BLOCKS = 4;

/** `pieces` out of so many. */
export function someOf(length: number, pieces: Iterable<number>): Bitfield {
  const field = new Bitfield(length);
  for (const piece of pieces) field.add(piece);
  return field;
}

/** Everything is missing, equally wanted, and there's room for all of it. */
export function makePicker(pieces: number, options: Partial<PickerOptions> = {}): Picker {
  return new Picker({
    pieceCount: pieces,
    pieceSize: () => BLOCKS * BLOCK_LENGTH,
    missing: Bitfield.full(pieces),
    random: seededRandom(1),
    rank: () => 0,
    mayStart: () => true,
    ...options,
  });
}

export function picking(key: number, have: Bitfield, overrides: Partial<PickPeer> = {}): PickPeer {
  return { key, have, suggested: new Set(), only: undefined, ...overrides };
}

/** Each of them is counted as a source of what it has. */
export function sources(picker: Picker, ...haves: readonly Bitfield[]): PickPeer[] {
  return haves.map((have, key) => {
    picker.addPieces(have);
    return picking(key + 1, have);
  });
}

/** Picks, and says what as "piece:block". */
export function picked(picker: Picker, who: PickPeer, count: number): string[] {
  const blocks: string[] = [];
  const said = picker.pick(who, count, (active, block) => {
    expect(picker.active(active.piece)).toBe(active);
    expect(active.isRequestedFrom(block, who.key)).toBe(true);
    blocks.push(`${active.piece}:${block}`);
  });
  expect(said).toBe(blocks.length);
  return blocks;
}

/** `count` blocks of a piece from `first` on, as {@link picked} says them. */
export function blocksOf(piece: number, first = 0, count = BLOCKS - first): string[] {
  return Array.from({ length: count }, (_, i) => `${piece}:${first + i}`);
}

/** `who` sends what lacks of a started piece, or some blocks of it. @returns it. */
export function give(picker: Picker, piece: number, who: PickPeer, blocks?: Iterable<number>): ActivePiece {
  const active = picker.active(piece);
  if (active === undefined) throw new Error(`${piece} isn't started`);
  for (const block of blocks ?? Array(active.blockCount).keys()) {
    if (!active.isReceived(block)) active.receive(block, who.key);
  }
  picker.received(active);
  return active;
}

/** `who` takes back what it was asked for of a piece: these blocks, or all. */
export function giveUp(picker: Picker, piece: number, who: PickPeer, blocks?: Iterable<number>): void {
  for (const block of blocks ?? Array(BLOCKS).keys()) picker.release(piece, block * BLOCK_LENGTH, who.key);
}
