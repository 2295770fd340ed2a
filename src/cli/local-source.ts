/** From a word-code or a name to the share on the local network that it means. */
import { readWordCode } from "../protocol/word-code.ts";
import type { FindEvent } from "../share/events.ts";
import type { LocalShare } from "../share/find/local-shares.ts";
import type { Source } from "../share/source.ts";
import type { Output } from "./output.ts";
import type { LocalName } from "./source.ts";
import { UsageError } from "./units.ts";

export interface LocalSourceOptions {
  readonly output: Output;
  /** False for `--no-lan`. */
  readonly lan: boolean;
}

/** A code takes longer: each share that is there costs a guess. */
const CODE_SECONDS = 10;

/**
 * @throws {UsageError} nobody has it, or nobody may be asked, or it means several things.
 */
export async function resolveSource(
  source: Source | LocalName,
  { output, lan }: LocalSourceOptions,
  signal: AbortSignal,
): Promise<Source> {
  if (source.kind !== "local") return source;
  const { text, otherwise } = source;
  const { DEFAULT_SEARCH_SECONDS, findByCode, findByName, sourceOfShares } = await import(
    "../share/find/find.ts"
  );
  const { lanIsForbidden } = await import("../share/lan-choice.ts");
  if (!lan || lanIsForbidden()) throw otherwise;
  const code = readWordCode(text);
  output.detail("looking on the local network");
  const found =
    code === undefined
      ? await findByName(text, DEFAULT_SEARCH_SECONDS, signal)
      : await findByCode(code, CODE_SECONDS, signal);
  const [first, ...others] = found;
  if (first === undefined) throw code === undefined ? otherwise : noSuchCode(code);
  if (others.some(({ infoHash }) => infoHash !== first.infoHash)) throw await ambiguous(text, found, output);
  return sourceOfShares([first, ...others]);
}

function noSuchCode(code: string): UsageError {
  return new UsageError(
    `No share on this network has the code ${code}. Is it heard right, and its publisher on the same network?`,
  );
}

/** Lists them, since the message has one line. */
async function ambiguous(name: string, shares: readonly LocalShare[], output: Output): Promise<UsageError> {
  for (const share of shares) output.event({ event: "found", ...share } satisfies FindEvent);
  // Measuring letters takes a while to load.
  const { shareLines } = await import("./ui/share-lines.ts");
  for (const line of shareLines(shares)) output.result(line);
  return new UsageError(
    `${shares.length} different shares here are called "${name}". Give the URL of the one you mean, or its code.`,
  );
}
