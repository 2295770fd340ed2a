/** Columns of numbers that grow: copied into longer ones, and their memory given back soon. */

/** What a swarm begins with; the same for all, since there may be thousands that hold next to nothing. */
export const NO_BYTES = new Uint8Array(0);
export const NO_NUMBERS = new Int32Array(0);
/** Bytes that V8 keeps in the small object itself, where the collector sees them. */
const IN_OBJECT = 64;

interface Column {
  readonly buffer: ArrayBufferLike;
  readonly byteLength: number;
}

/** Copies a column into a longer one, and gives up its memory: nobody may use it, or views of it, any more. */
export function grown<Numbers extends Column & { set(from: Numbers): void }>(
  from: Numbers,
  to: Numbers,
): Numbers {
  to.set(from);
  giveUp(from);
  return to;
}

/**
 * Gives up the memory of a column that has grown old. The collector looks at old arrays once in a long while only, and
 * doesn't see how much they hold; so the memory is moved to a young one that nobody has, which goes with the next look.
 */
export function giveUp(column: Column): void {
  if (column.byteLength <= IN_OBJECT) return;
  const { buffer } = column;
  if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
}
