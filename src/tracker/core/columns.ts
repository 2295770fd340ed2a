/** Columns of numbers that grow: copied into longer ones, and their memory given back soon. */

/** Copies a column into a longer one, and gives up its memory: nobody may use it, or views of it, any more. */
export function grown<Column extends { readonly buffer: ArrayBufferLike; set(from: Column): void }>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  giveUp(from);
  return to;
}

/**
 * Gives up the memory of a column that has grown old. The collector looks at old arrays once in a long while only, and
 * doesn't see how much they hold; so the memory is moved to a young one that nobody has, which goes with the next look.
 */
export function giveUp({ buffer }: { readonly buffer: ArrayBufferLike }): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
}
