/** The smallest and largest piece length that is chosen without being asked for; bytes. */
const SMALLEST = 16 * 1024;
const LARGEST = 16 * 1024 * 1024;
/** Enough pieces to spread in a swarm, few enough for a small torrent. */
const MOST_PIECES = 2_000;

/** What a caller may ask for; bytes. Below are blocks; above, a single bad byte costs too much. */
const PIECE_LENGTH_MIN = SMALLEST;
const PIECE_LENGTH_MAX = 64 * 1024 * 1024;

/**
 * The piece length for a share of `totalBytes`: a power of two from 16 KiB to 16 MiB, the smallest that gives no more
 * than 2,000 pieces, so there are 1,000 to 2,000 unless the share is smaller than 16 MiB or larger than 31 GiB.
 */
export function choosePieceLength(totalBytes: number): number {
  let length = SMALLEST;
  while (length < LARGEST && totalBytes > length * MOST_PIECES) length *= 2;
  return length;
}

/** @returns whether `length` is a power of two from 16 KiB to 64 MiB. */
export function isPieceLength(length: number): boolean {
  return (
    Number.isInteger(length) &&
    length >= PIECE_LENGTH_MIN &&
    length <= PIECE_LENGTH_MAX &&
    (length & (length - 1)) === 0
  );
}
