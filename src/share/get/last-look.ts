/** What others did to a download's files until it was complete: told, and fetched again. */
import type { Download as Place } from "../../client/download.ts";
import { StorageError } from "../../client/errors.ts";
import type { GetEvent } from "../events.ts";

/** Whoever changes the files once more each time they are complete isn't followed for ever. */
const MOST_LOOKS = 5;

export interface LastLookParts {
  readonly place: Pick<Place, "lookAgain">;
  readonly tell: (event: GetEvent) => void;
  readonly stopping: AbortController;
}

/** @returns what a torrent does before it believes that it is complete; it rejects when that has no end. */
export function lastLookAt(
  { place, tell, stopping }: LastLookParts,
  lose: (pieces: readonly number[]) => void,
): () => Promise<void> {
  let looks = 0;
  return async () => {
    const lost = await place.lookAgain(stopping.signal);
    if (lost === undefined) return;
    const { path, pieces } = lost;
    looks++;
    if (looks > MOST_LOOKS) {
      const what = `${path} is changed by another program again and again while it is downloaded`;
      throw new StorageError(path, "changed", `${what}. Stop that, and start again; what is there is kept.`);
    }
    const again = pieces.length === 1 ? "A piece is" : `${pieces.length} pieces are`;
    const message = `${path} was changed by another program while it was downloaded. ${again} fetched again.`;
    tell({ event: "warning", code: "changed", message });
    lose(pieces);
  };
}
