/** What exit codes mean, for people; {@link exitCodeOf} for errors. */
import { describeError } from "./output.ts";

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done; a publisher that was stopped, too"],
  [1, "failed: the message says what, and what to do"],
  [2, "the command line or a setting can't be understood"],
  [3, "verify, seed: the data do not match"],
  [4, "the disk is full or can't be written"],
  [5, "nobody has the data: --timeout ran out"],
  [130, "interrupted; get keeps what is there"],
];

/** By the `code` of the error. */
export function exitCodeOf(error: unknown): number {
  switch (describeError(error).code) {
    case "usage":
    case "option":
    case "magnet":
      return 2;
    case "mismatch":
      return 3;
    case "storage-full":
    case "storage-unwritable":
    case "output-unwritable":
      return 4;
    case "timeout":
      return 5;
    case "interrupted":
      return 130;
    default:
      return 1;
  }
}
