import { readSearchReply } from "./igd.ts";

/** A network has one gateway, or two. */
const MAX_ANSWERS = 8;
/** The older device and the newer one may be described apart. */
const MAX_OF_A_HOST = 2;

/** What a search for gateways has come to. Anybody can answer, as often as they like, and takes nobody else's place. */
export class SearchAnswers {
  readonly #expected: string | undefined;
  readonly #found: { readonly host: string; readonly location: URL }[] = [];

  /** @param expected where the default route leads: always let in */
  constructor(expected: string | undefined) {
    this.#expected = expected;
  }

  /** Where gateways describe themselves, those of the expected host first. */
  get locations(): readonly URL[] {
    const rank = ({ host }: { readonly host: string }) => Number(host !== this.#expected);
    return [...this.#found].sort((a, b) => rank(a) - rank(b)).map(({ location }) => location);
  }

  /** @returns whether `bytes`, which came from `host`, say where something is that is asked. */
  add(bytes: Uint8Array, host: string): boolean {
    const location = readSearchReply(bytes, host);
    if (location === undefined) return false;
    const ofHost = this.#found.filter((each) => each.host === host);
    if (ofHost.some((each) => each.location.href === location.href)) return true;
    if (ofHost.length === MAX_OF_A_HOST) return false;
    if (this.#found.length >= MAX_ANSWERS && host !== this.#expected) return false;
    this.#found.push({ host, location });
    return true;
  }
}
