import type { Random } from "../../protocol/ambient.ts";
import type { Endpoints } from "./endpoints.ts";

export interface Sampling {
  /** The slot that is passed over; -1: none. */
  readonly asker: number;
  readonly leechersOnly: boolean;
  /** How many are to be told. */
  readonly wanted: number;
  /** Records to look at, told or not: keeps an announce cheap in a swarm where nearly all are passed over. */
  readonly looks: number;
}

/** Looks at the record at a position; true when it was told to the asker. */
export type TellRecord = (position: number) => boolean;

/** One part of the records, read round from a random place. */
interface Run {
  readonly first: number;
  readonly length: number;
  readonly start: number;
  /** How many were looked at. */
  done: number;
}

/**
 * Tells neighbours from a random place in each part of `endpoints`, leechers and seeders in the proportion in which
 * there are, so that everybody is told equally often. Neighbours are strangers: each part is in random order.
 */
export function sample(endpoints: Endpoints, random: Random, sampling: Sampling, tell: TellRecord): void {
  const { asker, leechersOnly, wanted } = sampling;
  const { leechers } = endpoints;
  const end = leechersOnly ? leechers : endpoints.listed;
  const skip = endpoints.position(asker);
  const otherLeechers = leechers - (skip >= 0 && skip < leechers ? 1 : 0);
  const others = end - leechers - (skip >= leechers && skip < end ? 1 : 0) + otherLeechers;
  if (others === 0 || wanted <= 0) return;
  // By chance, so that it is right on average; and so is who comes first, since some clients call in this order.
  const total = Math.min(wanted, others);
  const quota = Math.floor((total * otherLeechers) / others + random.next());
  const isFirst = random.next() * total < quota;
  const ofLeechers = runOf(0, leechers, random);
  const ofSeeders = runOf(leechers, end - leechers, random);
  const teller = new Teller(sampling, skip, tell);
  if (isFirst) teller.go(ofLeechers, quota);
  teller.go(ofSeeders, isFirst ? wanted : wanted - quota);
  teller.go(ofLeechers, wanted);
  // What the leechers lack, seeders fill up, and the other way round.
  teller.go(ofSeeders, wanted);
}

function runOf(first: number, length: number, random: Random): Run {
  return { first, length, start: Math.floor(random.next() * length), done: 0 };
}

class Teller {
  readonly #tell: TellRecord;
  readonly #skip: number;
  #left: number;
  #looks: number;

  constructor({ wanted, looks }: Sampling, skip: number, tell: TellRecord) {
    this.#tell = tell;
    this.#skip = skip;
    this.#left = wanted;
    this.#looks = looks;
  }

  /** Goes on with a run until `quota` were told, or as many as are wanted in all. */
  go(run: Run, quota: number): void {
    const stop = this.#left - Math.min(quota, this.#left);
    while (this.#left > stop && run.done < run.length && this.#looks > 0) {
      this.#looks--;
      const offset = run.start + run.done++;
      const at = run.first + (offset < run.length ? offset : offset - run.length);
      if (at !== this.#skip && this.#tell(at)) this.#left--;
    }
  }
}
